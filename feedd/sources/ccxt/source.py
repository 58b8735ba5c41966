"""The ccxt source: any exchange of ccxt.pro.

`watch_*` hands over the first message of a burst and drops the others, because it has no queue.
So each channel is subscribed to with one `watch_*` call, and what ccxt parses is taken where it
offers it: at `Client.resolve`, which every handler calls for every message, awaited or not
(https://github.com/ccxt/ccxt/blob/v4.5.90/python/ccxt/async_support/base/ws/client.py).
"""

from __future__ import annotations

import asyncio
import time
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any

from feedd.errors import FeeddError, FinalError, LimitError
from feedd.sources.base import Backoff
from feedd.sources.book_keeper import BookKeeper
from feedd.sources.ccxt.converters import (
    exchange_id,
    to_book,
    to_candle,
    to_liquidation,
    to_mark,
    to_quote,
    to_ticker,
    to_trade,
)
from feedd.sources.ccxt.error_translation import Translator, WaitsError
from feedd.sources.ccxt.exchange_class import (
    CACHED,
    check_channels,
    connected,
    load_market,
)
from feedd.sources.ccxt.lean_import import ccxt
from feedd.sources.ccxt.rest_requests import Requests
from feedd.sources.refusals import check_timeframe, one_line
from feedd.sources.trade_keeper import TradeKeeper
from feedd.venues.registry import venue as venue_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from feedd.books.depth import Snapshot
    from feedd.model import EventId
    from feedd.sources.base import Sink

# The channel in whose name ccxt is being called: it tells which futures are that channel's.
_channel: ContextVar[str | None] = ContextVar("channel", default=None)


class CcxtSource:
    """One symbol on one exchange; see `feedd.sources.base.Source` for the contract.

    All sources with the same `run_dir` share the exchange's limits and its market list.
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
    ) -> None:
        self._id = exchange
        self._symbol = symbol
        self._channels = channels
        self._venue = venue = venue_of(exchange)
        self._book_depth = book_depth
        self._timeframe = timeframe
        self._credentials = credentials
        self._exchange = connected(self, exchange, symbol, venue, endpoint, credentials, run_dir)
        self._errors = Translator(exchange, symbol, channels)
        self._requests = Requests(
            self._exchange,
            exchange,
            symbol,
            venue,
            self._errors,
            book_depth=book_depth,
            with_key=credentials is not None,
        )
        self._sink: Sink | None = None
        self._backoff = {channel: Backoff() for channel in channels}
        self._lost: dict[str, asyncio.Future[tuple[str, bool]]] = {}  # reason, waits
        self._clients: dict[str, Any] = {}
        self._received_ns = 0
        self._in_handler = False
        self._heeded = False  # whether anything took the message that is being handled
        self._ticker_of: Any = None  # the client that brought the snapshot below its deltas
        self._raw_quote: Any = None  # the message of a quote whose id ccxt drops
        self._last_quote: EventId = None
        self._newest: dict[str, Any] = {}  # in ccxt's caches, by channel
        self._open_time = 0  # of the newest candle taken
        self._books = (
            BookKeeper(exchange, symbol, venue.book.rules(book_depth), book_depth, self._renew_book)
            if venue.book is not None and "book" in channels
            else None
        )
        self._trades = (
            TradeKeeper(self._requests.fetch_trades) if venue.trades is not None else None
        )
        self._take: dict[str, Callable[[Any], None]] = {
            "ticker": self._take_ticker,
            "quote": self._take_quote,
            "trade": self._take_trades,
            "book": self._take_book,
            "candle": self._take_candles,
            "mark": self._take_mark,
            "liquidation": self._take_liquidations,
        }

    @property
    def self_checked(self) -> frozenset[str]:
        """The channels in which every hole is found here."""
        kept = {"book": self._books, "trade": self._trades}
        return frozenset(channel for channel, keeper in kept.items() if keeper is not None)

    async def prepare(self) -> None:
        """Check channels, symbol and credentials against the exchange."""
        check_channels(self._id, self._exchange.has, self._symbol, self._channels)
        if "candle" in self._channels:
            check_timeframe(self._id, self._exchange.timeframes, self._timeframe)
        try:
            await load_market(self._exchange, self._id, self._symbol)
            if self._credentials is not None:
                await self._exchange.fetch_balance()
        except FeeddError:
            raise
        except Exception as error:
            # Whatever ccxt's parsers raise for an answer that they don't expect may pass.
            raise self._errors(error) from error

    async def run(self, sink: Sink) -> None:
        """Keep every channel subscribed until cancelled."""
        self._sink = sink
        try:
            async with asyncio.TaskGroup() as tasks:
                for channel in self._channels:
                    tasks.create_task(self._keep(channel, sink))
        except BaseExceptionGroup as group:
            final = group.subgroup(FinalError)
            if final is None:
                raise
            raise final.exceptions[0] from None
        finally:
            if self._trades is not None:
                self._trades.finish(sink, "the worker stops")
            if self._books is not None:
                self._books.stop()
            self._sink = None

    def life(self, channel: str) -> int | None:
        """Return when, in ms, the last frame of a channel's connection came."""
        return getattr(self._clients.get(channel), "last_message_at", None)

    def reconnect(self, channel: str, reason: str) -> None:
        """Drop the connection that carries a channel."""
        self._note_lost(channel, reason)

    async def close(self) -> None:
        """Close the connections and the HTTP session."""
        self._sink = None
        await self._exchange.close()

    # --- one channel ------------------------------------------------------------------------

    async def _keep(self, channel: str, sink: Sink) -> None:
        """Subscribe to a channel, wait until it is lost, and again, with a growing pause."""
        _channel.set(channel)
        backoff = self._backoff[channel]
        while True:
            lost = self._lost[channel] = asyncio.get_running_loop().create_future()
            watch = asyncio.ensure_future(self._watch(channel))
            try:
                await asyncio.wait({watch, lost}, return_when=asyncio.FIRST_COMPLETED)
                if watch.cancelled():
                    self._note_lost(channel, "ccxt closed the connection")
                elif watch.done() and isinstance(watch.exception(), ccxt.InvalidNonce):
                    # ccxt dropped its book, and the next call gets a new snapshot.
                    await asyncio.sleep(backoff.next_s())
                    continue
                elif watch.done() and (error := watch.exception()) is not None:
                    failure = self._errors(error)
                    if isinstance(failure, FinalError):
                        raise failure
                    self._note_lost(channel, str(failure), waits=isinstance(failure, LimitError))
                reason, waits = await lost
            finally:
                watch.cancel()
            self._drop(self._clients.pop(channel, None), reason)
            if channel == "trade" and self._trades is not None:
                self._trades.lost(reason)
            if channel == "book" and self._books is not None:
                self._books.lost(reason)
            sink.lost(channel, reason, waits=waits)
            await asyncio.sleep(backoff.next_s())

    def _watch(self, channel: str) -> Awaitable[Any]:
        exchange, symbol, book = self._exchange, self._symbol, self._venue.book
        params = dict(self._venue.watch_params.get(channel, {}))
        calls: dict[str, Callable[[], Any]] = {
            "ticker": lambda: exchange.watch_ticker(symbol, params),
            "quote": lambda: exchange.watch_bids_asks([symbol], params),
            "trade": lambda: exchange.watch_trades(symbol, None, None, params),
            "book": lambda: exchange.watch_order_book(
                symbol, None if book is None else book.limit(self._book_depth), params
            ),
            "candle": lambda: exchange.watch_ohlcv(symbol, self._timeframe, None, None, params),
            "mark": lambda: exchange.watch_mark_price(symbol, params),
            "liquidation": lambda: exchange.watch_liquidations(symbol, None, None, params),
        }
        return calls[channel]()  # type: ignore[no-any-return]  # ccxt's own types are skipped

    def _drop(self, client: Any, reason: str) -> None:
        """Close a connection that ccxt still holds: on it, it would not subscribe again."""
        if client is not None and self._exchange.clients.get(client.url) is client:
            client.on_error(ccxt.NetworkError(reason))

    def _note_lost(self, channel: str, reason: str, *, waits: bool = False) -> None:
        lost = self._lost.get(channel)
        if lost is not None and not lost.done():
            lost.set_result((reason, waits))

    # --- the tap ----------------------------------------------------------------------------

    def tap(self, client: Any) -> None:
        """Take what a new ccxt `Client` parses, and note what befalls it."""
        channels: dict[str, str] = {}  # by the hash of the message
        future, resolve, reject = client.future, client.resolve, client.reject
        handle_message, on_message = client.handle_message, client.on_message_callback
        # ccxt compares pongs by the wall clock: a step of it would drop every connection. Its
        # pings go on; who does not answer is found by the session, by the monotonic clock.
        client.maxPingPongMisses = float("inf")

        def tapped_future(message_hash: str) -> Any:
            channel = _channel.get()
            if channel is not None and not self._in_handler:
                channels[message_hash] = channel
                self._clients[channel] = client
                if client.isConnected and self._sink is not None:
                    self._sink.subscribed(channel)
            return future(message_hash)

        def tapped_resolve(result: Any, message_hash: str | None = None) -> Any:
            channel = channels.get(message_hash)  # type: ignore[arg-type]
            if channel is not None:
                self._heeded = True
                self._parsed(client, channel, result)
            return resolve(result, message_hash)

        def tapped_reject(error: Any, message_hash: str | None = None) -> Any:
            if isinstance(error, ccxt.InvalidNonce) and channels.get(message_hash) == "book":  # type: ignore[arg-type]
                self._book_broken(one_line(error))
            else:
                self.client_lost(client, error)
            return reject(error, message_hash)

        def tapped_handle_message(message: Any) -> None:
            self._received_ns = time.time_ns()
            self._in_handler = True
            try:
                handle_message(message)
            except Exception as error:  # noqa: BLE001  ccxt's parsers raise anything; passed on,
                # it would end the receive loop without a word and leave the connection open.
                self._reject(self._channels_of(client), error)
            finally:
                self._in_handler = False

        client.future = tapped_future
        client.resolve = tapped_resolve
        client.reject = tapped_reject
        client.handle_message = tapped_handle_message
        client.on_message_callback = partial(self._on_message, on_message)

    def _on_message(self, on_message: Callable[..., None], client: Any, message: Any) -> None:
        """Let ccxt take a message, and say so where it doesn't: it may have been an event."""
        keys, refusal_of = self._venue.control_keys, self._venue.refusal
        self._heeded = not keys
        on_message(client, message)
        if self._heeded:
            return
        if not isinstance(message, dict) or keys.isdisjoint(message):
            self._reject(self._channels_of(client), ValueError("nothing is known of its kind"))
        elif refusal_of is not None and (refusal := refusal_of(message)) is not None:
            self.client_lost(client, refusal)

    def client_connected(self, client: Any) -> None:
        """Note a connection that stands."""
        for channel in self._channels_of(client):
            if self._sink is not None:
                self._sink.subscribed(channel)

    def client_lost(self, client: Any, error: Any) -> None:
        """Note a connection that is gone, for every channel that it carried."""
        for channel in self._channels_of(client):
            self._backoff[channel].at_least(client.last_retry_after or 0.0)
            self._note_lost(channel, one_line(error), waits=isinstance(error, WaitsError))

    def _reject(self, channels: list[str], error: Exception) -> None:
        if self._sink is not None and channels:
            self._sink.rejected(channels, f"{type(error).__name__}: {error}")

    def _channels_of(self, client: Any) -> list[str]:
        return [channel for channel, its in self._clients.items() if its is client]

    # --- ccxt's structures end here; ccxt_structures.py says what they mean -----------------

    def takes_raw(self, channel: str, client: Any, message: Any) -> bool:
        """Take a raw message where ccxt would make too little of it; return whether it was."""
        book, sink = self._venue.book, self._sink
        if (
            channel == "book"
            and book is not None
            and book.is_depth is not None
            and not book.is_depth(message)
        ):
            self._raw_quote = message  # which ccxt reads well but for its id
            return False
        if channel not in self._channels:
            return False
        if channel == "ticker":
            return self._lacks_snapshot(client, message)
        self._heeded = True
        if sink is None or self._clients.get(channel) is not client:
            return True
        try:
            self._check_symbol(message)
            self._take_raw(channel, message, sink)
        except (ValueError, TypeError, LookupError, ArithmeticError) as error:
            self._reject([channel], error)
        return True

    def _lacks_snapshot(self, client: Any, message: Any) -> bool:
        """Return whether a ticker's delta came on a connection that brought no snapshot before.

        ccxt would put it on top of what an earlier connection brought, or of nothing.
        """
        if self._venue.ticker_is_snapshot is not None and self._venue.ticker_is_snapshot(message):
            self._ticker_of = client
        if self._ticker_of is client:
            return False
        self._heeded = True
        if self._clients.get("ticker") is client:
            self._note_lost("ticker", "the ticker began without its snapshot")
        return True

    def _check_symbol(self, message: Any) -> None:
        if self._venue.market_id_of is not None:
            symbol, its = (
                self._exchange.market(self._symbol)["id"],
                self._venue.market_id_of(message),
            )
            if its != symbol:
                raise ValueError(f"a message of {its} instead of {symbol}")

    def _take_raw(self, channel: str, message: Any, sink: Sink) -> None:
        self._backoff[channel].reset()
        if channel == "book":
            if self._books is not None and self._venue.book is not None:
                self._books.on_message(self._venue.book.parse(message), self._received_ns, sink)
            return
        parse = self._venue.raw_channels[channel].parse
        for tick in parse(message, self._id, self._symbol, self._received_ns, self._timeframe):
            sink.event(tick)

    def _parsed(self, client: Any, channel: str, result: Any) -> None:
        """Take what ccxt parsed.

        What a connection still yields after it was given up belongs to the hole that its loss
        reports; taken, it would pass for the first event behind that hole.
        """
        if self._sink is None or (channel == "book" and self._books is not None):
            return
        if self._clients.get(channel) is not client:
            if channel in {"trade", "liquidation"}:
                self._newest[channel] = result[-1]  # the cache is one for all connections
            return
        try:
            self._take[channel](result)
        except (ValueError, TypeError, LookupError, ArithmeticError) as error:
            # Of all channels on the connection only this one misses a message.
            self._reject([channel], error)

    def _take_ticker(self, parsed: dict[str, Any]) -> None:
        self._backoff["ticker"].reset()
        self._sink.event(  # type: ignore[union-attr]  # the tap looked
            to_ticker(parsed, self._id, self._symbol, self._received_ns)
        )

    def _take_quote(self, parsed: dict[str, Any]) -> None:
        if self._symbol in parsed:  # watch_bids_asks of other exchanges: a map by symbol
            parsed = parsed[self._symbol]
        self._backoff["quote"].reset()
        id_of = self._venue.quote_id
        quote_id = None if id_of is None else id_of(self._raw_quote or parsed["info"])
        if quote_id is not None and quote_id == self._last_quote:
            self._sink.heard("quote")  # type: ignore[union-attr]  # Bybit, after 3 s of silence
            return
        self._last_quote = quote_id
        self._sink.event(  # type: ignore[union-attr]
            to_quote(parsed, self._id, self._symbol, self._received_ns, quote_id)
        )

    def _gained(self, channel: str, cache: Any) -> list[Any]:
        """Return what ccxt's cache gained, oldest first: all behind the last one taken."""
        newest, new = self._newest.get(channel), []
        for item in reversed(cache):
            if item is newest:
                break
            new.append(item)
        else:
            if newest is not None and len(cache) >= CACHED:
                self._sink.rejected(  # type: ignore[union-attr]
                    [channel], f"more than {CACHED} events in one message"
                )
        if new:
            self._newest[channel] = new[0]
        return new[::-1]

    def _take_trades(self, cache: Any) -> None:
        sink: Sink = self._sink  # type: ignore[assignment]
        self._backoff["trade"].reset()
        for parsed in self._gained("trade", cache):
            try:
                trade = to_trade(parsed, self._id, self._symbol, self._received_ns)
            except ValueError as error:
                self._reject(["trade"], error)  # a hole, then, that may be filled
                continue
            trade_id = exchange_id(parsed["id"])
            if self._trades is not None and isinstance(trade_id, int):
                self._trades.take(trade_id, trade, sink)
            elif trade is not None:
                sink.event(trade)

    def _take_liquidations(self, cache: Any) -> None:
        self._backoff["liquidation"].reset()
        for parsed in self._gained("liquidation", cache):
            self._sink.event(  # type: ignore[union-attr]
                to_liquidation(
                    parsed,
                    self._id,
                    self._symbol,
                    self._received_ns,
                    names_position=self._venue.liquidation_names_position,
                )
            )

    def _take_candles(self, rows: Any) -> None:
        """Take the newest candle of ccxt's, and those before it that began since the last one."""
        self._backoff["candle"].reset()
        since = self._open_time or rows[-1][0]
        self._open_time = rows[-1][0]
        for row in [row for row in rows if row[0] >= since]:
            self._sink.event(  # type: ignore[union-attr]
                to_candle(row, self._id, self._symbol, self._received_ns, self._timeframe)
            )

    def _take_mark(self, parsed: dict[str, Any]) -> None:
        if self._symbol in parsed:
            parsed = parsed[self._symbol]
        self._backoff["mark"].reset()
        self._sink.event(  # type: ignore[union-attr]
            to_mark(parsed, self._id, self._symbol, self._received_ns)
        )

    # --- books and trades --------------------------------------------------------------------

    def _take_book(self, parsed: Any) -> None:
        """Take the book that ccxt keeps, where the exchange's checksum is all there is to check."""
        try:
            book = to_book(parsed, self._id, self._symbol, self._received_ns, self._book_depth)
        except ValueError as error:
            self._book_broken(str(error))
            self._note_lost("book", str(error))
            return
        self._backoff["book"].reset()
        self._sink.event(book)  # type: ignore[union-attr]

    def _book_broken(self, reason: str) -> None:
        if self._sink is not None:
            self._sink.missing("book", None, None, reason)
            self._sink.resync("book", reason)

    async def _renew_book(self) -> Snapshot | None:
        return await self._requests.renew_book(self._clients.get("book"))
