"""The wire's events: one struct per channel, with its keys in the order of the wire.

A source fills in what the exchange sent; the feed's core sets `session` and `seq`, and the
publisher `published_ns`, just before the event leaves. Prices and sizes are float64, `timestamp`
is the exchange's time in ms, `…_ns` is ours in ns, both since the epoch, UTC. An unknown
value is None (nil).

`received_ns` is the time at which the source began with the message: in a burst, the wait in the
socket's buffer is not counted. `reconnects` counts channels: two that share a connection are two.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct

BidAsk = Literal["book", "quote", "ticker", "estimate", "none"]
# How a channel's stream is checked; docs/channels.md describes each.
Checked = Literal["sequence", "checksum", "whole", "none"]
QuoteFrom = Literal["quote", "ticker", "book"]  # the channel whose messages have the quotes
State = Literal["starting", "live", "stale", "reconnecting", "resync", "stopped"]
EventId = int | str | None
# Upper bounds of the counts in `LatencyCounts`, in µs; a last count is of all above them.
LATENCY_BOUNDS_US = (50, 100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 100_000, 1_000_000)
ABSENT = "absent"  # `listing` of a symbol that the exchange no longer lists


def forwards(from_id: EventId, to_id: EventId) -> EventId:
    """Return the end of a gap: None where the ids went back, since no event lies between."""
    went_back = isinstance(from_id, int) and isinstance(to_id, int) and to_id < from_id
    return None if went_back else to_id


class Ticker(Struct, gc=False):
    """The 24 h summary; `timestamp` is the ticker's, whichever part moved last."""

    channel: ClassVar[str] = "ticker"

    symbol: str
    timestamp: int | None
    datetime: str | None
    bid: float | None
    ask: float | None
    last: float | None
    volume: float | None
    high: float | None
    low: float | None
    change_percent: float | None
    spread: float | None
    bid_ask: BidAsk
    exchange: str
    received_ns: int
    published_ns: int = 0
    session: int = 0
    seq: int = 0
    id: EventId = None


class Quote(Struct, gc=False):
    """The best bid and ask, with their sizes."""

    channel: ClassVar[str] = "quote"

    symbol: str
    timestamp: int | None
    bid: float | None
    bid_size: float | None
    ask: float | None
    ask_size: float | None
    exchange: str
    received_ns: int
    published_ns: int = 0
    session: int = 0
    seq: int = 0
    id: EventId = None


class Trade(Struct, gc=False):
    """One trade; `side` is the taker's."""

    channel: ClassVar[str] = "trade"

    symbol: str
    timestamp: int | None
    price: float
    size: float
    side: Literal["buy", "sell"] | None
    exchange: str
    received_ns: int
    published_ns: int = 0
    session: int = 0
    seq: int = 0
    id: EventId = None


class BackfilledTrade(Trade, gc=False):
    """A trade that the stream missed and that was requested over REST."""

    backfilled: bool = True


class Book(Struct, gc=False):
    """The best levels of both sides, best first, each `(price, size)`; never crossed.

    `id` is the exchange's of the newest update that is in it.
    """

    channel: ClassVar[str] = "book"

    symbol: str
    timestamp: int | None
    bids: list[tuple[float, float]]
    asks: list[tuple[float, float]]
    exchange: str
    received_ns: int
    published_ns: int = 0
    session: int = 0
    seq: int = 0
    id: EventId = None


class Candle(Struct, gc=False):
    """OHLCV from `open_time` (ms) on; `closed` is None where the exchange does not send it."""

    channel: ClassVar[str] = "candle"

    symbol: str
    timestamp: int | None
    timeframe: str
    open_time: int
    open: float | None
    high: float | None
    low: float | None
    close: float | None
    volume: float | None
    closed: bool | None
    exchange: str
    received_ns: int
    published_ns: int = 0
    session: int = 0
    seq: int = 0
    id: EventId = None


class Mark(Struct, gc=False):
    """Mark and index price; `funding_rate` is of one interval, due at `next_funding` (ms)."""

    channel: ClassVar[str] = "mark"

    symbol: str
    timestamp: int | None
    mark_price: float | None
    index_price: float | None
    funding_rate: float | None
    next_funding: int | None
    exchange: str
    received_ns: int
    published_ns: int = 0
    session: int = 0
    seq: int = 0
    id: EventId = None


class Liquidation(Struct, gc=False):
    """A forced order; `side` is the order's: `sell` where a long position was liquidated."""

    channel: ClassVar[str] = "liquidation"

    symbol: str
    timestamp: int | None
    side: Literal["buy", "sell"] | None
    price: float
    size: float
    exchange: str
    received_ns: int
    published_ns: int = 0
    session: int = 0
    seq: int = 0
    id: EventId = None


class Gap(Struct, frozen=True):
    """Events missing upstream: after `from_id` and before `to_id`, which both arrived.

    An id is None where the exchange gives the channel none.
    """

    channel: str
    from_id: EventId
    to_id: EventId
    reason: str


class Latency(Struct, frozen=True):
    """Percentiles in µs; None where nothing was measured."""

    p50: float | None
    p99: float | None
    max: float | None


class LatencyCounts(Struct, frozen=True):
    """Numbers of latencies since the session began: one for each of LATENCY_BOUNDS_US, one above.

    A latency counts once, at the first bound that it does not exceed; below zero, at the first
    bound. The bounds are true to within 5 %, `sum_us` to within 6.25 %.
    """

    counts: list[int]
    sum_us: int


class ChannelStatus(Struct, frozen=True):
    """One channel of a feed.

    `age_ms` is the time since the last event. `messages_per_s` and `latency_us` cover the events
    published in the last 15 to 30 s; latency is from `received_ns` to `published_ns`. A channel
    that only serves the tickers' bid and ask is not published. `checked` is None in statuses of
    earlier versions, `made_from` in channels other than `quote`, `latency_counts` in statuses of
    earlier versions and where no latency is measured.
    """

    state: State
    reason: str | None
    age_ms: int | None
    stale_after_s: float  # of silence; adapts to the channel
    published: bool
    messages_per_s: float
    latency_us: Latency
    reconnects: int
    reconnects_1h: int
    tries: int  # connections that failed since the last event
    waits: bool  # for a limit of the exchange that all workers share
    gaps: int
    connected_percent_1h: float | None  # since the first connection, within the last hour
    checked: Checked | None = None  # how a lost or altered message shows
    made_from: QuoteFrom | None = None  # the channel whose messages have the quotes
    compared_ms: int | None = None  # since it agreed with a REST snapshot, where nothing checks it
    latency_counts: LatencyCounts | None = None


class Status(Struct):
    """State of a feed, published on every change and once per second.

    `latency_us` and `exchange_latency_us` are since the last status. The latter is `received_ns`
    less `timestamp`, of two clocks: below zero, the local clock is behind the exchange's.
    `exchange_latency_counts` is of the whole session; None as in `ChannelStatus`.
    `deployment` is the id of the worker's run directory, `pid` its process id there; None in
    statuses of earlier versions. `listing` is the exchange's own word for a symbol that it lists
    and does not trade (SETTLING, PENDING_TRADING, BREAK, …), ABSENT for one that it no longer
    lists; None: it is traded, or that is not known.
    """

    channel: ClassVar[str] = "status"

    symbol: str
    timestamp: int
    state: State
    reason: str | None
    next_seq: dict[str, int]
    messages: int
    messages_per_s: float
    reconnects: int
    gaps: int
    rejected: int
    latency_us: Latency
    exchange_latency_us: Latency
    uptime_s: float
    cpu_percent: float
    memory_mb: float
    channels: dict[str, ChannelStatus]
    exchange: str
    received_ns: int
    gap: Gap | None = None
    deployment: str | None = None
    pid: int | None = None
    listing: str | None = None
    exchange_latency_counts: LatencyCounts | None = None
    published_ns: int = 0
    session: int = 0
    seq: int = 0
    id: EventId = None


Tick = Ticker | Quote | Trade | Book | Candle | Mark | Liquidation
Event = Tick | Status
