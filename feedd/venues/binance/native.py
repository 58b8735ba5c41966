"""Binance USD-M, COIN-M and spot as the native source uses them."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec

from feedd.books.diff import DiffBook
from feedd.venues.binance import addresses, listing, messages, parsers, weights
from feedd.venues.binance.book import SNAPSHOT_LEVELS, to_snapshot
from feedd.venues.binance.checked import CHECKED
from feedd.venues.binance.limits import ROTATE_AFTER_S
from feedd.venues.binance.streams import stream_name
from feedd.venues.native import (
    Control,
    ErrorAnswer,
    Keyed,
    NativeBook,
    NativeChannel,
    NativeListing,
    NativeMarket,
    NativeTrades,
    RestRequest,
)
from feedd.venues.registry import market_type_on
from feedd.venues.typed import read_anything

if TYPE_CHECKING:
    from collections.abc import Callable

    from feedd.model import Trade
    from feedd.venues.addresses import Addresses
    from feedd.venues.native import Convert, Credentials

SERVED = "binanceusdm, binancecoinm, and of binance spot, USD-M and COIN-M"

INTERVALS = (
    "1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h",
    "1d", "3d", "1w", "1M",
)  # fmt: skip
TRADES_PER_PAGE = 1000  # the most that a page returns
RECV_WINDOW_MS = 10_000
KEY_HEADER = "X-MBX-APIKEY"
# https://developers.binance.com/docs/derivatives/usds-margined-futures/error-code
REJECTED_KEY = frozenset({-2014, -2015, -1022})
INVALID_SYMBOL = -1121
INVALID_TIMESTAMP = -1021


def market(exchange: str, symbol: str) -> NativeMarket | None:
    """Return the market of a symbol; this module serves every type."""
    return {"spot": SPOT, "linear": USDM, "inverse": COINM}[market_type_on(exchange, symbol)]


# --- messages -------------------------------------------------------------------------------------


def _trades(exchange: str, symbol: str, _timeframe: str) -> Convert:
    return messages.trade_converter(exchange, symbol)


def _updates(_exchange: str, _symbol: str, _timeframe: str) -> Convert:
    def convert(message: Any, _payload: bytes, _received_ns: int) -> Keyed:
        update = messages.to_update(message)
        return Keyed(update.last, update.before, update)

    return convert


def _tickers(exchange: str, symbol: str, _timeframe: str) -> Convert:
    def convert(message: Any, _payload: bytes, received_ns: int) -> Keyed:
        return Keyed(message.E, None, messages.to_ticker(message, exchange, symbol, received_ns))

    return convert


def _coinm_tickers(exchange: str, symbol: str, _timeframe: str) -> Convert:
    def convert(message: Any, _payload: bytes, received_ns: int) -> Keyed:
        ticker = messages.to_coinm_ticker(message, exchange, symbol, received_ns)
        return Keyed(message.E, None, ticker)

    return convert


def _candles(exchange: str, symbol: str, timeframe: str) -> Convert:
    def convert(message: Any, payload: bytes, received_ns: int) -> Keyed:
        raw = read_anything(payload)
        (candle,) = parsers.candles(raw, exchange, symbol, received_ns, timeframe)
        return Keyed(message.E, None, candle)

    return convert


def _marks(exchange: str, symbol: str, _timeframe: str) -> Convert:
    def convert(message: Any, payload: bytes, received_ns: int) -> Keyed:
        raw = read_anything(payload)
        return Keyed(message.E, None, parsers.mark(raw, exchange, symbol, received_ns))

    return convert


def _liquidations(exchange: str, symbol: str, _timeframe: str) -> Convert:
    def convert(message: Any, _payload: bytes, received_ns: int) -> Keyed:
        tick = messages.to_liquidation(message, exchange, symbol, received_ns)
        return Keyed(message.E, None, tick)

    return convert


def _control(payload: bytes) -> Control:
    """Classify an answer, an unreadable event or the announcement of a shutdown."""
    answer = messages.read_answer(payload)
    kind = messages.read_kind(payload)
    if kind.e == "serverShutdown":
        return Control("closing")
    if kind.e is not None or (answer.id is None and answer.refusal is None):
        return Control("event", channel=kind.channel)
    return Control("answer", request_id=answer.id, refusal=answer.refusal)


def _stream(channel: str, market_id: str, timeframe: str, _levels: int) -> str:
    return stream_name(channel, market_id, timeframe)


def _request(method: str) -> Callable[[str, int], bytes]:
    """Return what makes a request about one stream.

    https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams/Live-Subscribing-Unsubscribing-to-streams::

        {"method":"SUBSCRIBE","params":["btcusdt@bookTicker"],"id":1}
    """

    def request(stream: str, request_id: int) -> bytes:
        return msgspec.json.encode({"method": method, "params": [stream], "id": request_id})

    return request


# --- REST pages -----------------------------------------------------------------------------------


class _Error(msgspec.Struct):
    code: int
    msg: str


def _error(body: bytes) -> ErrorAnswer | None:
    """Parse `{"code":-1121,"msg":"Invalid symbol."}`."""
    try:
        error = msgspec.json.decode(body, type=_Error)
    except ValueError:
        return None
    text = f"code {error.code}: {error.msg}"
    if error.code in REJECTED_KEY:
        return ErrorAnswer(text, "key")
    if error.code == INVALID_TIMESTAMP:
        return ErrorAnswer(text, "clock")
    return ErrorAnswer(text, "symbol" if error.code == INVALID_SYMBOL else None)


def _page(where: Addresses, costs: weights.Costs, page: str, query: dict[str, Any]) -> RestRequest:
    asked = {name: str(value) for name, value in query.items()}
    path = where.page_prefixes[0] + page + (f"?{urlencode(asked)}" if asked else "")
    return RestRequest(page, path, weights.weight(page, asked, costs))


def _rest_trades(
    body: bytes, exchange: str, symbol: str, now_ns: int
) -> list[tuple[int, Trade | None]]:
    return [
        parsers.rest_trade_with_id(row, exchange, symbol, now_ns) for row in read_anything(body)
    ]


def _pages(
    where: Addresses, costs: weights.Costs, account: str, listing_query: dict[str, str]
) -> dict[str, Any]:
    """Return the parts of a description that are REST pages."""

    def snapshot(market_id: str) -> RestRequest:
        return _page(where, costs, "depth", {"symbol": market_id, "limit": SNAPSHOT_LEVELS})

    def missed(market_id: str, from_id: int, credentials: Credentials | None) -> RestRequest:
        query = {"symbol": market_id, "limit": TRADES_PER_PAGE}
        if credentials is None:  # only the newest trades are public
            return _page(where, costs, "trades", query)
        request = _page(where, costs, "historicalTrades", {**query, "fromId": from_id})
        return request._replace(headers={KEY_HEADER: credentials[0]})

    def signed_account(credentials: Credentials, now_ms: int) -> RestRequest:
        """Return the signed request for the account.

        https://developers.binance.com/docs/derivatives/usds-margined-futures/general-info#signed-trade-and-user_data-endpoint-security
        """
        key, secret = credentials
        query = urlencode({"timestamp": now_ms, "recvWindow": RECV_WINDOW_MS})
        signature = hmac.new(secret.encode(), query.encode(), hashlib.sha256).hexdigest()
        path = f"{account}?{query}&signature={signature}"
        return RestRequest("account", path, weights.weight("account", {}, costs), {KEY_HEADER: key})

    return {
        "listing": NativeListing(
            _page(where, costs, "exchangeInfo", listing_query), listing.markets, listing.VERSION
        ),
        "book": NativeBook(DiffBook, snapshot, lambda body: to_snapshot(read_anything(body))),
        "trades": NativeTrades(missed, _rest_trades),
        "account": signed_account,
    }


# --- markets --------------------------------------------------------------------------------------

_CHANNELS = {
    "quote": NativeChannel((messages.BookTicker, messages.SpotBookTicker)),
    "trade": NativeChannel((messages.TradeMessage,), _trades),
    "book": NativeChannel((messages.DepthUpdate,), _updates),
    "ticker": NativeChannel((messages.TickerMessage,), _tickers),
    "candle": NativeChannel((messages.Kline,), _candles),
}
_COMMON: dict[str, Any] = {
    "rotate_after_s": ROTATE_AFTER_S, "control": _control, "stream": _stream,
    "subscribe": _request("SUBSCRIBE"), "unsubscribe": _request("UNSUBSCRIBE"), "error": _error,
    "reread": messages.reread, "checked": CHECKED,
}  # fmt: skip
_DERIVATIVES = {
    **_CHANNELS,
    "mark": NativeChannel((messages.MarkPrice,), _marks),
    "liquidation": NativeChannel((messages.ForceOrder,), _liquidations),
}
USDM = NativeMarket(
    name="linear",
    addresses=addresses.USDM,
    timeframes=INTERVALS[1:],
    messages_per_s=10,
    decode=messages.read,
    channels=_DERIVATIVES,
    **_pages(addresses.USDM, weights.USDM, addresses.USDM_ACCOUNT, {}),
    **_COMMON,
)
COINM = NativeMarket(
    name="inverse",
    addresses=addresses.COINM,
    timeframes=INTERVALS[1:],
    messages_per_s=10,
    decode=messages.read,
    channels={**_DERIVATIVES, "ticker": NativeChannel((messages.TickerMessage,), _coinm_tickers)},
    **_pages(addresses.COINM, weights.COINM, addresses.COINM_ACCOUNT, {}),
    **_COMMON,
)
SPOT = NativeMarket(
    name="spot",
    addresses=addresses.SPOT,
    timeframes=INTERVALS,
    messages_per_s=5,
    decode=messages.read_spot,
    channels=_CHANNELS,
    # Most of its 15 MB are permissions.
    **_pages(addresses.SPOT, weights.SPOT, addresses.SPOT_ACCOUNT, {"showPermissionSets": "false"}),
    **_COMMON,
)
