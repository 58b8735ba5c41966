"""Whether feeds reported disconnects, silences and missing heartbeats in time. Pure.

Times are ns since the epoch: of the exchange's marks, and of a state's publication or, for the
client library, of its report.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from feedd.clock import NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from feedd.audit.findings import Finding, Limits
    from feedd.audit.truth import Mark

SILENCING = frozenset({"stall", "mute"})  # faults that leave a connection open and silent

Feed = tuple[str, str]  # exchange, and its id of the symbol
MarkOf = tuple["Mark", set[tuple[str, str, str]]]  # and the feeds that it concerns


@dataclass(slots=True)
class Timeline:
    """One feed's states and heartbeats, by time."""

    topic: str
    changes: list[tuple[int, str]] = field(default_factory=list)
    stale_after_s: dict[str, list[tuple[int, float]]] = field(default_factory=dict)  # by channel
    heartbeat_ns: int | None = None
    without_heartbeat: list[tuple[int, int]] = field(default_factory=list)  # periods
    last_ns: int = 0

    def change(self, ns: int, state: str) -> None:
        """Take a state."""
        self.last_ns = max(self.last_ns, ns)
        if not self.changes or self.changes[-1][1] != state:
            self.changes.append((ns, state))

    def heartbeat(self, ns: int, stale_ns: int) -> None:
        """Take a heartbeat."""
        if self.heartbeat_ns is not None and ns - self.heartbeat_ns > stale_ns:
            self.without_heartbeat.append((self.heartbeat_ns, ns))
        self.heartbeat_ns = ns

    def limit(self, channel: str, ns: int, stale_after_s: float) -> None:
        """Take the silence in s after which a channel is stale."""
        limits = self.stale_after_s.setdefault(channel, [])
        if not limits or limits[-1][1] != stale_after_s:
            limits.append((ns, stale_after_s))

    def at(self, ns: int) -> str | None:
        """Return the state at a time; None before the first."""
        place = bisect_right(self.changes, (ns, "\U0010ffff"))
        return self.changes[place - 1][1] if place else None

    def first(self, since_ns: int, *, live: bool) -> int | None:
        """Return when the feed was first live, or not live, from a time on."""
        state = self.at(since_ns)
        if state is not None and (state == "live") is live:
            return since_ns
        place = bisect_right(self.changes, (since_ns, "\U0010ffff"))
        for ns, later in self.changes[place:]:
            if (later == "live") is live:
                return ns
        return None

    def stale_after(self, channels: Iterable[str], ns: int) -> float | None:
        """Return the shortest limit of some channels at a time."""
        known = []
        for channel in channels:
            limits = self.stale_after_s.get(channel, [])
            place = bisect_right(limits, (ns, float("inf")))
            if limits:
                known.append(limits[max(0, place - 1)][1])
        return min(known, default=None)


class _OpenConnections:
    """The open connections, and the channels of each."""

    def __init__(self) -> None:
        self._channels: dict[int, set[str]] = {}
        self._newest = 0

    def take(self, mark: Mark, those: set[str]) -> bool:
        """Take a mark; return whether it closes a connection while others carry its channels."""
        number = mark.connection
        if number is None:
            return False
        if mark.kind == "opened":
            if number <= self._newest:
                self._channels.clear()  # the exchange restarted, and with it the numbers
            self._newest = number
            self._channels[number] = those
        elif mark.kind == "closed":
            self._channels.pop(number, None)
            return those <= set().union(*self._channels.values())
        return False


def judge_marks(
    marks: list[MarkOf], feed: Feed, line: Timeline, limits: Limits, to: Finding
) -> None:
    """Judge a feed's states after each change of its connections."""
    mine = [
        (mark, {channel for exchange, symbol, channel in about if (exchange, symbol) == feed})
        for mark, about in marks
    ]
    mine = sorted(((mark, those) for mark, those in mine if those), key=lambda one: one[0].ns)
    connections = _OpenConnections()
    for number, (mark, those) in enumerate(mine):
        continues = connections.take(mark, those)
        limit_s = _limit_s(mark, those, line, limits)
        if limit_s is None or continues or line.at(mark.ns) in {None, "stopped"}:
            continue
        back = next(_restored(mine[number + 1 :], mark, those), None)
        _judge_loss(mark, back, limit_s, line, to)
        if back is not None:
            again = next(
                (
                    later.ns
                    for later, channels in mine
                    if later.ns > back.ns
                    and channels & those
                    and _limit_s(later, channels, line, limits) is not None
                ),
                None,
            )
            _judge_return(back, again, limits.live_s, line, to)


def judge_heartbeats(line: Timeline, end_ns: int, limits: Limits, to: Finding) -> None:
    """Judge whether the client library reported `stale` whenever heartbeats stopped."""
    stale_ns = int(limits.stale_s * NS_PER_S)
    if line.heartbeat_ns is not None and end_ns - line.heartbeat_ns > stale_ns:
        line.without_heartbeat.append((line.heartbeat_ns, end_ns))
    for since_ns, until_ns in line.without_heartbeat:
        to.counts.truth += 1
        if line.at(since_ns) == "stopped":
            continue
        silent_ns = line.first(since_ns, live=False)
        if silent_ns is None or silent_ns > until_ns:
            to.counts.never += 1
            to.breach(
                since_ns,
                f"never: no heartbeat for {(until_ns - since_ns) / NS_PER_S:.1f} s, "
                "and it was not reported",
            )
        elif silent_ns - since_ns > stale_ns:
            to.counts.late += 1
            to.breach(
                since_ns, f"late: stale {(silent_ns - since_ns) / NS_PER_S:.1f} s after a heartbeat"
            )


def _limit_s(mark: Mark, those: set[str], line: Timeline, limits: Limits) -> float | None:
    """Return the limit in s by which the state must show a mark; None if it need not."""
    if mark.kind == "closed" and mark.by == "exchange":
        return limits.closed_s
    if mark.kind == "fault" and mark.fault in SILENCING:
        after_s = line.stale_after(those, mark.ns)
        return None if after_s is None else after_s * limits.silences
    return None


def _restored(later: list[tuple[Mark, set[str]]], mark: Mark, those: set[str]) -> Iterator[Mark]:
    """Yield the marks that end the outage of another."""
    for other, channels in later:
        if channels & those and (
            (mark.kind == "closed" and other.kind == "opened")
            or (mark.kind == "fault" and other.kind == "clear" and other.fault == mark.fault)
        ):
            yield other


def _judge_loss(mark: Mark, back: Mark | None, limit_s: float, line: Timeline, to: Finding) -> None:
    due_ns = mark.ns + int(limit_s * NS_PER_S)
    if mark.kind == "fault" and back is not None and back.ns <= due_ns:
        return  # it ended before it had to show
    shown_ns = line.first(mark.ns, live=False)
    if (shown_ns is None or shown_ns > due_ns) and line.last_ns < due_ns:
        return  # the recording ends before
    to.counts.truth += 1
    if shown_ns is not None and shown_ns <= due_ns:
        return
    what = f"{mark.kind} {mark.fault or ''} of connection {mark.connection}".replace("  ", " ")
    if shown_ns is None or (back is not None and shown_ns > back.ns + int(limit_s * NS_PER_S)):
        to.counts.never += 1
        to.breach(mark.ns, f"never: {what}, and the feed stayed live")
    else:
        to.counts.late += 1
        to.breach(
            mark.ns,
            f"late: {what}, and the feed was live for {(shown_ns - mark.ns) / NS_PER_S:.1f} s more "
            f"({limit_s:g} s are allowed)",
        )


def _judge_return(
    back: Mark, again_ns: int | None, live_s: float, line: Timeline, to: Finding
) -> None:
    due_ns = back.ns + int(live_s * NS_PER_S)
    live_ns = line.first(back.ns, live=True)
    if live_ns is not None and live_ns <= due_ns:
        to.counts.truth += 1
        return
    if (again_ns is not None and again_ns <= due_ns) or line.last_ns < due_ns:
        return  # it was lost again meanwhile, or the recording ends before
    if any(back.ns <= ns <= due_ns and state == "stopped" for ns, state in line.changes):
        return
    to.counts.truth += 1
    if live_ns is None:
        to.counts.never += 1
        to.breach(back.ns, f"never: {back.kind}, and the feed was not live again")
    else:
        to.counts.late += 1
        to.breach(back.ns, f"late: live {(live_ns - back.ns) / NS_PER_S:.1f} s after {back.kind}")
