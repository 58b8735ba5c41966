"""Binance's messages in recordings; `feedd.venues.raw_recordings` is the contract.

::

    {"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255088,"p":"61858.10","q":"0.002",…}}
    {"lastUpdateId":5127315128493,"bids":[["61858.10","2.113"],…],"asks":[…]}
"""

from __future__ import annotations

import re
from urllib.parse import parse_qs

QUOTE_CURRENCIES = ("USDT", "USDC", "BUSD", "FDUSD", "USD", "BTC", "ETH", "BNB", "EUR")

_FRAME = re.compile(r'\{"stream":"([^"]+)","data":(.*)\}')
_SNAPSHOT_URL = re.compile(r"https?://\S*/depth\?(\S+)")
_EVENT_TIME = re.compile(r'"E":(\d+)')
_PRICES = re.compile(r'"(?:p|b|a)":"([\d.]+)"|\["([\d.]+)","')
_SIZES = re.compile(r'"(?:q|B|A)":"([\d.]+)"|,"([\d.]+)"\]')


def read_frame(text: str) -> tuple[str, str] | None:
    """Return the stream and the message of a combined-stream frame; None for another text."""
    frame = _FRAME.fullmatch(text)
    return None if frame is None else (frame[1], frame[2])


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
