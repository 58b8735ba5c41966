"""Where Binance's markets are, and in what they differ."""

from __future__ import annotations

from dataclasses import dataclass

from feedd.channels import CHANNEL_NAMES
from feedd.errors import ConfigError
from feedd.sources.limits.address_limits import place
from feedd.venues.market_type import market_type

INTERVALS = (
    "1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h",
    "1d", "3d", "1w", "1M",
)  # fmt: skip


@dataclass(frozen=True)
class Venue:
    """One of Binance's markets.

    `routes` says which path of its WebSocket carries which channels: elsewhere a stream is
    acknowledged and stays silent. `weights` are of its REST pages, by the names used here.
    """

    name: str
    rest: str
    socket: str
    pages: str  # the path of the REST pages
    account: str  # the path of the page that checks a key
    routes: dict[str, tuple[str, ...]]
    messages_a_second: int  # that a client may send on one connection: PING, PONG and JSON alike
    weights: dict[str, int]
    listing_query: str = ""
    timeframes: tuple[str, ...] = INTERVALS[1:]

    @property
    def channels(self) -> tuple[str, ...]:
        """What it serves, in the order of the documentation."""
        served = {channel for channels in self.routes.values() for channel in channels}
        return tuple(channel for channel in CHANNEL_NAMES if channel in served)

    def check(self, exchange: str, symbol: str, channels: tuple[str, ...]) -> None:
        """Raise ConfigError for a channel that it doesn't have, with those that it has."""
        for channel in channels:
            if channel not in self.channels:
                raise ConfigError(
                    f"{exchange} has no {channel} of {symbol}; it has {', '.join(self.channels)}"
                )

    def rest_url(self, endpoint: str | None) -> str:
        """Return what stands before a REST page."""
        return (self.rest if endpoint is None else endpoint.rstrip("/")) + self.pages

    def socket_url(self, endpoint: str | None, route: str) -> str:
        """Return the address of a connection."""
        if endpoint is None:
            return self.socket + route
        scheme, _, rest = endpoint.rstrip("/").partition("://")
        return {"http": "ws://", "https": "wss://"}[scheme] + rest + route

    def list_file(self, exchange: str, endpoint: str | None) -> str:
        """Return the name of the file that all workers keep the market list in."""
        return f"{exchange}-{self.name}-native{place(endpoint)}.jsonl"


# https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams:
# since 2026 high-frequency streams are below /public and the others below /market.
USDM = Venue(
    name="linear",
    rest="https://fapi.binance.com",
    socket="wss://fstream.binance.com",
    pages="/fapi/v1/",
    account="/fapi/v3/account",
    routes={
        "/public/ws": ("quote", "trade", "book"),
        "/market/ws": ("ticker", "candle", "mark", "liquidation"),
    },
    messages_a_second=10,
    weights={"exchangeInfo": 1, "depth": 20, "trades": 5, "historicalTrades": 200, "account": 5},
)
# https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams
SPOT = Venue(
    name="spot",
    rest="https://api.binance.com",
    socket="wss://stream.binance.com:9443",
    pages="/api/v3/",
    account="/api/v3/account",
    routes={"/ws": ("quote", "trade", "book", "ticker", "candle")},
    messages_a_second=5,
    weights={"exchangeInfo": 20, "depth": 50, "trades": 25, "historicalTrades": 25, "account": 20},
    # Most of its 15 MB are permissions.
    listing_query="?showPermissionSets=false",
    timeframes=INTERVALS,
)

STREAMS = {
    "ticker": "ticker", "quote": "bookTicker", "trade": "trade", "book": "depth@100ms",
    "mark": "markPrice@1s", "liquidation": "forceOrder",
}  # fmt: skip


def venue(exchange: str, symbol: str) -> Venue:
    """Return where a symbol is traded; raise ConfigError for what is not served here."""
    kind = "linear" if exchange == "binanceusdm" else market_type(symbol)
    if exchange not in {"binance", "binanceusdm"} or kind == "inverse":
        raise ConfigError(
            f"source: native has no {symbol} of {exchange}; it serves binanceusdm, and of binance "
            "spot and USD-M. Use ccxt"
        )
    return SPOT if kind == "spot" else USDM


def stream(channel: str, market_id: str, timeframe: str) -> str:
    """Return the name of a channel's stream."""
    kind = f"kline_{timeframe}" if channel == "candle" else STREAMS[channel]
    return f"{market_id.lower()}@{kind}"
