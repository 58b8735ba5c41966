"""The native source; see `feedd.sources.base.Source` for the contract."""

from __future__ import annotations

import time
from asyncio import TaskGroup
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

from feedd.clock import Clock
from feedd.config.network import Network
from feedd.errors import SourceError, UnknownSymbolError
from feedd.merge.by_content import ContentMerge
from feedd.merge.by_id import Merge
from feedd.model import ABSENT, Quote
from feedd.sources.book_keeper import BookKeeper
from feedd.sources.error_texts import check_form, check_timeframe
from feedd.sources.in_order import InOrder
from feedd.sources.limits.shared_budget import Budget
from feedd.sources.listing import doubles, not_traded
from feedd.sources.market_list import OLD_WITHOUT_SYMBOL_MS
from feedd.sources.merged_events import same_depth, same_quote, same_trade
from feedd.sources.native.compressed import CompressedConnection
from feedd.sources.native.connection import NativeConnection
from feedd.sources.native.handlers import both, contents, depths, quotes, stateful, trades
from feedd.sources.native.rest_client import RestClient
from feedd.sources.native.route import Route
from feedd.sources.native.symbol_listing import SymbolListing
from feedd.sources.network.dial import Dialer
from feedd.sources.network.tls import tls_for
from feedd.sources.trade_keeper import TradeKeeper
from feedd.venues.native import native_market

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from feedd.model import Checked, EventId, QuoteFrom, Tick, Trade
    from feedd.sources.base import Sink
    from feedd.sources.merged_events import DepthMessage
    from feedd.sources.native.connection import Handlers
    from feedd.sources.native.handlers import Handler
    from feedd.sources.network.dial import Resolve
    from feedd.sources.trade_sequence import MissingTrades
    from feedd.venues.native import Convert, NativeBook

IDS_KNOWN = 5000  # of trades: more than a venue sends again after a subscription

_log = structlog.get_logger()


class NativeSource:
    """One symbol, on `connections` connections for each path that carries its channels.

    All sources with the same `run_dir` share the venue's limits and its market list.
    `rotate_after_s` is the age, by `clock`, at which a connection is replaced; None: the venue's.
    `clock` also measures the venue's limit of messages per second. `resolve` finds the addresses
    of a host.
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
        compression: bool = False,
        rotate_after_s: float | None = None,
        clock: Clock | None = None,
        network: Network | None = None,
        resolve: Resolve | None = None,
    ) -> None:
        self._exchange = exchange
        self._symbol = symbol
        self._channels = channels
        self._market = market = native_market(exchange, symbol)
        self._endpoint = endpoint
        self._timeframe = timeframe
        self._book_depth = book_depth
        self._credentials = credentials
        self._connections = connections
        self._connection_class = CompressedConnection if compression else NativeConnection
        self._rotate_after_s = rotate_after_s or market.rotate_after_s
        self._clock = clock or Clock()
        budget = None if run_dir is None else Budget(run_dir, exchange, symbol, endpoint, 0.0)
        self._budget = budget
        network = network or Network()
        self._dialer = Dialer(network, resolve)
        self._tls = tls_for(market.addresses.rest_host(endpoint), network)
        self._rest = RestClient(
            exchange, symbol, market, endpoint, credentials, budget, self._dialer, self._tls
        )
        self._listing = SymbolListing(exchange, symbol, market, self._rest, run_dir, endpoint)
        self._market_id = ""
        self.listing: str | None = None
        self._sink: Sink | None = None
        self._routes: list[Route] = []
        self._route_of: dict[str, Route] = {}
        self._event: Callable[[Tick], None] = _ignore  # the sink's, while there is one
        self._trades = TradeKeeper(self._fetch_trades)
        self._order = InOrder(market.grows, self._went_back)
        self._published: set[EventId] = set()  # newest ids of trades that may skip numbers
        self._published_order: deque[EventId] = deque()
        self._books: BookKeeper | None = None
        self._merges: dict[str, Merge | ContentMerge] = {}
        self._handlers: Handlers = {}
        for channel in channels:
            if channel in market.channels:
                self._prepare_channel(channel, book_depth)

    @property
    def self_checked(self) -> frozenset[str]:
        """The channels in which this source finds every gap itself."""
        checked = {"book"} if self._market.book is not None else set()
        if self._market.trades is not None:
            checked.add("trade")
        return frozenset(checked & set(self._channels))

    @property
    def checked(self) -> Mapping[str, Checked]:
        """How a lost or altered message shows, by channel."""
        return self._market.checked

    @property
    def quote_from(self) -> QuoteFrom | None:
        """The channel whose messages have the quotes."""
        return "quote" if "quote" in self._channels else None

    async def prepare(self) -> None:
        """Check channels, symbol and credentials against the venue."""
        self._market.check(self._exchange, self._symbol, self._channels)
        if "candle" in self._channels:
            check_timeframe(self._exchange, self._market.timeframes, self._timeframe)
        try:
            entry = await self._listing.entry()
        except SourceError:
            check_form(self._exchange, self._symbol)
            raise
        self._market_id, self.listing = str(entry["id"]), not_traded(entry)
        if (note := doubles(self._symbol, entry)) is not None:
            _log.warning(note)
        await self._rest.check_key()

    async def run(self, sink: Sink) -> None:
        """Keep every channel subscribed until cancelled; every failure here may be temporary."""
        self._sink = sink
        self._event = sink.event
        for path, carried in self._market.addresses.routes.items():
            channels = [channel for channel in self._channels if channel in carried]
            if channels:
                self._routes.append(self._route(path, channels))
        self._route_of = {name: route for route in self._routes for name in route.channels}
        try:
            async with TaskGroup() as tasks:
                for route in self._routes:
                    tasks.create_task(route.run(sink))
        finally:
            self._trades.finish(sink, "the worker stops")
            if self._books is not None:
                self._books.stop()
            self._sink = None
            self._event = _ignore

    async def check_listing(self) -> str | None:
        """Return the exchange's word for a symbol that it does not trade; ABSENT: not listed."""
        try:
            self.listing = not_traded(await self._listing.entry(OLD_WITHOUT_SYMBOL_MS))
        except UnknownSymbolError:
            self.listing = ABSENT
        return self.listing

    def activity(self, channel: str) -> int | None:
        """Return the time, in ns, of the last frame of a channel's connections."""
        route = self._route_of.get(channel)
        return None if route is None else route.last_frame_ns(channel)

    def renew(self, channel: str, reason: str, flowing: frozenset[str] = frozenset()) -> None:
        """Subscribe to a channel again, on new connections unless those carry one of `flowing`."""
        route = self._route_of.get(channel)
        if route is not None:
            route.renew(channel, reason, flowing)

    async def close(self) -> None:
        """Release nothing: connections are open only while `run` runs."""
        self._sink = None

    # --- the venue's pages --------------------------------------------------------------------

    async def _fetch_trades(self, hole: MissingTrades) -> list[tuple[int, Trade | None]]:
        """Return trades of a gap, up to one page of them; raises FeeddError."""
        trades = self._market.trades
        if trades is None:
            return []
        request = trades.request(self._market_id, hole.from_id + 1, self._credentials)
        exchange, symbol, now_ns = self._exchange, self._symbol, time.time_ns()
        return await self._rest.parsed(
            request, lambda body: trades.parse(body, exchange, symbol, now_ns)
        )

    def _snapshots(self, book: NativeBook) -> Callable[[], Any]:
        """Return what the book's keeper calls for a snapshot."""
        request, parse = book.snapshot, book.parse

        async def requested() -> Any:
            if request is None or parse is None:
                self._route_of["book"].resubscribe("book")
                return None
            return await self._rest.parsed(request(self._market_id), parse)

        return requested

    # --- messages -----------------------------------------------------------------------------

    def _prepare_channel(self, channel: str, book_depth: int) -> None:
        """Make the merge of a channel, and the handler of its messages."""
        spec, market = self._market.channels[channel], self._market
        missing, several = self._missing(channel), spec.several
        merge: Merge | ContentMerge
        handler: Callable[[Convert], Handler]
        if channel == "quote":
            merge = by_id = Merge(self._publish, missing, same_quote)
            overtaken = self._overtaken if channel in market.grows else None
            handler = partial(
                quotes, merge=by_id, publish=self._publish, repeated=self._repeated,
                overtaken=overtaken,
            )  # fmt: skip
        elif channel == "trade" and market.trades is not None:
            merge = by_id = Merge(self._publish_trade, missing, same_trade)
            handler = partial(trades, merge=by_id, several=several)
        elif channel == "book" and market.book is not None:
            self._books = BookKeeper(
                self._exchange, self._symbol, market.book.rules(book_depth), book_depth,
                self._snapshots(market.book),
            )  # fmt: skip
            merge = by_id = Merge(self._publish_book, missing, same_depth)
            handler = partial(depths, merge=by_id, books=self._books)
        else:
            grows, once = channel in market.grows, channel == "trade"
            merge = by_content = ContentMerge(
                self._publish_once if once else self._publish_in_order if grows else self._publish,
                missing,
            )
            handler = partial(contents, merge=by_content, several=several)
        self._merges[channel] = merge
        found = (
            self._quote_handler(by_id)
            if spec.converter is None
            else self._converting(
                channel, spec.converter, handler, merge if spec.keeps_state else None
            )
        )
        for kind in spec.messages:
            other = self._handlers.get(kind)
            self._handlers[kind] = found if other is None else both(other, found)

    def _converting(
        self,
        channel: str,
        converter: Callable[[str, str, str], Convert],
        handler: Callable[[Convert], Handler],
        keeps_state_of: Merge | ContentMerge | None,
    ) -> Handler:
        make = partial(converter, self._exchange, self._symbol, self._timeframe)
        if keeps_state_of is not None:
            return stateful(channel, make, handler, self._lacking, keeps_state_of)
        return handler(make())

    def _lacking(self, connection: NativeConnection, channel: str) -> None:
        route = self._route_of.get(channel)
        if route is not None:
            route.lacks_snapshot(connection, channel)

    def _quote_handler(self, merge: Merge) -> Handler:
        exchange, symbol = self._exchange, self._symbol

        def on_quote(
            connection: NativeConnection, message: Any, _payload: bytes, received_ns: int
        ) -> None:
            quote_id = message.id
            quote = Quote(
                symbol, message.timestamp, message.bid or None, message.bid_size,
                message.ask or None, message.ask_size, exchange, received_ns, 0, 0, 0, quote_id,
            )  # fmt: skip
            if connection is merge.only:  # `merge.take`, without its two calls
                if quote_id == merge.last and same_quote(quote, merge.newest):
                    return
                merge.last = quote_id
                merge.newest = quote
                self._event(quote)
            else:
                merge.take(connection, quote_id, None, quote)

        return on_quote

    # --- callbacks of the merges --------------------------------------------------------------

    def _publish(self, tick: Tick) -> None:
        self._event(tick)

    def _publish_once(self, trade: Trade) -> None:
        """Publish a trade, unless one with its id was; a venue may send a page of old ones."""
        trade_id, known = trade.id, self._published
        if trade_id is not None:
            if trade_id in known:
                return
            known.add(trade_id)
            self._published_order.append(trade_id)
            if len(known) > IDS_KNOWN:
                known.discard(self._published_order.popleft())
        self._event(trade)

    def _publish_in_order(self, tick: Tick) -> None:
        if not self._order.overtaken(tick):
            self._event(tick)
        elif self._sink is not None:
            self._sink.alive(tick.channel)

    def _overtaken(self, quote: Quote, newest: Quote) -> bool:
        """Return whether a quote whose id does not rise came after a newer one."""
        order = self._order
        order.newest_is("quote", order.keys["quote"](newest))
        if not order.overtaken(quote):
            return False
        self._repeated()
        return True

    def _went_back(self, channel: str, from_id: EventId, to_id: EventId) -> None:
        if self._sink is not None:
            self._sink.missing(channel, from_id, to_id, "the ids or times went back")

    def _repeated(self) -> None:
        if self._sink is not None:
            self._sink.alive("quote")

    def _publish_trade(self, numbered: tuple[int, Trade | None]) -> None:
        if self._sink is not None:
            self._trades.take(*numbered, self._sink)

    def _publish_book(self, depth: DepthMessage) -> None:
        if self._sink is None or self._books is None:
            return
        self._books.on_message(depth.joined(), depth.received_ns, self._sink)

    def _missing(self, channel: str) -> Any:
        """Return what a channel's merge calls for a gap between two keys."""

        def missing(from_key: Any, to_key: Any, reason: str) -> None:
            if self._sink is not None:
                self._sink.missing(channel, from_key, to_key, reason)

        return missing

    def _lost(self, channel: str, reason: str) -> None:
        self._order.begin(channel)
        if channel == "trade":
            self._trades.lost(reason)
        if channel == "book" and self._books is not None:
            self._books.lost(reason)

    # --- parts --------------------------------------------------------------------------------

    def _route(self, path: str, channels: list[str]) -> Route:
        streams = {
            channel: self._market.stream(
                channel, self._market_id, self._timeframe, self._book_depth
            )
            for channel in channels
        }
        return Route(
            self._market.addresses.websocket_url(self._endpoint, path),
            streams,
            {channel: self._merges[channel] for channel in channels},
            self._connection,
            self._lost,
            connections=self._connections,
            rotate_after_s=self._rotate_after_s,
            budget=self._budget,
            dialer=self._dialer,
            tls=self._tls,
            clock=self._clock,
        )

    def _connection(self, route: Route) -> NativeConnection:
        def rejected(connection: NativeConnection, channel: str | None, reason: str) -> None:
            carried = route.carried(connection)
            names = [channel] if channel is not None and channel in carried else carried
            if self._sink is not None and names:
                self._sink.rejected(names, reason)

        def burst(begins: bool) -> None:
            if self._sink is not None:
                self._sink.hold() if begins else self._sink.release()

        return self._connection_class(
            self._market,
            self._market_id,
            self._handlers,
            rejected,
            route.refused,
            burst,
            self._clock,
        )


def _ignore(_tick: Tick) -> None:
    """Drop a tick that arrives after the run."""
