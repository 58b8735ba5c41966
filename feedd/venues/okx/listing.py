"""What OKX lists: the entries of `public/instruments`.

https://www.okx.com/docs-v5/en/#public-data-rest-api-get-instruments
"""

from __future__ import annotations

from typing import Any


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


def entry_status(entry: Any) -> str | None:
    """Return the word for the state of a raw entry: live, suspend, rebase, preopen, test."""
    state = entry.get("state")
    return state if isinstance(state, str) else None


def lists_nothing(answer: Any) -> bool:
    """Return whether an answer is a list without markets: `{"code":"0","data":[],"msg":""}`."""
    return bool(answer["code"] == "0" and answer["data"] == [])
