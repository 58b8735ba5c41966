"""OKX's spot, swap and future markets as the native source uses them."""

from __future__ import annotations

import base64
import hashlib
import hmac
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec

from feedd.books.depth import Snapshot
from feedd.channels import CHANNELS
from feedd.clock import iso8601
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
from feedd.venues.okx import book, frames, listing, parsers
from feedd.venues.okx.addresses import addresses
from feedd.venues.okx.checked import CHECKED, GROWS
from feedd.venues.okx.market_ids import instrument_type, listed_type, market_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from feedd.model import Trade
    from feedd.venues.native import Convert, Credentials

SERVED = "okx, okxus and myokx spot, swaps and futures"

NAMES = {
    "ticker": "tickers", "quote": "bbo-tbt", "trade": "trades", "book": "books",
    "mark": "mark-price", "liquidation": "liquidation-orders",
}  # fmt: skip
INTERVALS = {
    **{name: name for name in ("1m", "3m", "5m", "15m", "30m", "1M", "3M")},
    **{name: name.upper() for name in ("1h", "2h", "4h", "6h", "12h", "1d", "1w")},
}
# No limit is documented but one of 480 requests per hour, which pings are not.
MESSAGES_PER_S = 10
ROTATE_AFTER_S = 7 * 24 * 3600.0  # the venue closes no connection that is in use
INSTRUMENTS = {"spot": "SPOT", "swap": "SWAP", "future": "FUTURES"}
# https://www.okx.com/docs-v5/en/#error-code-rest-api
REJECTED_KEY = frozenset({"50103", "50104", "50105", "50111", "50113", "50114", "50119"})
INVALID_SYMBOL, INVALID_TIMESTAMP = "51001", frozenset({"50102", "50112"})
ACCOUNT = "/api/v5/account/config"


def market(exchange: str, symbol: str) -> NativeMarket | None:
    """Return the market of a symbol, or None where this module serves none."""
    of = listed_type(symbol)
    return _market(exchange, of) if of in INSTRUMENTS else None


# --- messages -------------------------------------------------------------------------------------


def _quotes(exchange: str, symbol: str, timeframe: str) -> Convert:
    def convert(message: Any, _payload: bytes, received_ns: int) -> Any:
        if type(message) is frames.QuoteMessage:
            return frames.to_quote(message, exchange, symbol, received_ns)
        (quote,) = parsers.quotes(message.raw, exchange, symbol, received_ns, timeframe)
        return quote

    return convert


def _trades(exchange: str, symbol: str, timeframe: str) -> Convert:
    def convert(message: Any, _payload: bytes, received_ns: int) -> Any:
        if type(message) is frames.TradeMessage:
            return frames.to_trades(message, exchange, symbol, received_ns)
        return parsers.trades(message.raw, exchange, symbol, received_ns, timeframe)

    return convert


def _depths(_exchange: str, _symbol: str, _timeframe: str) -> Convert:
    def convert(message: Any, _payload: bytes, _received_ns: int) -> Keyed:
        typed = type(message) is frames.BookMessage
        depth = frames.to_depth(message) if typed else book.to_depth(message.raw)
        before = None if isinstance(depth, Snapshot) else depth.before
        return Keyed(depth.last, before, depth)

    return convert


def _plain(parse: Any, key: str) -> Callable[[str, str, str], Convert]:
    """Return a converter of rare messages, whose events have their time in a field `key`."""

    def converter(exchange: str, symbol: str, timeframe: str) -> Convert:
        def convert(message: Any, _payload: bytes, received_ns: int) -> list[Keyed]:
            found = parse(message.raw, exchange, symbol, received_ns, timeframe)
            return [Keyed(getattr(tick, key), None, tick) for tick in found]

        return convert

    return converter


def _liquidations(exchange: str, symbol: str, timeframe: str) -> Convert:
    id_ = market_id(exchange, symbol)

    def convert(message: Any, _payload: bytes, received_ns: int) -> list[Keyed]:
        part = parsers.liquidations_of(message.raw, id_)
        if part is None:
            return []
        found = parsers.liquidations(part, exchange, symbol, received_ns, timeframe)
        return [Keyed(tick.timestamp, None, tick) for tick in found]

    return convert


def _control(payload: bytes) -> Control:
    """Classify an answer, a notice, a pong, or an unreadable event.

    A notice comes 60 s before the venue closes the connection::

        {"event":"notice","code":"64008","connId":"a4d3ae55","msg":"The connection will soon be
         closed for a service upgrade. Please reconnect."}
    """
    if payload == b"pong":
        return Control("pong")
    head = frames.read_head(payload)
    if head.arg is not None and head.data is not msgspec.UNSET:
        return Control("event", channel=frames.channel_named(head.arg.channel))
    request_id = int(head.id) if isinstance(head.id, str) and head.id.isdecimal() else None
    if head.event == "error":
        return Control("answer", request_id, f"{head.msg} (code {head.code})")
    if head.event == "notice":
        return Control("closing")
    return Control("answer", request_id) if head.event is not None else Control("event")


def _stream(channel: str, id_: str, timeframe: str, _levels: int) -> str:
    name = f"candle{INTERVALS[timeframe]}" if channel == "candle" else NAMES[channel]
    return f"{name}:{id_}"


def _request(op: str) -> Callable[[str, int], bytes]:
    """Return what makes a request about one stream.

    https://www.okx.com/docs-v5/en/#overview-websocket-subscribe::

        {"id":"1512","op":"subscribe","args":[{"channel":"books","instId":"BTC-USDT"}]}
    """

    def request(stream: str, request_id: int) -> bytes:
        channel, _, id_ = stream.partition(":")
        arg = {"channel": channel, "instId": id_}
        if channel == NAMES["liquidation"]:  # of all contracts of a type
            arg = {"channel": channel, "instType": instrument_type(id_)}
        return msgspec.json.encode({"id": str(request_id), "op": op, "args": [arg]})

    return request


# --- REST pages -----------------------------------------------------------------------------------


class _Answer(msgspec.Struct):
    code: str
    msg: str = ""
    data: list[dict[str, Any]] = []  # msgspec copies it


_answer = msgspec.json.Decoder(_Answer, strict=False).decode


def _rows(body: bytes) -> list[dict[str, Any]]:
    answer = _answer(body)
    if answer.code != "0":
        raise ValueError(f"code {answer.code}: {answer.msg}")
    return answer.data


def _error(body: bytes) -> ErrorAnswer | None:
    """Parse `{"code":"51001","msg":"Instrument ID doesn't exist.","data":[]}`."""
    try:
        answer = _answer(body)
    except ValueError:
        return None
    if answer.code == "0":
        return None
    text = f"code {answer.code}: {answer.msg}"
    if answer.code in REJECTED_KEY:
        return ErrorAnswer(text, "key")
    if answer.code in INVALID_TIMESTAMP:
        return ErrorAnswer(text, "clock")
    return ErrorAnswer(text, "symbol" if answer.code == INVALID_SYMBOL else None)


def _missed(id_: str, from_id: int, _credentials: Credentials | None) -> RestRequest:
    query = parsers.trades_request("spot", id_, from_id, False).params
    return RestRequest("history-trades", f"/api/v5/market/history-trades?{urlencode(query)}", 1.0)


def _rest_trades(
    body: bytes, exchange: str, symbol: str, now_ns: int
) -> list[tuple[int, Trade | None]]:
    return [parsers.rest_trade_with_id(row, exchange, symbol, now_ns) for row in _rows(body)]


def _signed_account(credentials: Credentials, now_ms: int) -> RestRequest:
    """Return the signed request for the account.

    https://www.okx.com/docs-v5/en/#overview-rest-authentication-making-requests. Without the
    passphrase, of which feedd knows nothing, the venue names what it rejects.
    """
    key, secret = credentials
    stamp = iso8601(now_ms)
    signed = hmac.new(secret.encode(), f"{stamp}GET{ACCOUNT}".encode(), hashlib.sha256).digest()
    headers = {
        "OK-ACCESS-KEY": key, "OK-ACCESS-SIGN": base64.b64encode(signed).decode(),
        "OK-ACCESS-TIMESTAMP": stamp,
    }  # fmt: skip
    return RestRequest("account", ACCOUNT, 1.0, headers)


def _listed(body: bytes) -> list[dict[str, Any]]:
    return [listing.market(entry) for entry in _rows(body)]


# --- markets --------------------------------------------------------------------------------------

_CHANNELS = {
    "ticker": NativeChannel(
        (frames.PlainTicker,), _plain(parsers.tickers, "timestamp"), several=True
    ),
    "quote": NativeChannel((frames.QuoteMessage, frames.PlainQuote), _quotes),
    "trade": NativeChannel((frames.TradeMessage, frames.PlainTrade), _trades, several=True),
    "book": NativeChannel((frames.BookMessage, frames.PlainBook), _depths),
    "candle": NativeChannel(
        (frames.PlainCandle,), _plain(parsers.candles, "open_time"), several=True
    ),
    "mark": NativeChannel((frames.PlainMark,), _plain(parsers.marks, "timestamp"), several=True),
    "liquidation": NativeChannel((frames.PlainLiquidation,), _liquidations, several=True),
}


@cache
def _market(exchange: str, of: str) -> NativeMarket:
    spot = of == "spot"
    page = RestRequest("instruments", f"/api/v5/public/instruments?instType={INSTRUMENTS[of]}", 1.0)
    return NativeMarket(
        name=of,
        addresses=addresses(exchange, derivatives=not spot),
        timeframes=tuple(INTERVALS),
        messages_per_s=MESSAGES_PER_S,
        rotate_after_s=ROTATE_AFTER_S,
        decode=frames.read,
        reread=frames.reread,
        control=_control,
        channels={
            name: spec
            for name, spec in _CHANNELS.items()
            if not spot or not CHANNELS[name].derivatives_only
        },
        stream=_stream,
        subscribe=_request("subscribe"),
        unsubscribe=_request("unsubscribe"),
        listing=NativeListing(page, _listed, listing.VERSION),
        account=_signed_account,
        error=_error,
        refuses_in_answers=True,
        book=NativeBook(lambda _depth: book.OkxBook()),
        trades=NativeTrades(_missed, _rest_trades),
        checked=CHECKED,
        grows=GROWS,
        ping=b"ping",
    )
