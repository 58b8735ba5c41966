"""Hyperliquid's perpetual and spot markets as the native source uses them.

Requests have no id: an answer repeats the subscription.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from feedd.books.whole import WholeBook
from feedd.clock import NS_PER_MS
from feedd.venues.addresses import Addresses
from feedd.venues.hyperliquid import book, frames, listing, parsers
from feedd.venues.hyperliquid.checked import CHECKED, GROWS, SPOT_CHECKED
from feedd.venues.hyperliquid.control import CHANNEL_OF, GREETING
from feedd.venues.hyperliquid.market_ids import listed_type
from feedd.venues.native import (
    Control,
    Keyed,
    NativeBook,
    NativeChannel,
    NativeListing,
    NativeMarket,
    RestRequest,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from feedd.venues.native import Convert, Credentials

SERVED = "hyperliquid perpetuals and spot"

NAMES = {
    "ticker": "activeAssetCtx", "quote": "bbo", "trade": "trades", "book": "l2Book",
    "candle": "candle", "mark": "activeAssetCtx",
}  # fmt: skip
INTERVALS = (
    "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "8h", "12h", "1d", "3d", "1w", "1M",
)  # fmt: skip
# https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/rate-limits-and-user-limits:
# 2,000 messages per minute, of all connections of an address; a page has a weight of 20.
MESSAGES_PER_S = 10
PAGE_WEIGHT = 20.0
ROTATE_AFTER_S = 7 * 24 * 3600.0  # the venue closes no connection that is in use
ADDRESSES = Addresses(
    rest="https://api.hyperliquid.xyz",
    websocket="wss://api.hyperliquid.xyz",
    page_prefixes=("/info",),
    websocket_roots=("/ws",),
    routes={"/ws": tuple(NAMES)},
)


def market(_exchange: str, symbol: str) -> NativeMarket | None:
    """Return the market of a symbol; None for a perpetual of another operator."""
    return {"swap": PERPETUAL, "spot": SPOT}.get(listed_type(symbol))


# --- messages -------------------------------------------------------------------------------------


def _quotes(exchange: str, symbol: str, timeframe: str) -> Convert:
    def convert(message: Any, _payload: bytes, received_ns: int) -> Any:
        if type(message) is frames.QuoteMessage:
            return frames.to_quote(message, exchange, symbol, received_ns)
        (quote,) = parsers.quotes(message.raw, exchange, symbol, received_ns, timeframe)
        return quote

    return convert


def _trades(exchange: str, symbol: str, timeframe: str) -> Convert:
    def convert(message: Any, _payload: bytes, received_ns: int) -> list[Keyed]:
        if type(message) is frames.TradeMessage:
            found = frames.to_trades(message, exchange, symbol, received_ns)
        else:
            found = parsers.trades(message.raw, exchange, symbol, received_ns, timeframe)
        return [Keyed(trade.timestamp, None, trade) for trade in found]

    return convert


def _depths(_exchange: str, _symbol: str, _timeframe: str) -> Convert:
    def convert(message: Any, _payload: bytes, _received_ns: int) -> Keyed:
        typed = type(message) is frames.BookMessage
        depth = frames.to_depth(message) if typed else book.to_depth(message.raw)
        return Keyed(depth.last, None, depth)

    return convert


def _tickers(exchange: str, symbol: str, timeframe: str) -> Convert:
    """Return the converter of tickers, which have no time: the receipt's is near the others'."""

    def convert(message: Any, payload: bytes, received_ns: int) -> Keyed:
        raw = message.raw if isinstance(message, frames.Plain) else frames.read_anything(payload)
        (ticker,) = parsers.tickers(raw, exchange, symbol, received_ns, timeframe)
        return Keyed(received_ns // NS_PER_MS, None, ticker)

    return convert


def _marks(exchange: str, symbol: str, timeframe: str) -> Convert:
    def convert(message: Any, payload: bytes, received_ns: int) -> Keyed:
        raw = message.raw if isinstance(message, frames.Plain) else frames.read_anything(payload)
        (mark,) = parsers.marks(raw, exchange, symbol, received_ns, timeframe)
        return Keyed(received_ns // NS_PER_MS, None, mark)

    return convert


def _candles(exchange: str, symbol: str, timeframe: str) -> Convert:
    def convert(message: Any, _payload: bytes, received_ns: int) -> list[Keyed]:
        found = parsers.candles(message.raw, exchange, symbol, received_ns, timeframe)
        return [Keyed(candle.open_time, None, candle) for candle in found]

    return convert


class _Head(msgspec.Struct):
    channel: str
    data: msgspec.Raw = msgspec.Raw(b"null")


class _Response(msgspec.Struct):
    method: str
    subscription: dict[str, Any]


_head = msgspec.json.Decoder(_Head).decode
_response = msgspec.json.Decoder(_Response).decode
_subscription = msgspec.json.Decoder(dict[str, Any]).decode


def _control(payload: bytes) -> Control:
    r"""Classify an answer, a refusal, a pong, the greeting, or an unreadable event.

    ::

        {"channel":"subscriptionResponse","data":{"method":"subscribe",
         "subscription":{"type":"l2Book","coin":"BTC","nSigFigs":null,"mantissa":null}}}
        {"channel":"error","data":"Already subscribed: {\"type\":\"trades\",\"coin\":\"BTC\"}"}
    """
    if payload == GREETING.encode():
        return Control("pong")
    head = _head(payload)
    if head.channel == "pong":
        return Control("pong")
    if head.channel == "subscriptionResponse":
        response = _response(head.data)
        return Control("answer", request=_text(response.method, response.subscription))
    if head.channel == "error":
        return _refusal(msgspec.json.decode(head.data, type=str))
    return Control("event", channel=CHANNEL_OF.get(head.channel))


def _refusal(text: str) -> Control:
    words, brace, rest = text.partition("{")
    method = "unsubscribe" if "unsubscribe" in words.lower() else "subscribe"
    refusal = None if words.startswith("Already") else text
    try:
        return Control("answer", None, refusal, None, _text(method, _subscription(brace + rest)))
    except (ValueError, LookupError):
        return Control("answer", None, text)


def _text(method: str, subscription: dict[str, Any]) -> bytes:
    """Return the text of a request for a subscription, which the venue repeats with more keys."""
    parts = [subscription[key] for key in ("type", "coin", "interval") if key in subscription]
    return _request(method)("\n".join(map(str, parts)), 0)


def _stream(channel: str, coin: str, timeframe: str, _levels: int) -> str:
    parts = [NAMES[channel], coin, *([timeframe] if channel == "candle" else [])]
    return "\n".join(parts)


def _request(method: str) -> Callable[[str, int], bytes]:
    """Return what makes a request about one stream.

    ::

        {"method":"subscribe","subscription":{"type":"candle","coin":"BTC","interval":"1m"}}
    """

    def request(stream: str, _request_id: int) -> bytes:
        keys = ("type", "coin", "interval")
        subscription = dict(zip(keys, stream.split("\n"), strict=False))
        return msgspec.json.encode({"method": method, "subscription": subscription})

    return request


# --- REST page ------------------------------------------------------------------------------------


def _page(name: str, **more: str) -> RestRequest:
    return RestRequest(name, "/info", PAGE_WEIGHT, {}, msgspec.json.encode({"type": name, **more}))


def _account(credentials: Credentials, _now_ms: int) -> RestRequest:
    """Return the request for the account of an address: the venue has no keys."""
    return _page("clearinghouseState", user=credentials[0])


# --- markets --------------------------------------------------------------------------------------


def _market(name: str, page: str, parse: Callable[[bytes], list[dict[str, Any]]]) -> NativeMarket:
    perpetual = name == "swap"
    mark = NativeChannel((frames.TickerMessage, frames.PlainTicker), _marks)
    return NativeMarket(
        name=name,
        addresses=ADDRESSES,
        timeframes=INTERVALS,
        messages_per_s=MESSAGES_PER_S,
        rotate_after_s=ROTATE_AFTER_S,
        decode=frames.read,
        reread=frames.reread,
        control=_control,
        channels={
            "ticker": NativeChannel(
                (frames.TickerMessage, frames.SpotTickerMessage, frames.PlainTicker), _tickers
            ),
            "quote": NativeChannel((frames.QuoteMessage, frames.PlainQuote), _quotes),
            "trade": NativeChannel((frames.TradeMessage, frames.PlainTrade), _trades, several=True),
            "book": NativeChannel((frames.BookMessage, frames.PlainBook), _depths),
            "candle": NativeChannel((frames.PlainCandle,), _candles, several=True),
            **({"mark": mark} if perpetual else {}),
        },
        stream=_stream,
        subscribe=_request("subscribe"),
        unsubscribe=_request("unsubscribe"),
        listing=NativeListing(_page(page), parse, listing.VERSION),
        account=_account,
        error=lambda _body: None,  # a text that is no object
        book=NativeBook(lambda _depth: WholeBook()),
        checked=CHECKED if perpetual else SPOT_CHECKED,
        grows=GROWS,
        ping=b'{"method":"ping"}',
    )


PERPETUAL = _market("swap", "meta", listing.perpetuals)
SPOT = _market("spot", "spotMeta", listing.spot_markets)
