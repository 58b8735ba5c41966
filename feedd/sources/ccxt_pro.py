"""The ccxt source: any exchange of ccxt.pro. The only file that imports ccxt.

`watch_*` hands over the first message of a burst and drops the others, because it has no queue.
So each channel is subscribed to with one `watch_*` call, and what ccxt parses is taken where it
offers it: at `Client.resolve`, which every handler calls for every message, awaited or not
(https://github.com/ccxt/ccxt/blob/v4.5.90/python/ccxt/async_support/base/ws/client.py).
"""

from __future__ import annotations

import asyncio
import difflib
import importlib
import re
import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import ccxt

from feedd.errors import (
    ConfigError,
    CredentialsError,
    FeeddError,
    FinalError,
    SourceError,
    UnknownSymbolError,
)
from feedd.sources import exchanges
from feedd.sources.base import Backoff
from feedd.sources.ccxt_structures import to_quote, to_ticker, to_trade

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from feedd.sources.base import Sink

KEEP_ALIVE_MS = 5000  # a dead connection is noticed within three of these
TRADES_KEPT = 2000  # more than any exchange sends in one message (Bybit: 1,024)

_METHODS = {"ticker": "watchTicker", "quote": "watchBidsAsks", "trade": "watchTrades"}


@dataclass(frozen=True)
class Quirks:
    """What ccxt leaves to its user on one exchange."""

    options: dict[str, Any] = field(default_factory=dict)
    ticker_params: dict[str, Any] = field(default_factory=dict)
    quote_id: str | None = None  # key of the exchange's message
    contiguous: frozenset[str] = frozenset()


_BINANCE = Quirks(
    options={
        "fetchCurrencies": False,  # with a key, load_markets would ask two signed pages first
        # One connection each for /public and /market: every call would open its own.
        "streamLimits": {"spot": 1, "margin": 1, "linear": 1, "inverse": 1},
    },
    ticker_params={"name": "ticker"},  # the default is miniTicker, without change_percent
    quote_id="u",
    contiguous=frozenset({"trade"}),
)
QUIRKS = {"binance": _BINANCE, "binanceusdm": _BINANCE, "binancecoinm": _BINANCE}

# The channel in whose name ccxt is being called: it tells which futures are that channel's.
_channel: ContextVar[str | None] = ContextVar("channel", default=None)


class CcxtSource:
    """One symbol on one exchange; see `feedd.sources.base.Source` for the contract."""

    def __init__(
        self,
        exchange: str,
        symbol: str,
        channels: tuple[str, ...],
        *,
        endpoint: str | None = None,
        credentials: tuple[str, str] | None = None,
    ) -> None:
        self._id = exchange
        self._symbol = symbol
        self._channels = channels
        self._quirks = QUIRKS.get(exchange, Quirks())
        self._credentials = credentials
        self._exchange = _connected_to(self, exchange, self._quirks, endpoint, credentials)
        self._sink: Sink | None = None
        self._backoff = {channel: Backoff() for channel in channels}
        self._lost: dict[str, asyncio.Future[str]] = {}
        self._clients: dict[str, Any] = {}
        self._received_ns = 0
        self._in_handler = False
        self._last_trade: Any = None
        self._take: dict[str, Callable[[Any], None]] = {
            "ticker": self._take_ticker,
            "quote": self._take_quote,
            "trade": self._take_trades,
        }

    @property
    def contiguous(self) -> frozenset[str]:
        """The channels whose ids leave no step out."""
        return self._quirks.contiguous

    async def prepare(self) -> None:
        """Check channels, symbol and credentials against the exchange."""
        has = self._exchange.has
        for channel in self._channels:
            if not has.get(_METHODS[channel]):
                served = [name for name, method in _METHODS.items() if has.get(method)]
                raise ConfigError(
                    f"{self._id} has no {channel} in ccxt.pro; it has {', '.join(served)}"
                )
        try:
            # `True`: ccxt keeps the answer of the first call, also one that it could not read.
            markets = await self._exchange.load_markets(True)
            if not markets:
                # ccxt takes an answer that it can't read for an exchange without markets.
                raise SourceError(f"{self._id} listed no markets at all")
            if self._symbol not in markets:
                raise UnknownSymbolError(_unknown(self._id, self._symbol, list(markets)))
            if self._credentials is not None:
                await self._exchange.fetch_balance()
        except FeeddError:
            raise
        except Exception as error:
            # Whatever ccxt's parsers raise for an answer that they don't expect may pass.
            raise self._translated(error) from error

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
            self._sink = None

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
                elif watch.done() and (error := watch.exception()) is not None:
                    failure = self._translated(error)
                    if isinstance(failure, FinalError):
                        raise failure
                    self._note_lost(channel, str(failure))
                reason = await lost
            finally:
                watch.cancel()
            self._drop(self._clients.pop(channel, None), reason)
            sink.lost(channel, reason)
            await asyncio.sleep(backoff.next_s())

    def _watch(self, channel: str) -> Awaitable[Any]:
        exchange = self._exchange
        if channel == "ticker":
            call = exchange.watch_ticker(self._symbol, dict(self._quirks.ticker_params))
        elif channel == "quote":
            call = exchange.watch_bids_asks([self._symbol])
        else:
            call = exchange.watch_trades(self._symbol)
        return call  # type: ignore[no-any-return]  # ccxt's own types are skipped

    def _drop(self, client: Any, reason: str) -> None:
        """Close a connection that ccxt still holds: on it, it would not subscribe again."""
        if client is not None and self._exchange.clients.get(client.url) is client:
            client.on_error(ccxt.NetworkError(reason))

    def _note_lost(self, channel: str, reason: str) -> None:
        lost = self._lost.get(channel)
        if lost is not None and not lost.done():
            lost.set_result(reason)

    # --- the tap ----------------------------------------------------------------------------

    def tap(self, client: Any) -> None:
        """Take what a new ccxt `Client` parses, and note what befalls it."""
        channels: dict[str, str] = {}  # by the hash of the message
        future, resolve, reject = client.future, client.resolve, client.reject
        handle_message = client.handle_message

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
                self._parsed(client, channel, result)
            return resolve(result, message_hash)

        def tapped_reject(error: Any, message_hash: str | None = None) -> Any:
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

    def client_connected(self, client: Any) -> None:
        """Note a connection that stands."""
        for channel in self._channels_of(client):
            if self._sink is not None:
                self._sink.subscribed(channel)

    def client_lost(self, client: Any, error: Any) -> None:
        """Note a connection that is gone, for every channel that it carried."""
        for channel in self._channels_of(client):
            self._note_lost(channel, _one_line(error))

    def _reject(self, channels: list[str], error: Exception) -> None:
        if self._sink is not None and channels:
            self._sink.rejected(channels, f"{type(error).__name__}: {error}")

    def _channels_of(self, client: Any) -> list[str]:
        return [channel for channel, its in self._clients.items() if its is client]

    # --- ccxt's structures end here; ccxt_structures.py says what they mean -----------------

    def _parsed(self, client: Any, channel: str, result: Any) -> None:
        """Take what ccxt parsed.

        What a connection still yields after it was given up belongs to the hole that its loss
        reports; taken, it would pass for the first event behind that hole.
        """
        if self._sink is None:
            return
        if self._clients.get(channel) is not client:
            if channel == "trade":
                self._last_trade = result[-1]  # the cache is one for all connections
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
        self._sink.event(  # type: ignore[union-attr]
            to_quote(parsed, self._id, self._symbol, self._received_ns, self._quirks.quote_id)
        )

    def _take_trades(self, cache: Any) -> None:
        """Take the trades that ccxt's cache gained: those behind the last one taken."""
        new = []
        for trade in reversed(cache):
            if trade is self._last_trade:
                break
            new.append(trade)
        else:
            if self._last_trade is not None:
                self._sink.rejected(  # type: ignore[union-attr]
                    ["trade"], f"more than {TRADES_KEPT} trades in one message"
                )
        self._backoff["trade"].reset()
        for trade in reversed(new):
            self._last_trade = trade
            self._sink.event(  # type: ignore[union-attr]
                to_trade(trade, self._id, self._symbol, self._received_ns)
            )

    def _translated(self, error: BaseException) -> FeeddError:
        """Return what an error of ccxt means to feedd."""
        if isinstance(error, FeeddError):
            return error
        text = _one_line(error)
        if isinstance(error, ccxt.AuthenticationError):
            return CredentialsError(
                f"{self._id} refused the API key ({text}); correct it, or unset it: "
                "public data needs no key"
            )
        if isinstance(error, ccxt.BadSymbol):
            return UnknownSymbolError(f"{self._id} does not know {self._symbol} ({text})")
        if isinstance(error, ccxt.NotSupported | ccxt.ArgumentsRequired):
            return ConfigError(f"{self._id} can't serve {', '.join(self._channels)}: {text}")
        cause = f" ({_one_line(error.__cause__)})" if error.__cause__ is not None else ""
        return SourceError(f"{type(error).__name__}: {text}{cause}")


def _connected_to(
    source: CcxtSource,
    exchange_id: str,
    quirks: Quirks,
    endpoint: str | None,
    credentials: tuple[str, str] | None,
) -> Any:
    """Return an instance of ccxt.pro's class that tells the source of its clients."""
    exchanges.check(exchange_id)
    base = getattr(importlib.import_module(f"ccxt.pro.{exchange_id}"), exchange_id)

    class Tapped(base):  # type: ignore[misc,valid-type]
        timeout_on_exit = 0  # ms; the default of 250 is for scripts that end right away

        def client(self, url: str) -> Any:
            known = url in (self.clients or {})
            client = super().client(url)
            if not known:
                source.tap(client)
            return client

        def on_connected(self, client: Any, message: Any = None) -> None:
            super().on_connected(client, message)
            source.client_connected(client)

        def on_error(self, client: Any, error: Any) -> None:
            super().on_error(client, error)
            source.client_lost(client, error)

        def on_close(self, client: Any, error: Any) -> None:
            super().on_close(client, error)
            source.client_lost(client, f"the exchange closed the connection, code {error}")

    Tapped.__name__ = exchange_id
    settings: dict[str, Any] = {
        "enableRateLimit": True,
        "newUpdates": True,
        "options": {"tradesLimit": TRADES_KEPT, **quirks.options},
    }
    if credentials is not None:
        settings["apiKey"], settings["secret"] = credentials
    exchange = Tapped(settings)
    exchange.streaming = {**exchange.streaming, "keepAlive": KEEP_ALIVE_MS}
    if endpoint is not None:
        exchange.urls["api"] = _moved(exchange.urls["api"], endpoint)
    return exchange


def _moved(urls: Any, endpoint: str) -> Any:
    """Return ccxt's map of URLs with every host replaced and every path kept."""
    if isinstance(urls, dict):
        return {key: _moved(value, endpoint) for key, value in urls.items()}
    parts = urlsplit(endpoint)
    scheme, _, rest = urls.partition("://")
    schemes = {"http": "ws", "https": "wss"}
    moved = schemes[parts.scheme] if scheme.startswith("ws") else parts.scheme
    _, slash, path = rest.partition("/")
    return f"{moved}://{parts.netloc}{slash}{path}"


def _unknown(exchange: str, symbol: str, markets: list[str]) -> str:
    close = difflib.get_close_matches(symbol, markets, n=3)
    hint = f"; is it {' or '.join(close)}?" if close else ""
    return f"{exchange} does not list {symbol} among its {len(markets)} markets{hint}"


def _one_line(error: Any) -> str:
    """Return an error's text as one line, without the signature of a signed address."""
    text = re.sub(r"(signature=)\w+", r"\1…", str(error))
    return " ".join(text.split()) or type(error).__name__
