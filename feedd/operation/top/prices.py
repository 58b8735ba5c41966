"""Last price, bid and ask of each feed, and what happened to it. Pure: times are passed in."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from feedd.client.events import (
    Book,
    Gap,
    NewSession,
    Quote,
    StateChange,
    Stopped,
    Ticker,
    Trade,
    UpstreamGap,
)
from feedd.clock import NS_PER_MS, NS_PER_S
from feedd.gateway.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from feedd.client.events import Event
    from feedd.health.report import ProcessHealth

MAX_FEEDS = 20_000
MAX_ENTRIES = 2_000
PREFIXES = ("status.", "ticker.", "quote.")


class Price(NamedTuple):
    """Last, bid and ask of a feed; `at_s` is when the newest of them arrived, monotonic."""

    last: float | None = None
    bid: float | None = None
    ask: float | None = None
    at_s: float = 0.0


class PriceBoard:
    """The newest price of each feed, by `<exchange>.<symbol>.`, and the journal of all feeds.

    `stream` is the last state of the stream itself that is not well; None while it is.
    """

    def __init__(self) -> None:
        self.prices: dict[str, Price] = {}
        self.journal = Journal(MAX_ENTRIES)
        self.stream: str | None = None

    def take(self, event: Event, now_s: float, now_ns: int) -> None:
        """Take an event of the stream."""
        match event:
            case StateChange(feed=""):
                well = event.state in {"history", "endpoint"}
                self.stream = None if well else f"{event.state}: {event.reason}"
            case Gap() | UpstreamGap() | NewSession() | StateChange() | Stopped():
                self.journal.add(event, now_ns // NS_PER_MS)
            case Ticker():
                self._put(event, now_s, now_ns, event.last, event.bid, event.ask)
            case Quote():
                self._put(event, now_s, now_ns, None, event.bid, event.ask)
            case Trade():
                self._put(event, now_s, now_ns, event.price, None, None)
            case Book() if event.bids and event.asks:
                self._put(event, now_s, now_ns, None, event.bids[0][0], event.asks[0][0])
            case _:
                pass

    def _put(
        self,
        event: Ticker | Quote | Trade | Book,
        now_s: float,
        now_ns: int,
        last: float | None,
        bid: float | None,
        ask: float | None,
    ) -> None:
        name = feed_key(event.exchange, event.symbol)
        before = self.prices.get(name)
        if before is None:
            if len(self.prices) >= MAX_FEEDS:
                return
            before = Price()
        if event.origin == "snapshot":  # it may be old: it came when the feed published it
            now_s -= max(now_ns - event.received_ns, 0) / NS_PER_S
        self.prices[name] = Price(
            before.last if last is None else last,
            before.bid if bid is None else bid,
            before.ask if ask is None else ask,
            max(before.at_s, now_s),
        )


def feed_key(exchange: str, symbol: str) -> str:
    """Return a feed's name as its topics contain it."""
    return f"{exchange}.{symbol}."


def prefixes(feeds: Iterable[ProcessHealth]) -> frozenset[str]:
    """Return the topics that prices come from.

    Tickers and quotes; trades and books only of feeds that lack those: they are many messages.
    """
    wanted = set(PREFIXES)
    for feed in feeds:
        if isinstance(feed.status, dict):
            key = feed_key(feed.status["exchange"], feed.status["symbol"])
            if "ticker" not in feed.channels and "trade" in feed.channels:
                wanted.add(f"trade.{key}")
            if not {"ticker", "quote"} & feed.channels.keys() and "book" in feed.channels:
                wanted.add(f"book.{key}")
    return frozenset(wanted)
