"""What Bybit lists: its `instruments-info`, and ccxt's names of the markets in it.

https://bybit-exchange.github.io/docs/v5/market/instrument
"""

from __future__ import annotations

import time
from typing import Any

import msgspec

TRADED = "Trading"
VERSION = "bybit native 1"  # of what is kept of a market
CODES = {"XBT": "BTC", "BCHSV": "BSV"}  # ids of currencies that mean another code


class Entry(msgspec.Struct, rename="camel"):
    """One market, as far as it matters here; spot's have no contract's fields.

    ::

        {"symbol":"BTCUSDT-26MAR27","contractType":"LinearFutures","status":"Trading",
         "baseCoin":"BTC","quoteCoin":"USDT","settleCoin":"USDT","deliveryTime":"1806048000000"}

    `status` is PreLaunch, Trading, Delivering or Closed.
    """

    symbol: str
    base_coin: str
    quote_coin: str
    settle_coin: str | None = None
    contract_type: str | None = None
    delivery_time: str | None = None
    status: str | None = None


class _Result(msgspec.Struct):
    entries: list[msgspec.Raw] = msgspec.field(name="list")
    next_page_cursor: str | None = msgspec.field(name="nextPageCursor", default=None)


class _Answer(msgspec.Struct):
    result: _Result


class _Id(msgspec.Struct):
    symbol: str = ""


_decode = msgspec.json.Decoder(_Answer).decode
_decode_entry = msgspec.json.Decoder(Entry).decode
_decode_id = msgspec.json.Decoder(_Id).decode


def markets(body: bytes) -> list[dict[str, Any]]:
    """Return each market of an answer; raise ValueError for one that is not a list of markets.

    An entry that can't be read has `unreadable`, the reason, and no symbol: it harms no other.
    """
    return [_market(raw) for raw in _decode(body).result.entries]


def cursor(body: bytes) -> str | None:
    """Return what names the next page of the list, or None after the last one."""
    return _decode(body).result.next_page_cursor or None


def _market(raw: msgspec.Raw) -> dict[str, Any]:
    try:
        entry = _decode_entry(raw)
        symbol = unified(entry)
    except (ValueError, OverflowError, OSError) as error:
        try:
            id_ = _decode_id(raw).symbol
        except ValueError:
            id_ = ""
        return {"symbol": None, "id": id_, "unreadable": str(error)}
    market: dict[str, Any] = {"symbol": symbol, "id": entry.symbol}
    if entry.status is not None and entry.status != TRADED:
        market |= {"active": False, "status": entry.status}
    return market


def unified(entry: Entry) -> str:
    """Return ccxt's name of a market; raise ValueError where it can't be made."""
    base, quote = _code(entry.base_coin), _code(entry.quote_coin)
    if not base or not quote:
        raise ValueError("baseCoin or quoteCoin is empty")
    if entry.contract_type is None:
        return f"{base}/{quote}"
    symbol = f"{base}/{quote}:{_code(entry.settle_coin or entry.quote_coin)}"
    if entry.contract_type.endswith("Perpetual"):
        return symbol
    delivery = entry.delivery_time or ""
    if not delivery.isdecimal() or delivery == "0":
        raise ValueError(f"deliveryTime is {entry.delivery_time!r}")
    return symbol + time.strftime("-%y%m%d", time.gmtime(int(delivery) / 1000))


def _code(coin: str) -> str:
    name = coin.upper()
    return CODES.get(name, name)
