"""Binance's messages in recordings; `feedd.venues.raw_recordings` is the contract.

::

    {"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255088,"p":"61858.10","q":"0.002",…}}
    {"lastUpdateId":5127315128493,"bids":[["61858.10","2.113"],…],"asks":[…]}

`read_frame` reads the frames as Binance sends them; `read_message` any JSON of the same content,
and messages of a single stream, which have no wrapper.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import msgspec
from msgspec import Raw, Struct, field

from feedd.venues.binance.market_ids import is_coinm
from feedd.venues.raw_recordings import RawMessage

if TYPE_CHECKING:
    from collections.abc import Callable

    from feedd.venues.market_type import MarketType

QUOTE_CURRENCIES = ("USDT", "USDC", "BUSD", "FDUSD", "USD", "BTC", "ETH", "BNB", "EUR")

_STREAMS = {
    "trade": "trade", "aggTrade": "aggTrade", "bookTicker": "bookTicker", "depthUpdate": "depth",
    "24hrTicker": "ticker", "24hrMiniTicker": "miniTicker", "markPriceUpdate": "markPrice",
    "forceOrder": "forceOrder",
}  # fmt: skip
# A snapshot that a recorder requested and stored as a frame of this stream.
_SNAPSHOT_STREAM = "depthSnapshot"

_FRAME = re.compile(r'\{"stream":"([^"]+)","data":(.*)\}')
_SNAPSHOT_URL = re.compile(r"https?://\S*/depth\?(\S+)")
_EVENT_TIME = re.compile(r'"E":\s*(\d+)')
_PRICES = re.compile(r'"(?:p|b|a)":"([\d.]+)"|\["([\d.]+)","')
_SIZES = re.compile(r'"(?:q|B|A)":"([\d.]+)"|,"([\d.]+)"\]')


def read_frame(text: str) -> tuple[str, str] | None:
    """Return the stream and the message of a combined-stream frame; None for another text."""
    frame = _FRAME.fullmatch(text)
    return None if frame is None else (frame[1], frame[2])


class _Interval(Struct):
    i: str


class _Order(Struct):
    s: str


class _Message(Struct):
    """Part of a message or of its wrapper that says what it is."""

    stream: str | None = None
    data: Raw = field(default_factory=Raw)
    e: str | None = None
    s: str | None = None
    u: Raw = field(default_factory=Raw)
    b: Raw = field(default_factory=Raw)
    k: Raw = field(default_factory=Raw)
    o: Raw = field(default_factory=Raw)
    last_update_id: int | None = field(name="lastUpdateId", default=None)
    result: Raw = field(default_factory=Raw)
    error: Raw = field(default_factory=Raw)


_read: Callable[[str], _Message] = msgspec.json.Decoder(_Message).decode


def read_message(text: str) -> RawMessage | None:
    """Return the stream and the data of a JSON text; None for JSON that is not a message.

    Raises msgspec.DecodeError for text that is not JSON.
    """
    message = _read(text)
    if message.stream is not None and message.data:
        data = bytes(message.data).decode()
        symbol, name = split_stream(message.stream)
        if name == _SNAPSHOT_STREAM:
            return RawMessage("", data, symbol)
        return RawMessage(message.stream, data)
    if message.e is not None:
        stream = _single_stream(message)
        return None if stream is None else RawMessage(stream, text)
    if message.last_update_id is not None:
        return RawMessage("", text)
    if message.u and message.s and message.b:  # spot's quotes have no type
        return RawMessage(f"{message.s.lower()}@bookTicker", text)
    if message.result or message.error:
        return RawMessage("", "", is_answer=True)
    return None


def _single_stream(message: _Message) -> str | None:
    symbol, name = message.s, _STREAMS.get(message.e or "")
    if message.e == "kline" and message.k:
        name = f"kline_{msgspec.json.decode(message.k, type=_Interval).i}"
    elif message.e == "forceOrder" and message.o:
        symbol = msgspec.json.decode(message.o, type=_Order).s
    return None if symbol is None or name is None else f"{symbol.lower()}@{name}"


class _Evidence(Struct):
    e: str | None = None
    pu: Raw = field(default_factory=Raw)
    M: Raw = field(default_factory=Raw)  # a key of spot's trades
    x: Raw = field(default_factory=Raw)  # a key of spot's tickers


def exchange_of(stream: str, data: str) -> str | None:
    """Return the exchange that a message of a stream must be of, or None where it could be any."""
    symbol, name = split_stream(stream)
    found = msgspec.json.decode(data, type=_Evidence)
    if is_coinm(symbol):
        return "binancecoinm"
    if name.startswith("bookTicker"):
        return "binance" if found.e is None else "binanceusdm"
    if name.partition("@")[0] == "depth":
        return "binanceusdm" if found.pu else "binance"
    if name in {"trade", "aggTrade"}:
        return "binance" if found.M else None
    return "binance" if name == "ticker" and found.x else None


def market_of(exchange: str) -> MarketType:
    """Return the type of the markets whose messages are recorded under an exchange's name."""
    if exchange == "binancecoinm":
        return "inverse"
    return "spot" if exchange == "binance" else "linear"


def split_stream(stream: str) -> tuple[str, str]:
    """Return BTCUSDT and `trade` of `btcusdt@trade`."""
    symbol, _, name = stream.partition("@")
    return symbol.upper(), name


def is_snapshot(text: str) -> bool:
    """Return whether a text is an answer to GET /fapi/v1/depth."""
    return text.startswith('{"lastUpdateId"')


def snapshot_symbol(url: str) -> str | None:
    """Return the symbol of a depth request, "" if it names none; None for another request."""
    query = _SNAPSHOT_URL.fullmatch(url)
    return None if query is None else parse_qs(query[1]).get("symbol", [""])[0]


def event_time_ms(data: str) -> int | None:
    """Return the event time of a message, or None if it has none."""
    time = _EVENT_TIME.search(data)
    return None if time is None else int(time[1])


def prices(data: str) -> set[str]:
    """Return the prices of trades, quotes and books, as written."""
    return {field or level for field, level in _PRICES.findall(data)}


def sizes(data: str) -> set[str]:
    """Return the sizes of trades, quotes and books, as written."""
    return {field or level for field, level in _SIZES.findall(data)}


def currencies(id_: str) -> tuple[str, str]:
    """Return BTC and USDT of BTCUSDT; an unknown quote currency is empty."""
    quote = next((q for q in QUOTE_CURRENCIES if id_.endswith(q) and id_ != q), "")
    return id_.removesuffix(quote), quote
