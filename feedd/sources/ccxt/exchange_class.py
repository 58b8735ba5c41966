"""An instance of ccxt.pro's class for an exchange, directed to its endpoint, and tapped."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from feedd.numbers import number
from feedd.sources.ccxt.http_session import with_network
from feedd.sources.ccxt.lean_import import (
    exact_json,
    exchange_class,
    monotonic_throttle,
    read_json,
)
from feedd.sources.ccxt.odd_entries import with_odd_entries
from feedd.sources.ccxt.own_connections import with_own_connections
from feedd.sources.ccxt.rehearsal import with_rehearsals
from feedd.sources.ccxt.shared_limits import with_shared_limits
from feedd.sources.ccxt.tap import Tap
from feedd.sources.exchange_names import check_exchange_name
from feedd.venues.registry import market_list_on

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

    from feedd.sources.ccxt.tap import Observer
    from feedd.sources.network.dial import Dialer
    from feedd.venues.contract import Venue

KEEP_ALIVE_MS = 5000  # between pings; each is answered by a pong
ANSWER_CHARS = 1000  # of an answer that may be empty
CACHED = 2000  # trades, liquidations: more than any exchange sends in one message (the most: 1,024)


@cache
def has(exchange: str) -> dict[str, Any]:
    """Return ccxt's map of the methods that an exchange has."""
    check_exchange_name(exchange)
    return exchange_class(exchange)().has  # type: ignore[no-any-return]


def tapped_exchange(
    observer: Observer,
    exchange_name: str,
    symbol: str,
    venue: Venue,
    endpoint: str | None,
    credentials: tuple[str, str] | None,
    run_dir: Path | None,
    dialer: Dialer,
    tls: ssl.SSLContext | None,
) -> Any:
    """Return an instance of ccxt.pro's class whose clients report to the observer.

    With a `run_dir` it shares the exchange's limits and market list with all that name the same.
    """
    check_exchange_name(exchange_name)
    base = with_own_connections(with_rehearsals(exchange_class(exchange_name)), venue)
    base = with_odd_entries(with_network(base, dialer, tls), venue)
    if run_dir is not None:
        base = with_shared_limits(base, run_dir, exchange_name, symbol, venue, endpoint)

    class Tapped(base):  # type: ignore[misc,valid-type]
        timeout_on_exit = 0  # ms; the default of 250 is for scripts that end right away
        last_answer = (0, "")  # HTTP status and the begin of the body of the last REST answer

        def client(self, url: str) -> Any:
            url = self.own_url(url)
            known = url in (self.clients or {})
            client = super().client(url)
            if not known:
                client.tap = Tap(client, venue, observer)
            return client

        def on_rest_response(
            self, code: int, reason: str, url: str, method: str, response_headers: dict[str, str],
            response_body: str, *request: Any,
        ) -> Any:  # fmt: skip
            self.last_answer = code, response_body[:ANSWER_CHARS]
            return super().on_rest_response(
                code, reason, url, method, response_headers, response_body, *request
            )

        def on_connected(self, client: Any, message: Any = None) -> None:
            super().on_connected(client, message)
            client.tap.connected()

    monotonic_throttle()
    _report_ends(Tapped, venue.connection_options)
    _read_numbers_exactly(Tapped)
    if venue.book is not None:
        for name in venue.book.disabled_handlers:
            setattr(Tapped, name, lambda *_: None)
    Tapped.__name__ = exchange_name
    needs = venue.needs_currencies
    settings: dict[str, Any] = {
        "has": {} if needs is None or needs(symbol) else {"fetchCurrencies": False},
        "enableRateLimit": True,
        "newUpdates": True,
        "options": {
            "tradesLimit": CACHED,
            "liquidationsLimit": CACHED,
            **_options(venue, exchange_name, symbol),
        },
    }
    if credentials is not None:
        settings["apiKey"], settings["secret"] = credentials
    exchange = Tapped(settings)
    exchange.streaming = {**exchange.streaming, "keepAlive": KEEP_ALIVE_MS}
    if endpoint is not None:
        exchange.urls["api"] = moved(exchange.urls["api"], endpoint)
    return exchange


def _options(venue: Venue, exchange: str, symbol: str) -> dict[str, Any]:
    """Return ccxt's options for a feed of one symbol."""
    types = {"types": [market_list_on(exchange, symbol)]}
    return {**venue.ccxt_options, **({"fetchMarkets": types} if venue.one_market_type else {})}


def _report_ends(tapped: Any, connection_options: tuple[str, ...]) -> None:
    """Report every end of a connection to its tap.

    ccxt then forgets the client of the URL, unless another one has replaced this one there. With it
    it forgets the options that hold for one connection.
    """
    forget_error, forget_close = tapped.on_error, tapped.on_close

    def is_current(exchange: Any, client: Any) -> bool:
        if exchange.clients.get(client.url) is client:
            for name in connection_options:
                exchange.options.pop(name, None)
        return exchange.clients.get(client.url, client) is client

    def on_error(self: Any, client: Any, error: Any) -> None:
        if is_current(self, client):
            forget_error(self, client, error)
        client.tap.disconnected(error)

    def on_close(self: Any, client: Any, error: Any) -> None:
        if is_current(self, client):
            forget_close(self, client, error)
        client.tap.disconnected(f"the exchange closed the connection, code {error}")

    tapped.on_error, tapped.on_close = on_error, on_close


def _read_numbers_exactly(tapped: Any) -> None:
    """Let ccxt read integers of any size, and reject texts that only `float` takes for numbers."""
    exact_json()
    tapped.on_json_response = staticmethod(read_json)
    tapped.number = staticmethod(number)


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
