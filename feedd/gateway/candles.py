"""Candles of every feed, for charts. Pure: times are those of the events.

A feed's candles are made from its best channel: the exchange's candles, else trades, else the
middle of the quotes, else the ticker's last price.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from feedd.client.events import Candle, Quote, Status, Ticker, Trade
from feedd.clock import NS_PER_MS
from feedd.topics import topic

if TYPE_CHECKING:
    from feedd.client.events import Notice, Tick
    from feedd.gateway.journal import Entry

MadeFrom = Literal["candle", "trade", "quote", "ticker"]
MADE_FROM: tuple[MadeFrom, ...] = get_args(MadeFrom)  # the first that the feed publishes
KEPT = 720  # candles per feed
MAX_FEEDS = 5_000
STEP_MS, STEP = 60_000, "1m"  # of candles that are made here
WIDTH = 6  # open time, open, high, low, close, volume
NAN = float("nan")

CandleRow = tuple[int, float, float, float, float, float | None]


class CandlePage(NamedTuple):
    """Candles of one feed, oldest first."""

    made_from: MadeFrom
    timeframe: str
    candles: list[CandleRow]


class CandleSeries:
    """Candles of one feed, in one array: WIDTH numbers each, NaN where unknown."""

    __slots__ = ("_kept", "_values", "made_from", "timeframe")

    def __init__(self, made_from: MadeFrom, kept: int = KEPT) -> None:
        self.made_from = made_from
        self.timeframe = STEP
        self._kept = kept
        self._values = array("d")

    def message(self, event: Tick) -> None:
        """Take an event of the channel that the candles are made from."""
        match event:
            case Candle():
                self._candle(event)
            case Trade():
                self.price(_at_ms(event), event.price, event.size)
            case Quote(bid=float(bid), ask=float(ask)):
                self.price(_at_ms(event), (bid + ask) / 2)
            case Ticker(last=float(last)):
                self.price(_at_ms(event), last)

    def price(self, at_ms: int, price: float, size: float = NAN) -> None:
        """Add a price to the candle of its time; one that is late for the oldest is left out."""
        opened = at_ms - at_ms % STEP_MS
        values = self._values
        at = len(values) - WIDTH
        if at < 0 or opened > values[at]:
            self._append(opened, price, price, price, price, size)
            return
        late = opened < values[at]
        while at >= 0 and values[at] > opened:
            at -= WIDTH
        if at < 0 or values[at] != opened:
            return
        values[at + 2] = max(values[at + 2], price)
        values[at + 3] = min(values[at + 3], price)
        if not late:
            values[at + 4] = price
        values[at + 5] += size

    def last(self, limit: int) -> list[CandleRow]:
        """Return the newest candles, oldest first."""
        values = self._values
        begin = max(0, len(values) - WIDTH * limit)
        return [
            (int(values[at]), *map(_exact, values[at + 1 : at + 5]), _known(values[at + 5]))  # type: ignore[misc]
            for at in range(begin, len(values), WIDTH)
        ]

    def _candle(self, event: Candle) -> None:
        opened, high, low, close = event.open, event.high, event.low, event.close
        if opened is None or high is None or low is None or close is None:
            return
        if event.timeframe != self.timeframe:  # the configuration has changed
            self.timeframe = event.timeframe
            del self._values[:]
        volume = NAN if event.volume is None else event.volume
        new = (event.open_time, opened, high, low, close, volume)
        values = self._values
        at = len(values) - WIDTH
        while at >= 0 and values[at] > event.open_time:
            at -= WIDTH
        if at >= 0 and values[at] == event.open_time:
            values[at : at + WIDTH] = array("d", new)
        elif at == len(values) - WIDTH:
            self._append(*new)

    def _append(self, *candle: float) -> None:
        self._values.extend(candle)
        if len(self._values) > WIDTH * self._kept:
            del self._values[:WIDTH]


class Candles:
    """Candles of all feeds; a reader of the intake."""

    def __init__(self) -> None:
        self._by_topic: dict[str, CandleSeries] = {}
        self._by_feed: dict[str, str] = {}  # the topic that its candles are made from

    def message(self, topic: str, event: Tick | Status, _now_s: float) -> None:
        """Take a message: only those of the chosen topics count."""
        series = self._by_topic.get(topic)
        if series is not None:
            series.message(event)  # type: ignore[arg-type]  # of a channel, by its topic
        elif type(event) is Status:
            self._choose(event)

    def notice(self, notice: Notice, entry: Entry) -> None:
        """Take a notice: none changes a candle."""

    def of(self, feed: str, limit: int) -> CandlePage | None:
        """Return the newest candles of a feed; None where nothing that it publishes has a price."""
        series = self._by_topic.get(self._by_feed.get(feed, ""))
        if series is None:
            return None
        return CandlePage(series.made_from, series.timeframe, series.last(limit))

    def _choose(self, status: Status) -> None:
        """Begin the candles of a feed, or begin again if it publishes a better channel now."""
        feed = f"{status.exchange}.{status.symbol}."
        for channel in MADE_FROM:
            known = status.channels.get(channel)
            if known is not None and known.published:
                break
        else:
            return
        chosen = topic(channel, status.exchange, status.symbol)
        before = self._by_feed.get(feed)
        if chosen == before or (before is None and len(self._by_feed) >= MAX_FEEDS):
            return
        self._by_topic.pop(before or "", None)
        self._by_feed[feed] = chosen
        self._by_topic[chosen] = CandleSeries(channel)


def _at_ms(event: Trade | Quote | Ticker) -> int:
    """Return the exchange's time of an event; its arrival where the exchange sends none."""
    return event.received_ns // NS_PER_MS if event.timestamp is None else event.timestamp


def _known(value: float) -> float | None:
    return None if value != value else _exact(value)  # noqa: PLR0124  NaN


def _exact(value: float) -> float:
    """Return a sum or a mean without the error of its last digits."""
    return float(f"{value:.12g}")
