"""Required output of a client in a case, and its comparison with the actual output. Pure.

A client prints one line of words for each event that it would return to its caller;
docs/conformance.md defines the lines.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

STALE_S = 2.5
EARLY_S = 0.5  # a client may count from the heartbeat before the last one
LATE_S = 1.5  # for a busy machine, and for the client's check interval
SHOWN = 3  # lines shown of each failure
LONGEST_GAP = 10_000

Fate = Literal["tick", "gap"]

FORMS = {
    "TICK": "TICK topic session seq",
    "GAP": "GAP topic session from to",
    "SESSION": "SESSION feed old new",
    "UPSTREAM": "UPSTREAM feed channel from to",
    "STATE": "STATE feed state",
    "STOPPED": "STOPPED feed session",
}


class OutputLine(NamedTuple):
    """One line of the client's output, with its arrival time on a monotonic clock."""

    at_s: float
    words: tuple[str, ...]


class ReportedMessage(NamedTuple):
    """One message of a topic as the client reported it: a tick, or part of a gap."""

    session: int
    seq: int
    fate: Fate


@dataclass(slots=True)
class Expected:
    """Required output of a client in one case; filled while the case runs."""

    topics: dict[str, list[ReportedMessage]] = field(default_factory=dict)
    sessions: list[tuple[str, int, int]] = field(default_factory=list)
    upstream: list[tuple[str, str, str, str]] = field(default_factory=list)
    stopped: list[tuple[str, int]] = field(default_factory=list)
    stale: list[tuple[str, float]] = field(
        default_factory=list
    )  # with the time of the last heartbeat
    live_again: list[tuple[str, float]] = field(
        default_factory=list
    )  # with the time of the first one
    ignored: set[str] = field(default_factory=set)  # topics that a client may or may not report
    excused: set[str] = field(default_factory=set)  # feeds whose heartbeats this run sent late

    def wrong(self, lines: list[OutputLine]) -> list[str]:
        """Return one sentence for each failure."""
        found = [f"invalid line: {' '.join(line.words)}" for line in lines if not _valid(line)]
        lines = [line for line in lines if _valid(line)]
        found += self._topics_wrong(lines)
        found += self._sessions_wrong(lines)
        found += _differing("UPSTREAM", self.upstream, lines)
        found += _differing("STOPPED", [(feed, str(s)) for feed, s in self.stopped], lines)
        found += self._states_wrong(lines)
        return found

    def _topics_wrong(self, lines: list[OutputLine]) -> list[str]:
        received: dict[str, list[ReportedMessage]] = {topic: [] for topic in self.topics}
        for _, (word, *rest) in lines:
            if word not in {"TICK", "GAP"} or rest[0] in self.ignored:
                continue
            session, first, last = int(rest[1]), int(rest[2]), int(rest[-1])
            fate: Fate = "tick" if word == "TICK" else "gap"
            reported = received.setdefault(rest[0], [])
            reported += [ReportedMessage(session, seq, fate) for seq in range(first, last + 1)]
        found = []
        for topic, reported in received.items():
            required = self.topics.get(topic, [])
            if reported != required:
                found.append(f"{topic}: {_first_difference(required, reported)}")
        return found

    def _sessions_wrong(self, lines: list[OutputLine]) -> list[str]:
        required = [(feed, str(old), str(new)) for feed, old, new in self.sessions]
        found = _differing("SESSION", required, lines)
        for feed, _, new in () if found else self.sessions:
            at = next(i for i, line in enumerate(lines) if _is_session(line, feed, new))
            for i, (_, (word, *rest)) in enumerate(lines):
                if word not in {"TICK", "GAP"} or rest[0].partition(".")[2] != feed:
                    continue
                if (int(rest[1]) >= new) is not (i > at):
                    found.append(
                        f"SESSION {feed} to {new} is on the wrong side of {word} {' '.join(rest)}"
                    )
                    break
        return found

    def _states_wrong(self, lines: list[OutputLine]) -> list[str]:
        received = [
            (line.words[1], line.at_s)
            for line in lines
            if line.words[0] == "STATE" and line.words[2] == "stale"
        ]
        found = []
        for feed, heartbeat_s in self.stale:
            times = [at_s for name, at_s in received if name == feed]
            if not times:
                found.append(f"expected STATE {feed} stale; it was not reported")
            elif (
                feed not in self.excused
                and not STALE_S - EARLY_S <= times[0] - heartbeat_s <= STALE_S + LATE_S
            ):
                found.append(
                    f"expected STATE {feed} stale {STALE_S:g} s after the last heartbeat; it was "
                    f"reported after {times[0] - heartbeat_s:.1f} s"
                )
        feeds = [feed for feed, _ in self.stale]
        received = [(name, at_s) for name, at_s in received if name not in self.excused]
        false = [name for name, _ in received if name not in feeds]
        false += [feed for feed in feeds if sum(name == feed for name, _ in received) > 1]
        found += [
            f"STATE {feed} stale was reported once too often" for feed in dict.fromkeys(false)
        ]
        found += _repeated_states(lines)
        for feed, since_s in self.live_again:
            words = ("STATE", feed, "live")
            if not any(line.words == words and line.at_s >= since_s for line in lines):
                found.append(f"expected STATE {feed} live after the heartbeats resumed")
        return found


def _repeated_states(lines: list[OutputLine]) -> list[str]:
    """Return the states that were reported again without a change; a reason never changes here."""
    last: dict[str, str] = {}
    found = []
    for _, words in lines:
        if words[0] == "STATE":
            if last.get(words[1]) == words[2]:
                found.append(f"STATE {words[1]} {words[2]} was reported again without a change")
            last[words[1]] = words[2]
        elif words[0] == "STOPPED":
            last.pop(words[1], None)
    return list(dict.fromkeys(found))


def _is_session(line: OutputLine, feed: str, new: int) -> bool:
    return line.words[:2] == ("SESSION", feed) and line.words[3] == str(new)


def _valid(line: OutputLine) -> bool:
    """Whether a line has the words of a form, and numbers where the form has numbers."""
    words = line.words
    form = FORMS.get(words[0]) if words else None
    if form is None or len(words) != len(form.split()):
        return False
    numbers = {"TICK": words[2:], "GAP": words[2:], "SESSION": words[2:], "STOPPED": words[2:]}
    ints = numbers.get(words[0], ())
    if not all(word.isascii() and word.isdecimal() and len(word) < 19 for word in ints):
        return False
    return words[0] != "GAP" or 0 <= int(words[4]) - int(words[3]) < LONGEST_GAP


def _differing(
    word: str, required: Sequence[tuple[str, ...]], lines: list[OutputLine]
) -> list[str]:
    """Return missing and surplus lines of one form; their order is free."""
    received = [line.words[1:] for line in lines if line.words[0] == word]
    found = []
    for one in dict.fromkeys([*required, *received]):
        want, got = required.count(one), received.count(one)
        if want > got:
            found.append(f"expected {word} {' '.join(one)}; it was not reported")
        elif got > want:
            found.append(f"{word} {' '.join(one)} was reported {got} times; expected {want}")
    return found


def _first_difference(required: list[ReportedMessage], reported: list[ReportedMessage]) -> str:
    at = next((i for i, (a, b) in enumerate(zip(required, reported, strict=False)) if a != b), None)
    if at is None:
        at = min(len(required), len(reported))
    return f"expected {_shown(required, at)}; received {_shown(reported, at)}"


def _shown(those: list[ReportedMessage], at: int) -> str:
    if at >= len(those):
        return "nothing more" if those else "nothing"
    few = [f"{one.fate.upper()} {one.session} {one.seq}" for one in those[at : at + SHOWN]]
    return ", ".join(few) + (" …" if len(those) > at + SHOWN else "")
