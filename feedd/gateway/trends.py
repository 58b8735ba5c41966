"""Last price, latency and rate of every feed over time, sampled in equal steps.

Pure: times are passed in. Bounded: an hour of each feed.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from feedd.client.events import Book, Candle, Mark, Quote, Status, Ticker, Trade
from feedd.clock import NS_PER_S
from feedd.gateway.documents import Trend
from feedd.health.report import FRESH_S
from feedd.topics import topic

if TYPE_CHECKING:
    from collections.abc import Collection

    from feedd.client.events import Notice, Tick
    from feedd.gateway.journal import Entry
    from feedd.gateway.market import Market

STEP_S = 5
KEPT = 3600 // STEP_S
SHOWN_OF_ALL = 600 // STEP_S
MAX_FEEDS = 2_000
MAX_STATUSES = 100  # of a feed in one step; it publishes one a second, and one on each change
SERIES = ("last", "p50_us", "p99_us", "messages_per_s")
PRICED = ("trade", "ticker", "quote", "book", "candle", "mark")  # the first has the last price
NAN = float("nan")

Values = list[float | None]


class _FeedTrend:
    """Series of one feed, and what its statuses reported since the last sample."""

    __slots__ = ("counted", "end_ms", "known", "p50s", "p99s", "series", "status", "status_s")

    def __init__(self) -> None:
        self.series = {name: array("d") for name in SERIES}
        self.end_ms = 0
        self.known = 0  # samples since the newest that had a value
        self.p50s: list[float] = []
        self.p99s: list[float] = []
        self.status: Status | None = None
        self.status_s = 0.0
        self.counted: tuple[int, int, int] | None = None  # session, messages, ns

    def sample(self, price: float | None, now_s: float, now_ms: int) -> None:
        current = self.status is not None and now_s - self.status_s <= FRESH_S
        values = (
            price if current else None,
            sorted(self.p50s)[len(self.p50s) // 2] if self.p50s else None,
            max(self.p99s, default=None),
            self._rate() if current else None,
        )
        self.known = 0 if any(value is not None for value in values) else self.known + 1
        for series, value in zip(self.series.values(), values, strict=True):
            series.append(NAN if value is None else value)
            if len(series) > KEPT:
                del series[0]
        self.p50s.clear()
        self.p99s.clear()
        self.end_ms = now_ms

    def _rate(self) -> float | None:
        """Return the messages per second since the last sample; None over a restart."""
        status, before = self.status, self.counted
        if status is None:
            return None
        self.counted = status.session, status.messages, status.published_ns
        if before is None or before[0] != status.session or before[2] >= status.published_ns:
            return status.messages_per_s
        return (status.messages - before[1]) * NS_PER_S / (status.published_ns - before[2])


class Trends:
    """Trends of all feeds that publish statuses; a reader of the intake."""

    def __init__(self) -> None:
        self._trends: dict[str, _FeedTrend] = {}

    def message(self, topic: str, event: Tick | Status, now_s: float) -> None:
        """Take a message: only statuses count."""
        if type(event) is not Status:
            return
        trend = self._trends.get(topic)
        if trend is None:
            if len(self._trends) >= MAX_FEEDS:
                return
            trend = self._trends[topic] = _FeedTrend()
        trend.status, trend.status_s = event, now_s
        if event.latency_us.p50 is not None and len(trend.p50s) < MAX_STATUSES:
            trend.p50s.append(event.latency_us.p50)
        if event.latency_us.p99 is not None and len(trend.p99s) < MAX_STATUSES:
            trend.p99s.append(event.latency_us.p99)

    def notice(self, notice: Notice, entry: Entry) -> None:
        """Take a notice: statuses have the rest."""

    def sample(self, market: Market, now_s: float, now_ms: int) -> None:
        """Add a sample to each feed; a feed without a value for as long as is kept is dropped."""
        for name, trend in list(self._trends.items()):
            status = trend.status
            price = None
            if status is not None and status.state == "live":
                price = last_price(market, status.exchange, status.symbol)
            trend.sample(price, now_s, now_ms)
            if trend.known >= KEPT:
                del self._trends[name]

    def of(self, feed: str, limit: int, names: Collection[str] = SERIES) -> Trend | None:
        """Return series of one feed, oldest first; None without a sample."""
        trend = self._trends.get(f"status.{feed}")
        if trend is None or trend.end_ms == 0:
            return None
        shown = {name: _values(trend.series[name], limit) for name in SERIES if name in names}
        return Trend(trend.end_ms, **shown)

    def feeds(self) -> list[str]:
        """Return the feeds that have a sample."""
        return [name.partition(".")[2] for name, trend in self._trends.items() if trend.end_ms > 0]


def last_price(market: Market, exchange: str, symbol: str) -> float | None:
    """Return a feed's last price, from the best of its channels that has one."""
    for channel in PRICED:
        latest = market.topics.get(topic(channel, exchange, symbol))
        if latest is not None and (price := _price(latest.event)) is not None:
            return price
    return None


def _price(event: Tick | Status) -> float | None:
    match event:
        case Trade():
            return event.price
        case Ticker():
            return event.last
        case Quote(bid=float(bid), ask=float(ask)):
            return (bid + ask) / 2
        case Book(bids=[(bid, _), *_], asks=[(ask, _), *_]):
            return (bid + ask) / 2
        case Candle():
            return event.close
        case Mark():
            return event.mark_price
    return None


def _values(series: array[float], limit: int) -> Values:
    return [None if value != value else value for value in series[-limit:]]  # noqa: PLR0124  NaN
