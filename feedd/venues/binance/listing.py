"""What Binance lists: its `exchangeInfo`, and ccxt's names of the markets in it."""

from __future__ import annotations

import time
from typing import Any

import msgspec

CODES = {"XBT": "BTC", "BCHSV": "BSV", "YOYO": "YOYOW"}  # ids of assets that mean another code
NO_DELIVERY_MS = 4_133_404_800_000  # of contracts that are perpetual by another name
TRADED = "TRADING"
VERSION = "native 2"  # of what is kept of a market


class Entry(msgspec.Struct, rename="camel"):
    """One market, as far as it matters here; spot's have no contract's fields.

    ::

        {"symbol":"BTCUSDT","contractType":"PERPETUAL","deliveryDate":4133404800000,
         "baseAsset":"BTC","quoteAsset":"USDT","marginAsset":"USDT","status":"TRADING"}

    `status` is PENDING_TRADING, TRADING, PRE_DELIVERING, DELIVERING, DELIVERED, PRE_SETTLE,
    SETTLING or CLOSE of a contract, and TRADING, BREAK, HALT or END_OF_DAY on spot. COIN-M calls
    it `contractStatus`.
    """

    symbol: str
    base_asset: str | int
    quote_asset: str | int
    margin_asset: Any = None
    contract_type: Any = msgspec.UNSET
    delivery_date: Any = None
    status: Any = None
    contract_status: Any = None


class _Info(msgspec.Struct):
    symbols: list[msgspec.Raw]


class _Id(msgspec.Struct):
    symbol: str | int


_decode = msgspec.json.Decoder(_Info).decode
_decode_entry = msgspec.json.Decoder(Entry).decode
_decode_id = msgspec.json.Decoder(_Id).decode


def markets(body: bytes) -> list[dict[str, Any]]:
    """Return each market of an answer; raise ValueError for one that is not a list of markets.

    An entry that can't be read has `unreadable`, the reason, and no symbol: it harms no other.
    """
    return [_market(raw) for raw in _decode(body).symbols]


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
    status = entry.contract_status if entry.status is None else entry.status
    if isinstance(status, str) and status != TRADED:
        market |= {"active": False, "status": status}
    return market


def unified(entry: Entry) -> str:
    """Return ccxt's name of a market: `BTC/USDT`, `BTC/USDT:USDT`, `BTC/USDT:USDT-260327`.

    Raises ValueError for a contract whose margin asset or date can't be read. Only ids of contracts
    with a delivery date have an underscore; a perpetual one that is delisted has a date too.
    """
    base, quote = _code(entry.base_asset), _code(entry.quote_asset)
    if not base or not quote:
        raise ValueError("baseAsset or quoteAsset is empty")
    if entry.contract_type is msgspec.UNSET:
        return f"{base}/{quote}"
    settle = entry.margin_asset if entry.margin_asset is not None else entry.quote_asset
    if not isinstance(settle, str | int):
        raise ValueError(f"marginAsset is {settle!r}")  # noqa: TRY004  the answer is wrong
    symbol = f"{base}/{quote}:{_code(settle)}"
    date = entry.delivery_date
    if entry.contract_type == "PERPETUAL" or date == NO_DELIVERY_MS or "_" not in entry.symbol:
        return symbol
    if not isinstance(date, int):
        raise ValueError(f"deliveryDate is {date!r}")  # noqa: TRY004
    return symbol + time.strftime("-%y%m%d", time.gmtime(date / 1000))


def _code(asset: str | int) -> str:
    name = str(asset).upper()
    return CODES.get(name, name)


def entry_id(entry: Any) -> str:
    """Return the id of a raw entry, or nothing."""
    id_ = entry.get("symbol") if isinstance(entry, dict) else None
    return id_ if isinstance(id_, str) else ""


def entry_fault(entry: Any) -> str | None:
    """Return why a raw entry can't be read; ccxt would take its id as the base currency."""
    if not isinstance(entry, dict):
        return "it is not an object"
    contract = ("marginAsset",) if "contractType" in entry else ()
    for key in ("baseAsset", "quoteAsset", *contract):
        asset = entry.get(key)
        if not isinstance(asset, str | int) or isinstance(asset, bool) or asset == "":
            return f"{key} is {asset!r}"
    return None


def entry_status(entry: Any) -> str | None:
    """Return the word for the state of a raw entry; COIN-M has another key."""
    status = entry.get("status") or entry.get("contractStatus")
    return status if isinstance(status, str) else None
