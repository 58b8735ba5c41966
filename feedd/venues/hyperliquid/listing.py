"""What Hyperliquid lists: the answers of `/info` with `meta` and `spotMeta`.

https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/info-endpoint
"""

from __future__ import annotations

from typing import Any

import msgspec

VERSION = "hyperliquid native 1"  # of what is kept of a market
DELISTED = "delisted"
# Names of assets that mean another code, in both types of market.
CODES = {"XBT": "BTC", "BCHSV": "BSV"}
# The venue's tokens of other chains' assets, which ccxt names like these.
SPOT_CODES = {
    "UDZ": "2Z", "UBONK": "BONK", "UBTC": "BTC", "UETH": "ETH", "UFART": "FARTCOIN",
    "HPENGU": "PENGU", "UPUMP": "PUMP", "USOL": "SOL", "UUUSPX": "SPX", "USDT0": "USDT",
    "XAUT0": "XAUT", "UXPL": "XPL",
}  # fmt: skip


def entry_id(entry: Any) -> str:
    """Return the name of a raw entry, or nothing."""
    name = entry.get("name") if isinstance(entry, dict) else None
    return name if isinstance(name, str) else ""


def entry_fault(entry: Any) -> str | None:
    """Return why a raw entry can't be read."""
    return None if entry_id(entry) else "it has no name"


def entry_status(entry: Any) -> str | None:
    """Return `delisted` for a market that is no longer traded."""
    return DELISTED if entry.get("isDelisted") else None


def perpetuals(body: bytes) -> list[dict[str, Any]]:
    """Return the perpetuals of an answer to `meta`; raise ValueError for another.

    ::

        {"universe":[{"name":"BTC","szDecimals":5,"maxLeverage":40},
         {"name":"MATIC","szDecimals":1,"maxLeverage":20,"isDelisted":true}]}
    """
    found: list[dict[str, Any]] = []
    for entry in _decoded(body, "universe"):
        name = entry_id(entry)
        if not name:
            found.append({"symbol": None, "id": name, "unreadable": "it has no name"})
            continue
        market: dict[str, Any] = {"symbol": f"{_code(name)}/USDC:USDC", "id": name}
        if entry.get("isDelisted"):
            market |= {"active": False, "status": DELISTED}
        found.append(market)
    return found


def spot_markets(body: bytes) -> list[dict[str, Any]]:
    """Return the spot markets of an answer to `spotMeta`; raise ValueError for another.

    ::

        {"tokens":[{"name":"USDC","index":0},{"name":"PURR","index":1}],
         "universe":[{"name":"PURR/USDC","tokens":[1,0],"index":0}]}
    """
    tokens = _decoded(body, "tokens")
    found = []
    for entry in _decoded(body, "universe"):
        try:
            base, quote = (tokens[place]["name"] for place in entry["tokens"])
            found.append({"symbol": f"{_spot(base)}/{_spot(quote)}", "id": entry["name"]})
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            why = f"{type(error).__name__}: {error}"
            found.append({"symbol": None, "id": entry_id(entry), "unreadable": why})
    return found


def _decoded(body: bytes, key: str) -> list[Any]:
    answer = msgspec.json.decode(body)
    rows = answer.get(key) if isinstance(answer, dict) else None
    if not isinstance(rows, list):
        raise ValueError(f"the answer has no {key}")  # noqa: TRY004  the answer is wrong
    return rows


def _code(name: str) -> str:
    return CODES.get(name.upper(), name.upper())


def _spot(name: str) -> str:
    return _code(SPOT_CODES.get(name, name))
