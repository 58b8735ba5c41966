"""Totals of each feed over all its sessions that the gateway has seen: counters never decrease.

Pure: times are passed in. Bounded: only feeds of the configuration are followed.
"""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003  msgspec reads it
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from feedd.channels import CHANNELS
from feedd.client.events import Gap, Status
from feedd.gateway.metrics.gap_reasons import (
    OTHER,
    RECEIVED_CLASSES,
    UNKNOWN,
    UPSTREAM_CLASSES,
    received_class,
    upstream_class,
)
from feedd.model import LATENCY_BOUNDS_US

if TYPE_CHECKING:
    from collections.abc import Iterable

    from feedd.client.events import Notice, Tick
    from feedd.gateway.journal import Entry
    from feedd.model import LatencyCounts

STATUS = "status"
KNOWN_CHANNELS = frozenset({*CHANNELS, STATUS})
_BUCKETS = len(LATENCY_BOUNDS_US) + 1


class Buckets(NamedTuple):
    """Latencies by LATENCY_BOUNDS_US, and their sum."""

    counts: tuple[int, ...] = (0,) * _BUCKETS
    sum_us: int = 0

    def plus(self, counts: LatencyCounts | None) -> Buckets:
        """Return the sum with those of a session; unchanged for counts of other bounds."""
        if counts is None or len(counts.counts) != _BUCKETS:
            return self
        both = tuple(map(int.__add__, self.counts, counts.counts))
        return Buckets(both, self.sum_us + counts.sum_us)


class ChannelTotal(NamedTuple):
    """Totals of a channel of a feed; `messages` is None if it is not published."""

    messages: int | None = None
    reconnects: int = 0
    latency: Buckets | None = None


class Totals(NamedTuple):
    """Totals of a feed, of the sessions before a status, or up to it."""

    channels: Mapping[str, ChannelTotal]
    exchange_latency: Buckets | None = None
    rejected: int = 0

    def plus(self, status: Status) -> Totals:
        """Return the totals with those of a session, by its last status."""
        channels = dict(self.channels)
        feed = f".{status.exchange}.{status.symbol}."
        names = {*status.channels, *(topic.partition(".")[0] for topic in status.next_seq)}
        for name in sorted(names & KNOWN_CHANNELS):
            before = self.channels.get(name, ChannelTotal())
            current = status.channels.get(name)
            latency = None if current is None else current.latency_counts
            next_seq = status.next_seq.get(name + feed)
            channels[name] = ChannelTotal(
                before.messages if next_seq is None else (before.messages or 0) + next_seq - 1,
                before.reconnects + (0 if current is None else current.reconnects),
                before.latency if latency is None else (before.latency or Buckets()).plus(latency),
            )
        exchange = self.exchange_latency
        if status.exchange_latency_counts is not None:
            exchange = (exchange or Buckets()).plus(status.exchange_latency_counts)
        return Totals(channels, exchange, self.rejected + status.rejected)


NOTHING = Totals({})


@dataclass(slots=True)
class FollowedFeed:
    """One feed: its last status, and what the sessions before it had counted.

    `gaps` are by channel and class of reason; their sum over the reasons of a channel is the sum of
    what the feed itself has counted in the sessions. A session that began before the gateway counts
    from its start; the reasons of its earlier gaps are unknown, unless they were saved.
    """

    status: Status
    arrived_s: float
    before: Totals = NOTHING
    gaps: dict[tuple[str, str], int] = field(default_factory=dict)
    counted: dict[str, int] = field(default_factory=dict)  # gaps of this session, by channel
    # Sums of latencies by channel, of the exchange's under "": latencies below zero, which clocks
    # that differ make, do not reduce them.
    sums_us: dict[str, int] = field(default_factory=dict)
    changed: bool = True  # by more than the next status shows, since it was saved

    def take(self, status: Status, now_s: float) -> None:
        """Take the next status."""
        if status.session != self.status.session:
            self.before = self.before.plus(self.status)
            self.counted = {}
            self.changed = True
        self.status, self.arrived_s = status, now_s
        self._count_gaps(status)
        self._add_up(status)

    def total(self) -> Totals:
        """Return the totals up to the last status."""
        return self.before.plus(self.status)

    def copy(self) -> FollowedFeed:
        """Return a copy that what arrives later does not change."""
        return replace(
            self, gaps=dict(self.gaps), counted=dict(self.counted), sums_us=dict(self.sums_us)
        )

    def saved(self) -> SavedFeed:
        """Return what restores the totals after a restart of the gateway."""
        return SavedFeed(
            session=self.status.session,
            before=self.before,
            total=self.total(),
            gaps=[(channel, reason, count) for (channel, reason), count in self.gaps.items()],
            counted=self.counted,
            sums_us=self.sums_us,
        )

    def _count_gaps(self, status: Status) -> None:
        for name, channel in status.channels.items():
            new = channel.gaps - self.counted.get(name, 0)
            if new <= 0 or name not in CHANNELS:
                continue
            self.counted[name] = channel.gaps
            gap = status.gap
            if gap is not None and gap.channel == name:
                self._add(name, upstream_class(gap.reason), 1)
                new -= 1
            self._add(name, UNKNOWN, new)

    def _add_up(self, status: Status) -> None:
        exchange, before = self.before.exchange_latency, self.before.channels
        self._raise_sum("", exchange, status.exchange_latency_counts)
        for name, channel in status.channels.items():
            if name in CHANNELS:
                earlier = before[name].latency if name in before else None
                self._raise_sum(name, earlier, channel.latency_counts)

    def _raise_sum(self, name: str, before: Buckets | None, counts: LatencyCounts | None) -> None:
        if counts is not None:
            sum_us = counts.sum_us + (0 if before is None else before.sum_us)
            self.sums_us[name] = max(sum_us, self.sums_us.get(name, 0))

    def _add(self, channel: str, reason: str, count: int) -> None:
        if count:
            key = channel, reason
            self.changed = True
            self.gaps[key] = self.gaps.get(key, 0) + count


class SavedFeed(Struct, frozen=True):
    """Totals of a feed: of all sessions `before` session `session`, and with it, `total`."""

    session: int
    before: Totals
    total: Totals
    gaps: list[tuple[str, str, int]]  # channel, class of reason, count
    counted: dict[str, int]
    sums_us: dict[str, int]

    def restore(self, feed: FollowedFeed) -> None:
        """Give these totals to a feed that has just been seen first."""
        same = feed.status.session == self.session
        feed.before = self.before if same else self.total
        feed.gaps = {}
        for channel, reason, count in self.gaps:
            key = channel, reason if reason in UPSTREAM_CLASSES else OTHER
            feed.gaps[key] = feed.gaps.get(key, 0) + count
        feed.counted = dict(self.counted) if same else {}
        feed.sums_us = dict(self.sums_us)


class FeedTotals:
    """Reader of the intake that follows the feeds of the configuration.

    `earlier` are the totals of feeds that have published nothing since the gateway's start.
    """

    def __init__(self, earlier: Mapping[str, SavedFeed] = {}) -> None:
        self.feeds: dict[str, FollowedFeed] = {}  # by `<exchange>.<symbol>.`
        self.earlier = dict(earlier)
        # Messages that the gateway did not get, by class of reason; increase() needs the zeros.
        self.lost = dict.fromkeys(RECEIVED_CLASSES, 0)
        self._known: frozenset[str] = frozenset()

    def follow(self, feeds: Iterable[str]) -> None:
        """Follow these feeds, and forget all others."""
        known = frozenset(feeds)
        if known != self._known:
            self._known = known
            self.feeds = {name: feed for name, feed in self.feeds.items() if name in known}
            self.earlier = {name: feed for name, feed in self.earlier.items() if name in known}

    def message(self, topic: str, event: Tick | Status, now_s: float) -> None:
        """Take a message; only statuses count."""
        if type(event) is not Status:
            return
        name = topic.partition(".")[2]
        if name not in self._known:
            return
        feed = self.feeds.get(name)
        if feed is None:
            feed = self.feeds[name] = FollowedFeed(event, now_s)
            if (earlier := self.earlier.pop(name, None)) is not None:
                earlier.restore(feed)
        feed.take(event, now_s)

    def notice(self, notice: Notice, _entry: Entry) -> None:
        """Take a notice; only gaps in what arrived count."""
        if type(notice) is Gap:
            reason = received_class(notice.reason)
            count = notice.to_seq - notice.from_seq + 1
            self.lost[reason] += count
