"""The native source: Binance USD-M and spot, see `feedd.sources.base.Source` for the contract."""

from __future__ import annotations

import asyncio
import ssl
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from feedd.books.diff import DiffBook
from feedd.clock import Clock
from feedd.errors import SourceError, UnknownSymbolError
from feedd.model import Quote, Trade
from feedd.sources.book_keeper import BookKeeper
from feedd.sources.limits.shared_budget import Budget
from feedd.sources.market_list import MarketList
from feedd.sources.native import markets as venues
from feedd.sources.native.connection import Line
from feedd.sources.native.http_client import Rest, objects
from feedd.sources.native.merge import Merge
from feedd.sources.native.route import Route
from feedd.sources.refusals import check_timeframe, unknown
from feedd.sources.trade_keeper import TradeKeeper
from feedd.venues.binance import book, listing, messages, parsers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from feedd.books.depth import Snapshot, Update
    from feedd.model import Tick
    from feedd.sources.base import Sink
    from feedd.sources.trade_sequence import MissingTrades

ROTATE_AFTER_S = 23 * 3600.0  # the exchange ends a connection after 24 h
PAGE = 1000  # trades, the most that a page has


class _Diff(NamedTuple):
    """A depth update; `before` is that of the book that it is applied to."""

    before: int
    update: Update
    received_ns: int


class NativeSource:
    """One symbol of Binance, on `connections` lines for each path that carries its channels.

    All sources with the same `run_dir` share the exchange's limits and its market list.
    `rotate_after_s` is the age, by `clock`, at which a connection is replaced; `clock` is also the
    one of the exchange's rate of messages.
    """

    def __init__(
        self,
        exchange: str,
        symbol: str,
        channels: tuple[str, ...],
        *,
        endpoint: str | None = None,
        credentials: tuple[str, str] | None = None,
        book_depth: int = 20,
        timeframe: str = "1m",
        run_dir: Path | None = None,
        connections: int = 1,
        rotate_after_s: float = ROTATE_AFTER_S,
        clock: Clock | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._id = exchange
        self._symbol = symbol
        self._channels = channels
        self._venue = venues.venue(exchange, symbol)
        self._endpoint = endpoint
        self._timeframe = timeframe
        self._with_key = credentials is not None
        self._connections = connections
        self._rotate_after_s = rotate_after_s
        self._clock = clock or Clock()
        self._run_dir = run_dir
        budget = None if run_dir is None else Budget(run_dir, exchange, symbol, endpoint, 0.0)
        self._budget = budget
        self._tls = tls or _tls(self._venue.rest_url(endpoint))
        self._rest = Rest(exchange, symbol, self._venue, endpoint, credentials, budget, self._tls)
        self._market_id = ""
        self._sink: Sink | None = None
        self._routes: list[Route] = []
        self._route_of: dict[str, Route] = {}
        self._event: Callable[[Tick], None] = _ignore  # the sink's, while there is one
        self._trades = TradeKeeper(self._fetch_trades)
        self._books = BookKeeper(exchange, symbol, DiffBook(book_depth), book_depth, self._snapshot)
        tells: dict[str, Callable[[Any], None]] = {
            "trade": self._tell_trade,
            "book": self._tell_book,
        }
        self._merges = {
            channel: Merge(tells.get(channel, self._tell), self._missing(channel))
            for channel in channels
        }
        self._quotes = self._merges.get("quote") or Merge(self._tell, self._missing("quote"))
        takes: dict[str, tuple[list[type], Any]] = {
            "quote": ([messages.BookTicker, messages.SpotBookTicker], self._on_quote),
            "trade": ([messages.TradeMessage], self._on_trade),
            "book": ([messages.DepthUpdate], self._on_depth),
            "ticker": ([messages.TickerMessage], self._on_ticker),
            "candle": ([messages.Kline], self._on_candle),
            "mark": ([messages.MarkPrice], self._on_mark),
            "liquidation": ([messages.ForceOrder], self._on_liquidation),
        }
        self._take = {kind: takes[name][1] for name in channels for kind in takes[name][0]}

    @property
    def self_checked(self) -> frozenset[str]:
        """The channels in which every hole is found here."""
        return frozenset({"book", "trade"} & set(self._channels))

    async def prepare(self) -> None:
        """Check channels, symbol and credentials against the exchange."""
        self._venue.check(self._id, self._symbol, self._channels)
        if "candle" in self._channels:
            check_timeframe(self._id, self._venue.timeframes, self._timeframe)
        self._market_id = await self._find_market()
        await self._rest.check_key()

    async def run(self, sink: Sink) -> None:
        """Keep every channel subscribed until cancelled; whatever fails here may pass."""
        self._sink = sink
        self._event = sink.event
        for path, carried in self._venue.routes.items():
            channels = [channel for channel in self._channels if channel in carried]
            if channels:
                self._routes.append(self._route(path, channels))
        self._route_of = {name: route for route in self._routes for name in route.channels}
        try:
            async with asyncio.TaskGroup() as tasks:
                for route in self._routes:
                    tasks.create_task(route.run(sink))
        finally:
            self._trades.finish(sink, "the worker stops")
            self._books.stop()
            self._sink = None
            self._event = _ignore

    def life(self, channel: str) -> int | None:
        """Return when, in ns, the last frame of a channel's connections came."""
        route = self._route_of.get(channel)
        return None if route is None else route.life(channel)

    def reconnect(self, channel: str, reason: str) -> None:
        """Drop the connections that carry a channel."""
        route = self._route_of.get(channel)
        if route is not None:
            route.reconnect(channel, reason)

    async def close(self) -> None:
        """Nothing is open but while it runs."""
        self._sink = None

    # --- the exchange's pages -----------------------------------------------------------------

    async def _find_market(self) -> str:
        """Return the exchange's id of the symbol; raise UnknownSymbolError where it has none."""

        async def fetch() -> list[dict[str, Any]]:
            body = await self._rest.page("exchangeInfo", self._venue.listing_query)
            try:
                return list(listing.markets(body))
            except ValueError as error:
                raise SourceError(f"{self._id}: its market list can't be read: {error}") from None

        if self._run_dir is None:
            return _id_of(self._id, self._symbol, await fetch())
        file = self._run_dir / "markets" / self._venue.list_file(self._id, self._endpoint)
        market = await MarketList(file, self._id, listing.VERSION).market(self._symbol, fetch)
        return str(market["id"])

    async def _snapshot(self) -> Snapshot:
        query = f"?symbol={self._market_id}&limit={book.SNAPSHOT_LEVELS}"
        answer = objects(await self._rest.page("depth", query))
        try:
            return book.to_snapshot(answer)
        except ValueError as error:
            raise SourceError(str(error)) from None

    async def _fetch_trades(self, hole: MissingTrades) -> list[tuple[int, Trade | None]]:
        """Return trades of a hole, as far as one page goes; raises FeeddError.

        Without a key there are the newest trades only.
        """
        query = f"?symbol={self._market_id}&limit={PAGE}"
        if self._with_key:
            query += f"&fromId={hole.from_id + 1}"
        page = "historicalTrades" if self._with_key else "trades"
        rows = objects(await self._rest.page(page, query, keyed=self._with_key))
        now_ns = time.time_ns()
        try:
            return [
                (int(row["id"]), parsers.rest_trade(row, self._id, self._symbol, now_ns))
                for row in rows
            ]
        except (ValueError, TypeError, LookupError) as error:
            raise SourceError(f"{self._id}: {page} can't be read: {error!r}") from None

    # --- messages -----------------------------------------------------------------------------

    def _on_quote(self, line: Line, message: Any, _payload: bytes, received_ns: int) -> None:
        """Take a quote; a price of 0 is an empty side."""
        update_id = message.u
        quote = Quote(
            self._symbol, message.E, message.b or None, message.B, message.a or None, message.A,
            self._id, received_ns, 0, 0, 0, update_id,
        )  # fmt: skip
        merge = self._quotes
        if line is merge.only:  # `merge.take`, without its two calls
            if update_id == merge.last:
                return
            merge.last = update_id
            self._event(quote)
        else:
            merge.take(line, update_id, None, quote)

    def _on_trade(self, line: Line, message: Any, _payload: bytes, received_ns: int) -> None:
        """Take a trade; a fill at price 0 (the insurance fund's) is none, and no hole."""
        trade_id = message.t
        trade = None
        if message.p:
            if not message.q:
                raise ValueError(f"trade {trade_id} has price {message.p} and size 0")
            trade = Trade(
                self._symbol, message.T, message.p, message.q, "sell" if message.m else "buy",
                self._id, received_ns, 0, 0, 0, trade_id,
            )  # fmt: skip
        self._merges["trade"].take(line, trade_id, trade_id - 1, (trade_id, trade))

    def _on_depth(self, line: Line, message: Any, _payload: bytes, received_ns: int) -> None:
        update = messages.to_update(message)
        diff = _Diff(update.before, update, received_ns)
        self._merges["book"].take(line, update.last, update.before, diff)

    def _on_ticker(self, line: Line, message: Any, _payload: bytes, received_ns: int) -> None:
        tick = messages.to_ticker(message, self._id, self._symbol, received_ns)
        self._merges["ticker"].take(line, message.E, None, tick)

    def _on_candle(self, line: Line, message: Any, payload: bytes, received_ns: int) -> None:
        raw = messages.read_anything(payload)
        (tick,) = parsers.candles(raw, self._id, self._symbol, received_ns, self._timeframe)
        # The last of one candle and the first of the next may be of the same time.
        self._merges["candle"].take(line, (message.k.t, message.E), None, tick)

    def _on_mark(self, line: Line, message: Any, payload: bytes, received_ns: int) -> None:
        tick = parsers.mark(messages.read_anything(payload), self._id, self._symbol, received_ns)
        self._merges["mark"].take(line, message.E, None, tick)

    def _on_liquidation(self, line: Line, message: Any, _payload: bytes, received_ns: int) -> None:
        tick = messages.to_liquidation(message, self._id, self._symbol, received_ns)
        self._merges["liquidation"].take(line, message.E, None, tick)

    # --- what a channel's merge tells ----------------------------------------------------------

    def _tell(self, tick: Tick) -> None:
        self._event(tick)

    def _tell_trade(self, numbered: tuple[int, Trade | None]) -> None:
        if self._sink is not None:
            self._trades.take(*numbered, self._sink)

    def _tell_book(self, diff: _Diff) -> None:
        if self._sink is not None:
            update = diff.update._replace(before=diff.before)
            self._books.on_message(update, diff.received_ns, self._sink)

    def _missing(self, channel: str) -> Any:
        """Return what a channel's merge calls for a hole between two keys."""

        def missing(from_key: Any, to_key: Any, reason: str) -> None:
            if self._sink is not None:
                if channel != "quote":  # elsewhere a key is a time
                    from_key = to_key = None
                self._sink.missing(channel, from_key, to_key, reason)

        return missing

    def _lost(self, channel: str, reason: str) -> None:
        if channel == "trade":
            self._trades.lost(reason)
        if channel == "book":
            self._books.lost(reason)

    # --- parts --------------------------------------------------------------------------------

    def _route(self, path: str, channels: list[str]) -> Route:
        streams = {
            channel: venues.stream(channel, self._market_id, self._timeframe)
            for channel in channels
        }
        return Route(
            self._venue.socket_url(self._endpoint, path),
            streams,
            {channel: self._merges[channel] for channel in channels},
            self._line,
            self._lost,
            connections=self._connections,
            rotate_after_s=self._rotate_after_s,
            budget=self._budget,
            tls=self._tls,
            clock=self._clock,
        )

    def _line(self, route: Route) -> Line:
        def rejected(line: Line, channel: str | None, reason: str) -> None:
            carried = route.carried(line)
            names = [channel] if channel is not None and channel in carried else carried
            if self._sink is not None and names:
                self._sink.rejected(names, reason)

        def burst(begins: bool) -> None:
            if self._sink is not None:
                self._sink.hold() if begins else self._sink.release()

        read = messages.read_spot if self._venue is venues.SPOT else messages.read
        return Line(
            self._market_id,
            read,
            self._take,
            self._venue.messages_a_second,
            rejected,
            route.refused,
            burst,
            self._clock,
        )


def _id_of(exchange: str, symbol: str, markets: list[dict[str, Any]]) -> str:
    ids = {market["symbol"]: str(market["id"]) for market in markets}
    if not ids:
        raise SourceError(f"{exchange} listed no markets at all")
    if symbol not in ids:
        raise UnknownSymbolError(unknown(exchange, symbol, list(ids)))
    return ids[symbol]


def _ignore(_tick: Tick) -> None:
    """Tell nobody: what still comes after the end is of no run."""


def _tls(url: str) -> ssl.SSLContext | None:
    """Return how to trust an exchange, one for all connections; None where there is no TLS."""
    if not url.startswith("https:"):
        return None
    import certifi  # noqa: PLC0415  only the live setting needs it

    return ssl.create_default_context(cafile=certifi.where())
