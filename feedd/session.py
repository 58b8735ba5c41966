"""What one life of a worker knows of its feed: state, staleness and gaps, channel by channel.

It is pure: it has no socket, no loop and no clock. Tell it what happened and when, and read it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from feedd.model import Gap

if TYPE_CHECKING:
    from collections.abc import Iterable

    from feedd.model import EventId, State

S = 1_000_000_000

# How long a connected channel may be silent before it counts as stale.
STALE_AFTER_NS: dict[str, int] = {
    "ticker": 30 * S, "quote": 30 * S, "book": 30 * S, "mark": 30 * S,
    "trade": 600 * S, "candle": 600 * S, "liquidation": 86_400 * S,
}  # fmt: skip
# Channels that are silent while the market is: they are live once they are subscribed to.
SPARSE = frozenset({"trade", "candle", "liquidation"})
RECONNECT_AFTER_LIMITS = 2  # a silence of so many limits ends the connection

Phase = Literal["starting", "live", "stale", "lost", "resync"]


@dataclass(slots=True)
class _Channel:
    phase: Phase = "starting"
    subscribed: bool = False
    since_ns: int = 0
    reason: str | None = None
    last_id: EventId = None
    had_event: bool = False
    heard: bool = False  # since the last look for what is overdue
    gap_reason: str | None = None


class Session:
    """The state of one feed. All its times are of one monotonic clock, in ns.

    `changed` is set whenever a channel's phase changes; whoever reports the state clears it.
    `self_checked` names the channels whose source finds every hole by itself and tells of it with
    `missing`; in the others a lost connection and an unreadable message count as one. Ids are the
    exchange's.
    """

    def __init__(
        self, channels: Iterable[str], now_ns: int, self_checked: frozenset[str] = frozenset()
    ) -> None:
        self._channels = {channel: _Channel(since_ns=now_ns) for channel in channels}
        self._self_checked = self_checked
        self._stopped: str | None = None
        self.changed = True
        self.messages = 0
        self.reconnects = 0
        self.gaps = 0
        self.rejected = 0

    @property
    def channels(self) -> tuple[str, ...]:
        """Return the names of the channels."""
        return tuple(self._channels)

    @property
    def state(self) -> State:
        """Return the state of the whole: that of its worst channel."""
        if self._stopped is not None:
            return "stopped"
        phases = [channel.phase for channel in self._channels.values()]
        if "lost" in phases:
            return "reconnecting"
        if "resync" in phases:
            return "resync"
        if "stale" in phases:
            return "stale"
        if "starting" in phases:
            return "starting"
        return "live"

    @property
    def reason(self) -> str | None:
        """Return why the state is what it is, naming the channels; None while live."""
        if self._stopped is not None:
            return self._stopped
        state = self.state
        if state == "live":
            return None
        phase = {"reconnecting": "lost"}.get(state, state)
        names: dict[str, list[str]] = {}
        for name, channel in self._channels.items():
            if channel.phase == phase:
                names.setdefault(channel.reason or "waiting for the first event", []).append(name)
        return "; ".join(f"{', '.join(those)}: {reason}" for reason, those in names.items())

    def subscribed(self, name: str, now_ns: int) -> None:
        """Note that a connection for a channel stands and its subscription is on the way."""
        channel = self._channels[name]
        channel.subscribed = True
        channel.heard = False
        channel.since_ns = now_ns
        if channel.phase == "lost" and channel.had_event:
            self.reconnects += 1
        if name in SPARSE:
            self._turn(channel, "live")

    def event(self, name: str, event_id: EventId) -> Gap | None:
        """Take an event of a channel; return the gap before it, if there is one."""
        channel = self._channels[name]
        self.messages += 1
        gap = None
        before = channel.last_id
        if channel.gap_reason is not None:
            gap = self._gap(Gap(name, before, event_id, channel.gap_reason))
            channel.gap_reason = None
        channel.last_id = event_id if event_id is not None else before
        channel.had_event = channel.heard = True
        if channel.phase != "live":
            self._turn(channel, "live")
        return gap

    def missing(self, name: str, from_id: EventId, to_id: EventId, reason: str) -> Gap:
        """Note a hole that the source found; return it as it is to be told."""
        return self._gap(Gap(name, from_id, to_id, reason))

    def resync(self, name: str, reason: str) -> None:
        """Note that a channel waits for a new snapshot: until its next event nothing is known."""
        self._turn(self._channels[name], "resync", reason)

    def heard(self, name: str) -> None:
        """Note a sign of life that is no event."""
        channel = self._channels[name]
        channel.heard = True
        if channel.phase == "stale":
            self._turn(channel, "live")

    def lost(self, name: str, reason: str) -> None:
        """Note that a channel's connection is gone, or could not be made."""
        channel = self._channels[name]
        self._turn(channel, "lost", reason)
        channel.subscribed = False
        if self._counts_as_hole(name, channel):
            channel.gap_reason = f"reconnect after: {reason}"

    def reject(self, names: Iterable[str], reason: str) -> None:
        """Note that a message of one of these channels could not be read."""
        self.rejected += 1
        for name in names:
            channel = self._channels[name]
            if self._counts_as_hole(name, channel):
                channel.gap_reason = f"a message could not be read: {reason}"

    def stop(self, reason: str) -> None:
        """Note that the worker ends."""
        self._stopped = reason
        self.changed = True

    def overdue(self, now_ns: int) -> list[str]:
        """Mark as stale what is silent for too long; return what should be connected anew."""
        restart = []
        for name, channel in self._channels.items():
            if not channel.subscribed:
                continue
            limit_ns = STALE_AFTER_NS[name]
            if channel.heard:
                channel.heard = False
                channel.since_ns = now_ns
            silent_ns = now_ns - channel.since_ns
            if silent_ns > limit_ns:
                self._turn(channel, "stale", f"silent for more than {limit_ns // S} s")
            if silent_ns > RECONNECT_AFTER_LIMITS * limit_ns:
                restart.append(name)
        return restart

    def _turn(self, channel: _Channel, phase: Phase, reason: str | None = None) -> None:
        channel.phase = phase
        channel.reason = reason
        self.changed = True

    def _counts_as_hole(self, name: str, channel: _Channel) -> bool:
        return channel.had_event and channel.gap_reason is None and name not in self._self_checked

    def _gap(self, gap: Gap) -> Gap:
        self.gaps += 1
        return gap
