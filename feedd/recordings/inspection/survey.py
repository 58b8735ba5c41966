"""Survey of a recording in one pass: the contents of each topic, and the findings."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from msgspec import Struct

from feedd.client.events import (
    Gap,
    NewSession,
    Other,
    StateChange,
    Status,
    Stopped,
    UpstreamGap,
)
from feedd.clock import NS_PER_S
from feedd.recordings.format.block_records import NOTICE, BlockRecord
from feedd.recordings.format.damage import Damage
from feedd.recordings.inspection.time_bins import GAP, NOT_LIVE, SESSION, UPSTREAM
from feedd.recordings.stream.recorded_events import EventReader, merged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from feedd.client.events import Event, Tick
    from feedd.recordings.format.recording_reader import RecordingReader
    from feedd.recordings.inspection.time_bins import TimeBins
    from feedd.recordings.stream.recorded_events import MergedEntry

MAX_KEPT = 1000  # of each list of findings; all are counted
MAX_OPEN = 100  # consecutive gaps of a topic
T = TypeVar("T")


class Findings(Generic[T]):
    """The first `MAX_KEPT` findings of a list, and their total."""

    def __init__(self) -> None:
        self.kept: list[T] = []
        self.total = 0

    def add(self, one: T) -> None:
        """Add a finding."""
        self.total += 1
        if len(self.kept) < MAX_KEPT:
            self.kept.append(one)


class LocatedGap(Struct):
    """A gap, with the times of the topic's last message before it and the first one after it."""

    from_ns: int
    to_ns: int
    gap: Gap | UpstreamGap


class TopicSurvey(Struct):
    """Counts of one topic, without duplicates.

    `gaps` are all gaps of the topic, also those on the exchange's side (`upstream`). `lost`
    messages are in the others.

    Times are those of publication, and `peak_per_s` is the maximum of one second, so repaired
    messages count where they belong. If `first_seq` is above 1, the recording began within a
    session.
    """

    name: str
    messages: int = 0
    first_ns: int = 0
    last_ns: int = 0
    first_seq: int = 0  # of the first session
    last_seq: int = 0  # of the last session
    session: int = 0  # the last one
    sessions: int = 0
    gaps: int = 0
    upstream: int = 0
    lost: int = 0
    peak_per_s: int = 0
    second: int = 0
    in_second: int = 0
    open: list[LocatedGap] = []  # gaps without a later message

    def add(self, at_ns: int, session: int, seq: int) -> None:
        """Add a message."""
        if not self.messages:
            self.first_ns, self.first_seq = at_ns, seq
        if session != self.session:
            self.session = session
            self.sessions += 1
        self.messages += 1
        self.last_ns, self.last_seq = at_ns, seq
        second = at_ns // NS_PER_S
        if second != self.second:
            self.second, self.in_second = second, 0
        self.in_second += 1
        self.peak_per_s = max(self.peak_per_s, self.in_second)


class SessionStart(Struct, frozen=True):
    """A new session, and the time of its notice."""

    at_ns: int
    session: NewSession


class StatePeriod(Struct):
    """A time in which a feed was not live; it ends with the recording at the latest."""

    feed: str
    state: str
    reason: str | None
    from_ns: int
    to_ns: int


class StreamNotice(Struct, frozen=True):
    """A notice of the recorder's stream: about its history, or that it was behind."""

    at_ns: int
    state: str
    reason: str | None


class Survey:
    """A recording from `from_ns` to `to_ns`; also fills `bins`, if given."""

    def __init__(
        self, recording: RecordingReader, from_ns: int | None, to_ns: int | None,
        bins: TimeBins | None = None,
    ) -> None:  # fmt: skip
        self.topics: dict[tuple[str, str, str], TopicSurvey] = {}
        self.gaps: Findings[LocatedGap] = Findings()
        self.sessions: Findings[SessionStart] = Findings()
        self.periods: Findings[StatePeriod] = Findings()
        self.damages: Findings[Damage] = Findings()
        self.being_written: set[Path] = set()  # files that are whole so far
        self.remarks: Findings[StreamNotice] = Findings()
        self.notices: Counter[str] = Counter()  # recorded, by type
        self.first_ns: int | None = None  # the recording's clock at the first message
        self.at_ns = 0  # and at the last
        self._bins = bins
        self._states: dict[str, StatePeriod] = {}
        reader = EventReader(("", "status."), len(recording.series))
        for event in reader.events(self._observed(merged(recording.series, from_ns, to_ns))):
            self._take(event)
        for topic in self.topics.values():
            self._close(topic, self.at_ns)
        for period in self._states.values():
            self._end(period)

    @property
    def span_s(self) -> float:
        """Time from the first message to the last, in s."""
        return 0.0 if self.first_ns is None else (self.at_ns - self.first_ns) / NS_PER_S

    def _observed(self, entries: Iterator[MergedEntry]) -> Iterator[MergedEntry]:
        """Yield the entries, and note the clock, the notices and the damages."""
        for one in entries:
            at_ns, _, what = one
            if type(what) is BlockRecord:
                self.at_ns = at_ns
                if self.first_ns is None:
                    self.first_ns = at_ns
                if what.kind == NOTICE:
                    self.notices[what.topic.decode(errors="replace")] += 1
            elif isinstance(what, Damage):
                if what.being_written:
                    self.being_written.add(what.path)
                else:
                    self.damages.add(what)
            yield one

    def _take(self, event: Event) -> None:
        if isinstance(event, StateChange | Stopped):
            state = event.state if isinstance(event, StateChange) else "stopped"
            if event.feed:
                self._state(event.feed, state, event.reason)
            elif state != "damaged":
                self.remarks.add(StreamNotice(self.at_ns, state, event.reason))
        elif isinstance(event, Gap):
            self._gap(event)
        elif isinstance(event, UpstreamGap):
            self._upstream_gap(event)
        elif isinstance(event, NewSession):
            self.sessions.add(SessionStart(self.at_ns, event))
            self._mark(event.feed, SESSION, self.at_ns, self.at_ns)
        else:
            self._tick(event)

    def _tick(self, event: Tick | Status) -> None:
        topic = self._topic((event.channel, event.exchange, event.symbol))
        at_ns = self.at_ns if isinstance(event, Other) else event.published_ns
        topic.add(at_ns, event.session, event.seq)
        if topic.open:
            self._close(topic, at_ns)
        if isinstance(event, Status):
            self._state(f"{event.exchange}.{event.symbol}.", event.state, event.reason)
        elif self._bins is not None:
            self._bins.tick(at_ns, event)

    def _topic(self, key: tuple[str, str, str]) -> TopicSurvey:
        found = self.topics.get(key)
        if found is None:
            found = self.topics[key] = TopicSurvey(f"{'.'.join(key)}.")
        return found

    def _gap(self, gap: Gap) -> None:
        channel, exchange, symbol = gap.topic.split(".", 2)
        topic = self._topic((channel, exchange, symbol.removesuffix(".")))
        topic.gaps += 1
        topic.lost += gap.to_seq - gap.from_seq + 1
        self._missing(topic, gap)

    def _upstream_gap(self, gap: UpstreamGap) -> None:
        exchange, _, symbol = gap.feed.partition(".")
        topic = self._topic((gap.channel, exchange, symbol.removesuffix(".")))
        topic.gaps += 1
        topic.upstream += 1
        self._missing(topic, gap)

    def _missing(self, topic: TopicSurvey, gap: Gap | UpstreamGap) -> None:
        one = LocatedGap(topic.last_ns or self.at_ns, self.at_ns, gap)
        self.gaps.add(one)
        if len(topic.open) >= MAX_OPEN:
            self._close(topic, self.at_ns)
        topic.open.append(one)

    def _close(self, topic: TopicSurvey, to_ns: int) -> None:
        channel, _, feed = topic.name.partition(".")
        for one in topic.open:
            one.to_ns = max(one.from_ns, to_ns)
            if channel != "status":
                mark = GAP if isinstance(one.gap, Gap) else UPSTREAM
                self._mark(feed, mark, one.from_ns, one.to_ns)
        topic.open.clear()

    def _state(self, feed: str, state: str, reason: str | None) -> None:
        period = self._states.get(feed)
        if period is not None and period.state == state:
            return
        if period is not None:
            self._end(period)
        self._states[feed] = StatePeriod(feed, state, reason, self.at_ns, self.at_ns)

    def _end(self, period: StatePeriod) -> None:
        if period.state == "live":
            return
        period.to_ns = self.at_ns
        self.periods.add(period)
        self._mark(period.feed, NOT_LIVE, period.from_ns, period.to_ns)

    def _mark(self, feed: str, mark: str, from_ns: int, to_ns: int) -> None:
        if self._bins is not None:
            self._bins.mark(feed, mark, from_ns, to_ns)


def as_dict(findings: Findings[Any]) -> dict[str, Any]:
    """Return the total of findings, and those that are kept."""
    return {"total": findings.total, "first": findings.kept}
