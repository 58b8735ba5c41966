"""State, staleness and gaps of a feed in one session of its worker, channel by channel. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from msgspec.structs import replace

from feedd.channels import CHANNELS
from feedd.clock import NS_PER_S
from feedd.feed.last_hour import Occurrences, Uptime
from feedd.feed.staleness import AdaptiveLimit, RenewalPause
from feedd.model import ABSENT, Gap, forwards

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from feedd.model import EventId, State

RECONNECT_AFTER_LIMITS = 2  # a silence of so many limits renews the subscription
# A connection without a frame for so long is dead, whatever its channels usually do: pings go out
# every few seconds, and each is answered.
CONNECTION_DEAD_NS = 20 * NS_PER_S
# Without an event for so long, a channel of a symbol that is not traded is stale for that reason.
NOT_TRADED_NS = 30 * NS_PER_S
NOT_TRADED_RENEWAL_NS = 600 * NS_PER_S  # pause before the first renewal; then it grows
ASLEEP_NS = 3 * NS_PER_S  # a check that late: this process was held up, not the channel

Phase = Literal["starting", "live", "stale", "lost", "resync"]


class SilentChannel(NamedTuple):
    """A channel to subscribe to again; `flowing` are those that received data meanwhile."""

    name: str
    reason: str
    flowing: frozenset[str]


@dataclass(slots=True)
class ChannelState:
    """State of one channel; `last_received_ns` is wall-clock time, the other times are not."""

    staleness: AdaptiveLimit
    phase: Phase = "starting"
    subscribed: bool = False
    since_ns: int = 0  # silent since
    activity: int | None = None  # of its connection, at the last check
    active_ns: int = 0  # when that last changed
    reason: str | None = None
    waits: bool = False  # for the budget that all workers share
    last_received_ns: int | None = None
    messages: int = 0
    dated: tuple[int, int] = (0, 0)  # `messages` at the last `age_ns`, and when the last came
    reconnects: int = 0
    gaps: int = 0
    tries: int = 0  # connections lost since the last event
    reconnected: Occurrences = field(default_factory=Occurrences)
    connection: Uptime = field(default_factory=Uptime)
    last_id: EventId = None
    had_event: bool = False
    active: bool = False  # since the last check for silence
    subscribed_ns: int = 0
    spoke: bool = False  # since it was subscribed to
    compared_ns: int | None = None  # with a REST snapshot, and in agreement
    pause: RenewalPause = field(default_factory=RenewalPause)
    gap_reason: str | None = None

    @property
    def state(self) -> State:
        """The phase under its name on the wire."""
        return "reconnecting" if self.phase == "lost" else self.phase


def not_traded_text(word: str) -> str:
    """Return the reason of a symbol that is silent because the exchange does not trade it."""
    return "no longer listed" if word == ABSENT else f"listed as {word}, not traded"


class Session:
    """The state of one feed. All its times are of one monotonic clock, in ns.

    `changed` is set when a channel's phase changes; the owner clears it after a report.
    `self_checked` names the channels whose source detects every gap and reports it with `missing`;
    in the others a lost connection and a malformed message count as a gap. Ids are the exchange's.
    """

    def __init__(
        self, channels: Iterable[str], now_ns: int, self_checked: frozenset[str] = frozenset()
    ) -> None:
        self._channels = {
            name: ChannelState(AdaptiveLimit(name), since_ns=now_ns) for name in channels
        }
        self._self_checked = self_checked
        self._stopped: str | None = None
        self._listing: str | None = None
        self.changed = True
        self._checked_ns = now_ns
        self.rejected = 0

    @property
    def channels(self) -> dict[str, ChannelState]:
        """Return the channels by name, to be read."""
        return self._channels

    @property
    def listing(self) -> str | None:
        """Return the exchange's word for a symbol that it does not trade, or None."""
        return self._listing

    @property
    def receives_nothing(self) -> bool:
        """Whether channels are subscribed to, and none has received anything lately."""
        subscribed = [channel for channel in self._channels.values() if channel.subscribed]
        return bool(subscribed) and all(
            not channel.spoke or self._checked_ns - channel.since_ns > NOT_TRADED_NS
            for channel in subscribed
        )

    @property
    def messages(self) -> int:
        """Return how many events came."""
        return sum(channel.messages for channel in self._channels.values())

    @property
    def reconnects(self) -> int:
        """Return the number of reconnects; each channel of a shared connection counts."""
        return sum(channel.reconnects for channel in self._channels.values())

    @property
    def gaps(self) -> int:
        """Return the number of gaps."""
        return sum(channel.gaps for channel in self._channels.values())

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
        """Return the reason of the state, with the names of the channels; None while live."""
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
        """Note that a channel's connection is established and its subscription sent."""
        channel = self._channels[name]
        if channel.phase == "lost" and channel.had_event and not channel.subscribed:
            channel.reconnects += 1
            channel.reconnected.add(now_ns)
        channel.subscribed = True
        channel.active = channel.spoke = False
        channel.since_ns = channel.active_ns = channel.subscribed_ns = now_ns
        channel.activity = None
        channel.connection.up(now_ns)
        self._begin(name, channel)

    def event(self, name: str, event_id: EventId, received_ns: int) -> Gap | None:
        """Take an event of a channel; return the gap before it, if there is one."""
        channel = self._channels[name]
        channel.messages += 1
        channel.last_received_ns = received_ns
        gap = None
        before = channel.last_id
        if channel.phase == "stale" and self._loses_events(name, channel):
            channel.gap_reason = f"{channel.reason}, then resumed"
        if channel.gap_reason is not None:
            gap = self._gap(Gap(name, before, event_id, channel.gap_reason))
            channel.gap_reason = None
        channel.last_id = event_id if event_id is not None else before
        if channel.phase != "live":
            if channel.phase == "lost" and not channel.subscribed:
                self.subscribed(name, self._checked_ns)  # before the exchange's answer
            self._enter(channel, "live")
        channel.had_event = channel.active = True
        return gap

    def age_ns(self, name: str, now_ns: int, wall_ns: int, since_ns: int) -> int | None:
        """Return the time since a channel's last event; None if there was none.

        `now_ns` and `since_ns`, the time of the previous call, are monotonic. The event's own time
        is not: what a step of the wall clock makes impossible does not count.
        """
        channel = self._channels[name]
        if channel.last_received_ns is None:
            return None
        messages, came_ns = channel.dated
        if messages != channel.messages:
            age_ns = wall_ns - channel.last_received_ns
            came_ns = now_ns - min(max(age_ns, 0), max(now_ns - since_ns, 0))
            channel.dated = (channel.messages, came_ns)
        return now_ns - came_ns

    def missing(self, name: str, from_id: EventId, to_id: EventId, reason: str) -> Gap:
        """Count and return a gap that the source detected."""
        return self._gap(Gap(name, from_id, to_id, reason))

    def resync(self, name: str, reason: str, *, waits: bool = False) -> None:
        """Note that a channel waits for a new snapshot; its data is unknown until then."""
        self._enter(self._channels[name], "resync", reason, waits=waits)

    def alive(self, name: str) -> None:
        """Note activity other than an event."""
        channel = self._channels[name]
        channel.active = True
        if channel.phase == "stale":
            self._enter(channel, "live")

    def lost(self, name: str, reason: str, now_ns: int, *, waits: bool = False) -> None:
        """Note that a channel's connection is lost, failed to open, or waits for the budget."""
        channel = self._channels[name]
        self._enter(channel, "lost", reason, waits=waits)
        channel.connection.down(now_ns)
        channel.subscribed = False
        channel.tries += not waits
        if self._loses_events(name, channel):
            channel.gap_reason = f"reconnect after: {reason}"

    def listed(self, word: str | None, now_ns: int) -> list[str]:
        """Take the exchange's word for a symbol that it does not trade; None: it is traded.

        Return the channels to subscribe to again, because trading has begun since.
        """
        if word == self._listing:
            return []
        self._listing = word
        silent = []
        for name, channel in self._channels.items():
            if not channel.subscribed:
                continue
            if word is not None:
                if channel.phase != "resync" and now_ns - channel.since_ns > NOT_TRADED_NS:
                    self._enter(channel, "stale", self._why_silent(channel))
                elif not channel.spoke:
                    self._begin(name, channel)
            elif channel.phase == "stale":
                channel.since_ns = now_ns
                channel.pause.reset()
                self._begin(name, channel)
                silent.append(name)
        return silent

    def reject(self, names: Iterable[str], reason: str) -> None:
        """Count a malformed message of one of these channels."""
        self.rejected += 1
        for name in names:
            channel = self._channels[name]
            if self._loses_events(name, channel):
                channel.gap_reason = f"a message could not be read: {reason}"

    def stop(self, reason: str) -> None:
        """Note that the worker ends."""
        self._stopped = reason
        self.changed = True

    def overdue(self, now_ns: int, activity: Callable[[str], int | None]) -> list[SilentChannel]:
        """Mark channels that are silent for too long as stale; return those to subscribe to again.

        Call it about once a second. `activity` returns a number that changes with every frame of a
        channel's connection, pongs included, or None where that is unknown. A silent channel on a
        connection that answers is quiet until its own limit; on one that does not, it is dead.
        """
        passed_ns = now_ns - self._checked_ns
        slept_ns = passed_ns - NS_PER_S if passed_ns > ASLEEP_NS else 0
        self._checked_ns = now_ns
        due = []
        for name, channel in self._channels.items():
            if not channel.subscribed:
                continue
            channel.since_ns += slept_ns
            channel.active_ns += slept_ns
            current = activity(name)
            if channel.active or current != channel.activity:
                channel.activity = current
                channel.active_ns = now_ns
            if channel.active:
                channel.active = False
                channel.spoke = True
                channel.tries = 0
                if now_ns - channel.subscribed_ns > channel.staleness.limit_ns:
                    channel.pause.reset()  # not by what a subscription begins with
                channel.staleness.learn(now_ns - channel.since_ns)
                channel.since_ns = now_ns
            if self._silent_too_long(channel, now_ns):
                due.append(name)
        return [self._silent(name, now_ns) for name in due]

    def _silent_too_long(self, channel: ChannelState, now_ns: int) -> bool:
        """Mark a channel that is silent for too long; return whether to subscribe to it again."""
        limit_ns = channel.staleness.limit_ns
        silent_ns = now_ns - channel.since_ns
        if channel.activity is not None and now_ns - channel.active_ns > CONNECTION_DEAD_NS:
            self._enter(channel, "stale", f"no sign of life for {CONNECTION_DEAD_NS // NS_PER_S} s")
            return True
        if silent_ns > limit_ns and channel.phase != "resync":  # which has a reason of its own
            self._enter(channel, "stale", self._why_silent(channel))
        wait_ns = self._renewal_ns(channel)
        return silent_ns > wait_ns and channel.pause.over(now_ns)

    def _silent(self, name: str, now_ns: int) -> SilentChannel:
        """Return a channel to subscribe to again; what received data in the meantime flows."""
        silent = self._channels[name]
        if silent.activity is not None and now_ns - silent.active_ns > CONNECTION_DEAD_NS:
            return SilentChannel(name, silent.reason or "stale", frozenset())
        halfway_ns = (silent.since_ns + now_ns) // 2
        flowing = frozenset(
            other
            for other, channel in self._channels.items()
            if channel.subscribed and channel.spoke and channel.since_ns > halfway_ns
        )
        patient = bool(flowing) or self._listing is not None
        silent.pause.begin(now_ns, self._renewal_ns(silent), patient=patient)
        return SilentChannel(name, silent.reason or "stale", flowing)

    def _begin(self, name: str, channel: ChannelState) -> None:
        """Enter the phase of a channel without an event since its subscription."""
        if self._listing is not None:
            self._enter(channel, "stale", self._why_silent(channel))
        elif CHANNELS[name].sparse:
            self._enter(channel, "live")
        elif channel.phase == "stale":
            self._enter(channel, "starting")

    def _why_silent(self, channel: ChannelState) -> str:
        if self._listing is not None:
            return not_traded_text(self._listing)
        return f"silent for more than {channel.staleness.limit_ns // NS_PER_S} s"

    def _renewal_ns(self, channel: ChannelState) -> int:
        """Return the silence after which a channel is subscribed to again."""
        usual_ns = RECONNECT_AFTER_LIMITS * channel.staleness.limit_ns
        return usual_ns if self._listing is None else max(usual_ns, NOT_TRADED_RENEWAL_NS)

    def _enter(
        self, channel: ChannelState, phase: Phase, reason: str | None = None, *, waits: bool = False
    ) -> None:
        channel.phase = phase
        channel.reason = reason
        channel.waits = waits
        self.changed = True

    def _loses_events(self, name: str, channel: ChannelState) -> bool:
        return channel.had_event and channel.gap_reason is None and name not in self._self_checked

    def _gap(self, gap: Gap) -> Gap:
        self._channels[gap.channel].gaps += 1
        return replace(gap, to_id=forwards(gap.from_id, gap.to_id))
