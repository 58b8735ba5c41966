"""Families of the feeds' metrics. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from feedd.gateway.metrics import definitions as d
from feedd.gateway.metrics.families import Counts, Family, HistogramFamily, Labels
from feedd.gateway.metrics.feed_totals import KNOWN_CHANNELS, STATUS
from feedd.gateway.metrics.kept_labels import feed_labels
from feedd.health.report import FRESH_S
from feedd.topics import topic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from feedd.config.settings import Feed
    from feedd.gateway.metrics.feed_totals import Buckets
    from feedd.gateway.metrics.kept_labels import FeedLabels
    from feedd.gateway.metrics.readings import Readings, StatusReading
    from feedd.health.report import ProcessHealth
    from feedd.model import ChannelStatus

US_PER_S = 1e6
MS_PER_S = 1e3
EXCHANGE_FIRST_BOUND = 2  # 250 µs: no two clocks agree within less
_OWN_STATES = frozenset(d.OWN_STATES)


def feed_families(readings: Readings, feeds: list[Feed]) -> Iterator[Family]:
    """Yield the families of these feeds.

    Of a feed whose status is old, the counters, the ages and the state remain: other gauges would
    pretend to be current.
    """
    names = [topic("", feed.exchange, feed.symbol)[1:] for feed in feeds]
    labels = [feed_labels(feed.exchange, feed.symbol) for feed in feeds]
    found = [readings.statuses.get(name) for name in names]
    known = [
        (reading, one, feed)
        for reading, one, feed in zip(found, labels, feeds, strict=True)
        if reading is not None
    ]
    rows = _rows(readings)
    yield _states(readings, feeds, labels, found, rows)
    yield from _feed_gauges(readings, [(reading, one.feed) for reading, one, _ in known])
    channels = _Channels()
    exchange_latency = HistogramFamily(d.EXCHANGE_LATENCY, EXCHANGE_FIRST_BOUND)
    rejected = Family(d.REJECTED)
    for reading, one, feed in known:
        totals = reading.before.plus(reading.status)
        if totals.exchange_latency is not None:
            counts = _counts(totals.exchange_latency, reading.sums_us.get("", 0))
            exchange_latency.add_counts(one.feed, counts)
        rejected.add(one.feed, totals.rejected)
        current = _current(
            feed_state(feed, reading, rows.get(feed.name), readings), reading, readings
        )
        for name, total in totals.channels.items():
            channel = one.channel(name)
            if total.messages is not None:
                channels.messages.add(channel, total.messages)
            if total.latency is not None:
                counts = _counts(total.latency, reading.sums_us.get(name, 0))
                channels.latency.add_counts(channel, counts)
            if name != STATUS:
                channels.reconnects.add(channel, total.reconnects)
                channels.add_gaps(one, name, reading)
        for name, status in reading.status.channels.items():
            if name in KNOWN_CHANNELS:
                channel = one.channel(name)
                channels.add_age(channel, name, status, reading, readings.now_s)
                channels.live.add(channel, int(current and status.state == "live"))
                if current:
                    channels.add_gauges(channel, status)
    yield exchange_latency
    yield rejected
    yield from channels.all()


class _Channels:
    """The families of channels."""

    def __init__(self) -> None:
        self.messages = Family(d.MESSAGES)
        self.latency = HistogramFamily(d.LATENCY)
        self.gaps = Family(d.GAPS)
        self.channel_gaps = Family(d.CHANNEL_GAPS)
        self.live = Family(d.CHANNEL_LIVE)
        self.age = Family(d.EVENT_AGE)
        self.stale_after = Family(d.STALE_AFTER)
        self.reconnects = Family(d.RECONNECTS)
        self.connected = Family(d.CONNECTED)

    def all(self) -> Iterator[Family]:
        yield self.messages
        yield self.latency
        yield self.gaps
        yield self.channel_gaps
        yield self.live
        yield self.age
        yield self.stale_after
        yield self.reconnects
        yield self.connected

    def add_gaps(self, labels: FeedLabels, name: str, reading: StatusReading) -> None:
        total = 0
        for (channel, reason), count in reading.gaps.items():
            if channel == name:
                total += count
                self.gaps.add(labels.gap(name, reason), count)
        self.channel_gaps.add(labels.channel(name), total)

    def add_age(
        self, labels: Labels, name: str, status: ChannelStatus, reading: StatusReading, now_s: float
    ) -> None:
        if status.age_ms is None:
            return
        age_s = status.age_ms / MS_PER_S + max(0.0, now_s - reading.arrived_s)
        event_s = reading.events_s.get(name)
        if event_s is not None and event_s >= reading.arrived_s:
            age_s = max(0.0, now_s - event_s)
        self.age.add(labels, round(age_s, 3))

    def add_gauges(self, labels: Labels, status: ChannelStatus) -> None:
        self.stale_after.add(labels, status.stale_after_s)
        if status.connected_percent_1h is not None:
            self.connected.add(labels, round(status.connected_percent_1h / 100, 6))


def feed_state(
    feed: Feed, reading: StatusReading | None, row: ProcessHealth | None, readings: Readings
) -> str:
    """Return a feed's state, one of `possible_states`.

    Where the last check of the processes finds the worker publishing, its status is newer.
    """
    fresh = reading is not None and readings.now_s - reading.arrived_s <= FRESH_S
    own = reading.status.state if reading is not None and fresh else None
    possible = possible_states(feed)
    state = own if row is None else row.state
    if row is not None and state in _OWN_STATES:
        state = own or "silent"
    return state if state in possible else "unknown"


def possible_states(feed: Feed) -> tuple[str, ...]:
    """Return the states that a feed may have."""
    return d.REPLAY_STATES if feed.source == "replay" else d.FEED_STATES


def _rows(readings: Readings) -> dict[str, ProcessHealth]:
    report = readings.fresh_report
    return {} if report is None else {row.name: row for row in report.processes if row.is_feed}


def _current(state: str, reading: StatusReading, readings: Readings) -> bool:
    publishes = state in _OWN_STATES or state == "replay"
    return publishes and readings.now_s - reading.arrived_s <= FRESH_S


def _states(
    readings: Readings,
    feeds: list[Feed],
    labels: list[FeedLabels],
    found: list[StatusReading | None],
    rows: dict[str, ProcessHealth],
) -> Family:
    family = Family(d.FEED_STATE)
    for feed, one, reading in zip(feeds, labels, found, strict=True):
        present = feed_state(feed, reading, rows.get(feed.name), readings)
        for state in possible_states(feed):
            family.add(one.state(state), int(state == present))
    return family


def _feed_gauges(readings: Readings, known: list[tuple[StatusReading, Labels]]) -> Iterator[Family]:
    age, start, traded = Family(d.STATUS_AGE), Family(d.SESSION_START), Family(d.TRADED)
    behind_us: defaultdict[str, float] = defaultdict(float)
    for reading, labels in known:
        status = reading.status
        age_s = max(0.0, readings.now_s - reading.arrived_s)
        age.add(labels, round(age_s, 3))
        start.add(labels, status.session / MS_PER_S)
        if age_s <= FRESH_S:
            traded.add(labels, float(status.listing is None))
            if (p50 := status.exchange_latency_us.p50) is not None:
                behind_us[status.exchange] = max(behind_us[status.exchange], -p50, 0.0)
    clock = Family(d.CLOCK_BEHIND)
    for exchange, most_us in sorted(behind_us.items()):
        clock.add(Labels(exchange=exchange), most_us / US_PER_S)
    yield from (age, start, traded, clock)


def _counts(buckets: Buckets, sum_us: int) -> Counts:
    return Counts(buckets.counts, sum_us / US_PER_S)
