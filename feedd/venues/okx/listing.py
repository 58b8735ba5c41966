"""What OKX lists: the entries of `public/instruments`.

https://www.okx.com/docs-v5/en/#public-data-rest-api-get-instruments
"""

from __future__ import annotations

import time
from typing import Any

from feedd.venues.okx.market_ids import CODES

TRADED = "live"
VERSION = "okx native 1"  # of what is kept of a market


def entry_id(entry: Any) -> str:
    """Return the id of a raw entry, or nothing."""
    id_ = entry.get("instId") if isinstance(entry, dict) else None
    return id_ if isinstance(id_, str) else ""


def entry_fault(entry: Any) -> str | None:
    """Return why a raw entry can't be read; ccxt would invent what a contract lacks.

    A contract before its opening has an id and a state, and neither underlying nor settlement::

        {"instId":"ETH-USD_UM-SWAP","instType":"SWAP","state":"preopen"}
    """
    if not isinstance(entry, dict):
        return "it is not an object"
    keys: tuple[str, ...] = ("instId", "instType")
    if entry.get("instType") not in {"SPOT", "MARGIN"}:
        keys += ("settleCcy", "uly")
        keys += ("expTime",) if entry.get("instType") in {"FUTURES", "OPTION"} else ()
    for key in keys:
        value = entry.get(key)
        if not isinstance(value, str) or not value:
            return f"{key} is {value!r}"
    return None


def market(entry: Any) -> dict[str, Any]:
    """Return the entry of the list for one of the page: `symbol` (unified), `id` and its state.

    An entry that can't be read has `unreadable`, the reason, and no symbol: it harms no other.
    """
    fault, id_ = entry_fault(entry), entry_id(entry)
    try:
        found = {"symbol": unified(entry), "id": id_} if fault is None else {}
    except (ValueError, OverflowError, OSError) as error:
        fault = str(error)
    if fault is not None:
        return {"symbol": None, "id": id_, "unreadable": fault}
    state = entry_status(entry)
    return found if state == TRADED else {**found, "active": False, "status": state or "no state"}


def unified(entry: dict[str, Any]) -> str:
    """Return ccxt's name of a market; raise ValueError for one that can't be named.

    ::

        {"instId":"BTC-USD-220527","instType":"FUTURES","uly":"BTC-USD","settleCcy":"BTC",
         "expTime":"1653638400000","state":"live"}
    """
    if entry["instType"] == "SPOT":
        base, quote = entry.get("baseCcy") or "", entry.get("quoteCcy") or ""
        if not base or not quote:
            base, _, quote = entry["instId"].partition("-")
        return f"{_code(base)}/{_code(quote)}"
    base, _, quote = entry["uly"].partition("-")
    if not quote:
        raise ValueError(f"uly is {entry['uly']!r}")
    symbol = f"{_code(base)}/{_code(quote)}:{_code(entry['settleCcy'])}"
    if entry["instType"] == "SWAP":
        return symbol
    return symbol + time.strftime("-%y%m%d", time.gmtime(int(entry["expTime"]) / 1000))


def _code(asset: str) -> str:
    name = asset.upper()
    return CODES.get(name, name)


def entry_status(entry: Any) -> str | None:
    """Return the word for the state of a raw entry: live, suspend, rebase, preopen, test."""
    state = entry.get("state")
    return state if isinstance(state, str) else None


def lists_nothing(answer: Any) -> bool:
    """Return whether an answer is a list without markets: `{"code":"0","data":[],"msg":""}`."""
    return bool(answer["code"] == "0" and answer["data"] == [])
