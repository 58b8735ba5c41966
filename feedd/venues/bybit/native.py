"""Bybit's linear, inverse and spot markets as the native source uses them."""

from __future__ import annotations

import hashlib
import hmac
import math
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec

from feedd.books.depth import Snapshot
from feedd.books.streamed import StreamedBook
from feedd.venues.bybit import addresses, book, checked, listing, messages, parsers
from feedd.venues.native import (
    Control,
    ErrorAnswer,
    Keyed,
    NativeBook,
    NativeChannel,
    NativeListing,
    NativeMarket,
    RestRequest,
)
from feedd.venues.registry import market_type_on
from feedd.venues.typed import read_anything

if TYPE_CHECKING:
    from collections.abc import Callable

    from feedd.venues.addresses import Addresses
    from feedd.venues.native import Convert, Credentials

SERVED = "bybit linear, inverse and spot"

INTERVALS = {
    "1m": "1", "3m": "3", "5m": "5", "15m": "15", "30m": "30", "1h": "60", "2h": "120",
    "4h": "240", "6h": "360", "12h": "720", "1d": "D", "1w": "W", "1M": "M",
}  # fmt: skip
MARKETS_PER_PAGE = 1000  # the most that a page returns
RECV_WINDOW_MS = 10_000
# https://bybit-exchange.github.io/docs/v5/error
REJECTED_KEY = frozenset({10003, 10004, 10005, 10009, 10010, 33004})
INVALID_TIMESTAMP = 10002
INVALID_SYMBOL = 10001
# Bybit documents no limit of a client's messages; a source sends a few when it connects.
MESSAGES_PER_S = 10
ALREADY = "already subscribed"
TOPICS = {"ticker": "tickers", "trade": "publicTrade", "liquidation": "allLiquidation"}


def market(exchange: str, symbol: str) -> NativeMarket | None:
    """Return the market of a symbol; this module serves every type."""
    return MARKETS[market_type_on(exchange, symbol)]


# --- messages -------------------------------------------------------------------------------------


def _quotes(exchange: str, symbol: str, _timeframe: str) -> Convert:
    return messages.quote_maker(exchange, symbol)


def _updates(_exchange: str, _symbol: str, _timeframe: str) -> Convert:
    def convert(message: Any, _payload: bytes, _received_ns: int) -> Keyed:
        change = messages.to_depth(message)
        before = None if isinstance(change, Snapshot) else change.before
        return Keyed(change.last, before, change)

    return convert


def _trades(exchange: str, symbol: str, _timeframe: str) -> Convert:
    def convert(message: Any, _payload: bytes, received_ns: int) -> Any:
        found = messages.to_trades(message, exchange, symbol, received_ns)
        return [(trade.timestamp, None, trade) for trade in found]  # without a call for each

    return convert


def _tickers(exchange: str, symbol: str, _timeframe: str) -> Convert:
    make = messages.TickerMaker(exchange, symbol).ticker

    def convert(message: Any, _payload: bytes, received_ns: int) -> Keyed:
        return Keyed(message.ts, None, make(message, received_ns))

    return convert


def _candles(exchange: str, symbol: str, timeframe: str) -> Convert:
    def convert(message: Any, payload: bytes, received_ns: int) -> list[Keyed]:
        raw = read_anything(payload)
        found = parsers.candles(raw, exchange, symbol, received_ns, timeframe)
        return [Keyed(message.ts, None, candle) for candle in found]

    return convert


def _liquidations(exchange: str, symbol: str, _timeframe: str) -> Convert:
    def convert(message: Any, _payload: bytes, received_ns: int) -> list[Keyed]:
        found = messages.to_liquidations(message, exchange, symbol, received_ns)
        return [Keyed(message.ts, None, one) for one in found]

    return convert


class _Reply(msgspec.Struct):
    op: str | None = None
    success: bool | None = None
    ret_msg: str | None = None
    req_id: str | int | None = None
    topic: str | None = None


_read_reply = msgspec.json.Decoder(_Reply).decode


def _control(payload: bytes) -> Control:
    """Classify an answer, a pong or an unreadable event.

    https://bybit-exchange.github.io/docs/v5/ws/connect; spot answers a request without req_id with
    none::

        {"success":true,"ret_msg":"","conn_id":"d8bu…","req_id":"1","op":"subscribe"}
        {"success":true,"ret_msg":"pong","conn_id":"d9av…","op":"ping"}
    """
    reply = _read_reply(payload)
    if reply.topic is not None or reply.op is None:
        return Control("event", channel=messages.channel_in(payload))
    if reply.ret_msg == "pong" or reply.op in {"ping", "pong"}:
        return Control("pong")
    id_ = str(reply.req_id or "")
    refusal = None if reply.success else reply.ret_msg or "no reason"
    if refusal is not None and ALREADY in refusal:
        refusal = None  # the answer to an earlier request was lost
    return Control("answer", int(id_) if id_.isdecimal() else None, refusal)


def _stream(channel: str, market_id: str, timeframe: str, levels: int) -> str:
    """Return the name of a channel's topic, e.g. `orderbook.50.BTCUSDT`."""
    if channel == "quote":
        return f"orderbook.1.{market_id}"
    if channel == "book":
        covered = next((one for one in book.LIMITS if one >= levels), book.LIMITS[-1])
        return f"orderbook.{covered}.{market_id}"
    if channel == "candle":
        return f"kline.{INTERVALS[timeframe]}.{market_id}"
    return f"{TOPICS[channel]}.{market_id}"


def _request(op: str) -> Callable[[str, int], bytes]:
    """Return what makes a request about one topic; spot allows ten in one request.

    ::

        {"req_id":"1","op":"subscribe","args":["orderbook.1.BTCUSDT"]}
    """

    def request(topic: str, request_id: int) -> bytes:
        return msgspec.json.encode({"req_id": str(request_id), "op": op, "args": [topic]})

    return request


# --- REST pages -----------------------------------------------------------------------------------


class _Error(msgspec.Struct):
    code: int = msgspec.field(name="retCode")
    text: str = msgspec.field(name="retMsg", default="")


_read_error = msgspec.json.Decoder(_Error).decode


def _error(body: bytes) -> ErrorAnswer | None:
    """Parse `{"retCode":10003,"retMsg":"API key is invalid.",…}`; 0 is no error."""
    try:
        error = _read_error(body)
    except ValueError:
        return None
    if not error.code:
        return None
    text = f"code {error.code}: {error.text}"
    if error.code in REJECTED_KEY:
        return ErrorAnswer(text, "key")
    if error.code == INVALID_TIMESTAMP:
        return ErrorAnswer(text, "clock")
    return ErrorAnswer(text, "symbol" if error.code == INVALID_SYMBOL else None)


def _account(credentials: Credentials, now_ms: int) -> RestRequest:
    """Return the signed request for what the key may do.

    https://bybit-exchange.github.io/docs/v5/guide#authentication
    """
    key, secret = credentials
    signed = f"{now_ms}{key}{RECV_WINDOW_MS}"
    return RestRequest(
        "user/query-api",
        "/v5/user/query-api",
        1.0,
        {
            "X-BAPI-API-KEY": key,
            "X-BAPI-TIMESTAMP": str(now_ms),
            "X-BAPI-RECV-WINDOW": str(RECV_WINDOW_MS),
            "X-BAPI-SIGN": hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest(),
        },
    )


def _listing(category: str) -> NativeListing:
    def request(**query: str) -> RestRequest:
        asked = {"category": category, "limit": str(MARKETS_PER_PAGE), **query}
        path = f"/v5/market/instruments-info?{urlencode(asked)}"
        return RestRequest("instruments-info", path, 1.0)

    def following(body: bytes) -> RestRequest | None:
        cursor = listing.cursor(body)
        return None if cursor is None else request(cursor=cursor)

    # Spot has neither pages nor markets before their launch.
    return NativeListing(
        request(), listing.markets, listing.VERSION, following,
        () if category == "spot" else (request(status="PreLaunch"),),
    )  # fmt: skip


# --- markets --------------------------------------------------------------------------------------

_CHANNELS = {
    "quote": NativeChannel((messages.QuoteMessage,), _quotes, keeps_state=True),
    "trade": NativeChannel((messages.TradesMessage,), _trades, several=True),
    "book": NativeChannel((messages.DepthMessage,), _updates),
    "ticker": NativeChannel((messages.TickerMessage,), _tickers, keeps_state=True),
    "candle": NativeChannel((messages.CandlesMessage,), _candles, several=True),
}
_LIQUIDATION = {
    "liquidation": NativeChannel((messages.LiquidationsMessage,), _liquidations, several=True)
}


def _of(
    category: str, where: Addresses, channels: dict[str, NativeChannel]
) -> NativeMarket:  # fmt: skip
    return NativeMarket(
        name=category,
        addresses=where,
        timeframes=tuple(INTERVALS),
        messages_per_s=MESSAGES_PER_S,
        rotate_after_s=math.inf,  # Bybit closes no connection for its age
        decode=messages.read,
        reread=messages.reread,
        control=_control,
        channels=channels,
        stream=_stream,
        subscribe=_request("subscribe"),
        unsubscribe=_request("unsubscribe"),
        listing=_listing(category),
        account=_account,
        error=_error,
        refuses_in_answers=True,
        book=NativeBook(lambda _levels: StreamedBook()),
        checked=checked.SPOT if category == "spot" else checked.CONTRACTS,
        grows=checked.SPOT_GROWS if category == "spot" else checked.GROWS,
        ping=b'{"op":"ping"}',
    )


MARKETS = {
    "linear": _of("linear", addresses.LINEAR, {**_CHANNELS, **_LIQUIDATION}),
    "inverse": _of("inverse", addresses.INVERSE, {**_CHANNELS, **_LIQUIDATION}),
    "spot": _of("spot", addresses.SPOT, _CHANNELS),
}
