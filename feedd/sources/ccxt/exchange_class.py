"""An instance of ccxt.pro's class for an exchange, connected where it should be, and tapped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from feedd.channels import CHANNELS
from feedd.errors import ConfigError, SourceError, UnknownSymbolError
from feedd.sources import exchanges
from feedd.sources.ccxt.budget import shared
from feedd.sources.ccxt.lean_import import exchange_class
from feedd.sources.refusals import unknown
from feedd.venues.market_type import market_type

if TYPE_CHECKING:
    from pathlib import Path

    from feedd.venues.contract import Venue

KEEP_ALIVE_MS = 5000  # between pings; each is answered by a pong
CACHED = 2000  # trades, liquidations: more than any exchange sends in one message (Bybit: 1,024)


class Tap(Protocol):
    """What an instance tells, of each of ccxt's clients (one is one connection)."""

    def tap(self, client: Any) -> None:
        """Take a new client."""

    def client_connected(self, client: Any) -> None:
        """Note that it stands."""

    def client_lost(self, client: Any, error: Any) -> None:
        """Note that it is gone."""

    def takes_raw(self, channel: str, client: Any, message: Any) -> bool:
        """Take a raw message; return whether ccxt shall not see it."""


def check_channels(
    exchange: str, has: dict[str, Any], symbol: str, channels: tuple[str, ...]
) -> None:
    """Raise ConfigError for a channel that an exchange doesn't have, with those that it has."""
    channel, served = lacking(has, symbol, channels)
    if channel:
        raise ConfigError(
            f"{exchange} has no {channel} of {symbol} in ccxt.pro; it has {', '.join(served)}"
        )


def lacking(has: dict[str, Any], symbol: str, channels: tuple[str, ...]) -> tuple[str, list[str]]:
    """Return the first channel that can't be served, or "", and all that can.

    `has` is ccxt's map of an exchange's methods.
    """
    spot = market_type(symbol) == "spot"
    served = [
        name
        for name, spec in CHANNELS.items()
        if has.get(spec.ccxt_method or "") and not (spot and spec.derivatives_only)
    ]
    return next((channel for channel in channels if channel not in served), ""), served


async def load_market(exchange: Any, name: str, symbol: str) -> None:
    """Make ccxt know a symbol's market; raises UnknownSymbolError, and whatever ccxt raises."""
    # `True`: ccxt keeps the answer of the first call, also one that it could not read.
    markets = await exchange.load_markets(True)
    if not markets:
        # ccxt takes an answer that it can't read for an exchange without markets.
        raise SourceError(f"{name} listed no markets at all")
    if symbol not in markets:
        raise UnknownSymbolError(unknown(name, symbol, list(markets)))


def has(exchange: str) -> dict[str, Any]:
    """Return ccxt's map of what an exchange of ccxt.pro has."""
    exchanges.check(exchange)
    return exchange_class(exchange)().has  # type: ignore[no-any-return]


def connected(
    source: Tap,
    exchange_name: str,
    symbol: str,
    venue: Venue,
    endpoint: str | None,
    credentials: tuple[str, str] | None,
    run_dir: Path | None,
) -> Any:
    """Return an instance of ccxt.pro's class that tells the source of its clients.

    With a `run_dir` it shares the exchange's limits and market list with all that name the same.
    """
    exchanges.check(exchange_name)
    base = exchange_class(exchange_name)
    if run_dir is not None:
        base = shared(base, run_dir, exchange_name, symbol, venue, endpoint)

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

    _give_raw(Tapped, source, venue)
    Tapped.__name__ = exchange_name
    settings: dict[str, Any] = {
        "enableRateLimit": True,
        "newUpdates": True,
        "options": {"tradesLimit": CACHED, "liquidationsLimit": CACHED, **_options(venue, symbol)},
    }
    if credentials is not None:
        settings["apiKey"], settings["secret"] = credentials
    exchange = Tapped(settings)
    exchange.streaming = {**exchange.streaming, "keepAlive": KEEP_ALIVE_MS}
    if endpoint is not None:
        exchange.urls["api"] = moved(exchange.urls["api"], endpoint)
    return exchange


def _options(venue: Venue, symbol: str) -> dict[str, Any]:
    """Return ccxt's options for a feed of one symbol."""
    types = {"fetchMarkets": {"types": [market_type(symbol)]}} if venue.one_market_type else {}
    return {**venue.ccxt_options, **types}


def _give_raw(tapped: Any, source: Tap, venue: Venue) -> None:
    """Let the source see raw messages before the handlers that make too little of them."""

    def raw(name: str, channel: str) -> None:
        handler = getattr(tapped, name)

        def handle(self: Any, client: Any, message: Any) -> Any:
            return source.takes_raw(channel, client, message) or handler(self, client, message)

        setattr(tapped, name, handle)

    if venue.book is not None:
        raw(venue.book.handler, "book")
        for name in venue.book.disabled_handlers:
            setattr(tapped, name, lambda *_: None)
    if venue.ticker_is_snapshot is not None:
        raw("handle_ticker", "ticker")
    for channel, raw_channel in venue.raw_channels.items():
        raw(raw_channel.handler, channel)


def moved(urls: Any, endpoint: str) -> Any:
    """Return ccxt's map of URLs with every host replaced, and every path behind the endpoint's."""
    if isinstance(urls, dict):
        return {key: moved(value, endpoint) for key, value in urls.items()}
    parts = urlsplit(endpoint)
    scheme, _, rest = urls.partition("://")
    sockets = {"http": "ws", "https": "wss"}
    scheme = sockets[parts.scheme] if scheme.startswith("ws") else parts.scheme
    _, slash, path = rest.partition("/")
    return f"{scheme}://{parts.netloc}{parts.path.rstrip('/')}{slash}{path}"
