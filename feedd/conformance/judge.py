"""What a client must report in a case, and whether it did. Pure.

A client reports in lines of words, one for each thing that it would hand to its caller; the words
stand in docs/conformance.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

STALE_S = 2.5
EARLY_S = 0.5  # a client may count from the beat before the last word that it heard
LATE_S = 1.5  # for a busy machine, and for how often a client looks
SHOWN = 3  # lines of each fault
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


class Line(NamedTuple):
    """One line that came, and when, by a monotonic clock."""

    at_s: float
    words: tuple[str, ...]


class Told(NamedTuple):
    """One message of a topic, as it was told: a tick, or part of a gap."""

    session: int
    seq: int
    fate: Fate


@dataclass(slots=True)
class Expected:
    """What a client must report in one case; filled in while the case is played."""

    topics: dict[str, list[Told]] = field(default_factory=dict)
    sessions: list[tuple[str, int, int]] = field(default_factory=list)
    upstream: list[tuple[str, str, str, str]] = field(default_factory=list)
    stopped: list[tuple[str, int]] = field(default_factory=list)
    stale: list[tuple[str, float]] = field(default_factory=list)  # with the last heartbeat's time
    live_again: list[tuple[str, float]] = field(default_factory=list)  # with the first one's
    ignored: set[str] = field(default_factory=set)  # topics that a client may report, or not
    excused: set[str] = field(default_factory=set)  # feeds whose heartbeats were late by our fault

    def wrong(self, lines: list[Line]) -> list[str]:
        """Return what is wrong with what came, a sentence each."""
        found = [f"can't be read: {' '.join(line.words)}" for line in lines if not _readable(line)]
        lines = [line for line in lines if _readable(line)]
        found += self._topics_wrong(lines)
        found += self._sessions_wrong(lines)
        found += _differing("UPSTREAM", self.upstream, lines)
        found += _differing("STOPPED", [(feed, str(s)) for feed, s in self.stopped], lines)
        found += self._states_wrong(lines)
        return found

    def _topics_wrong(self, lines: list[Line]) -> list[str]:
        came: dict[str, list[Told]] = {topic: [] for topic in self.topics}
        for _, (word, *rest) in lines:
            if word not in {"TICK", "GAP"} or rest[0] in self.ignored:
                continue
            session, first, last = int(rest[1]), int(rest[2]), int(rest[-1])
            fate: Fate = "tick" if word == "TICK" else "gap"
            told = came.setdefault(rest[0], [])
            told += [Told(session, seq, fate) for seq in range(first, last + 1)]
        found = []
        for topic, told in came.items():
            meant = self.topics.get(topic, [])
            if told != meant:
                found.append(f"{topic}: {_first_difference(meant, told)}")
        return found

    def _sessions_wrong(self, lines: list[Line]) -> list[str]:
        meant = [(feed, str(old), str(new)) for feed, old, new in self.sessions]
        found = _differing("SESSION", meant, lines)
        for feed, _, new in () if found else self.sessions:
            at = next(i for i, line in enumerate(lines) if _is_session(line, feed, new))
            for i, (_, (word, *rest)) in enumerate(lines):
                if word not in {"TICK", "GAP"} or rest[0].partition(".")[2] != feed:
                    continue
                if (int(rest[1]) >= new) is not (i > at):
                    found.append(
                        f"SESSION {feed} to {new} stands on the wrong side of "
                        f"{word} {' '.join(rest)}"
                    )
                    break
        return found

    def _states_wrong(self, lines: list[Line]) -> list[str]:
        came = [
            (line.words[1], line.at_s)
            for line in lines
            if line.words[0] == "STATE" and line.words[2] == "stale"
        ]
        found = []
        for feed, beat_s in self.stale:
            times = [at_s for name, at_s in came if name == feed]
            if not times:
                found.append(f"expected STATE {feed} stale; it never came")
            elif (
                feed not in self.excused
                and not STALE_S - EARLY_S <= times[0] - beat_s <= STALE_S + LATE_S
            ):
                found.append(
                    f"expected STATE {feed} stale {STALE_S:g} s after the last heartbeat; it came "
                    f"after {times[0] - beat_s:.1f} s"
                )
        feeds = [feed for feed, _ in self.stale]
        came = [(name, at_s) for name, at_s in came if name not in self.excused]
        false = [name for name, _ in came if name not in feeds]
        false += [feed for feed in feeds if sum(name == feed for name, _ in came) > 1]
        found += [f"STATE {feed} stale came once too often" for feed in dict.fromkeys(false)]
        for feed, since_s in self.live_again:
            words = ("STATE", feed, "live")
            if not any(line.words == words and line.at_s >= since_s for line in lines):
                found.append(f"expected STATE {feed} live when the heartbeats came again")
        return found


def _is_session(line: Line, feed: str, new: int) -> bool:
    return line.words[:2] == ("SESSION", feed) and line.words[3] == str(new)


def _readable(line: Line) -> bool:
    """Whether a line has a form's words, and numbers where those are numbers."""
    words = line.words
    form = FORMS.get(words[0]) if words else None
    if form is None or len(words) != len(form.split()):
        return False
    numbers = {"TICK": words[2:], "GAP": words[2:], "SESSION": words[2:], "STOPPED": words[2:]}
    ints = numbers.get(words[0], ())
    if not all(word.isascii() and word.isdecimal() and len(word) < 19 for word in ints):
        return False
    return words[0] != "GAP" or 0 <= int(words[4]) - int(words[3]) < LONGEST_GAP


def _differing(word: str, meant: Sequence[tuple[str, ...]], lines: list[Line]) -> list[str]:
    """Return what of a kind is missing or too much; their order is free."""
    came = [line.words[1:] for line in lines if line.words[0] == word]
    found = []
    for one in dict.fromkeys([*meant, *came]):
        want, got = meant.count(one), came.count(one)
        if want > got:
            found.append(f"expected {word} {' '.join(one)}; it never came")
        elif got > want:
            found.append(f"{word} {' '.join(one)} came {got} times; expected {want}")
    return found


def _first_difference(meant: list[Told], told: list[Told]) -> str:
    at = next((i for i, (a, b) in enumerate(zip(meant, told, strict=False)) if a != b), None)
    if at is None:
        at = min(len(meant), len(told))
    return f"expected {_shown(meant, at)}; came {_shown(told, at)}"


def _shown(those: list[Told], at: int) -> str:
    if at >= len(those):
        return "nothing more" if those else "nothing"
    few = [f"{one.fate.upper()} {one.session} {one.seq}" for one in those[at : at + SHOWN]]
    return ", ".join(few) + (" …" if len(those) > at + SHOWN else "")
