"""A symbol's entry in an exchange's list of markets. Pure.

Entries are maps with `symbol` (unified), `id` and `active`, as ccxt makes them, and `status`, the
exchange's own word where `active` is False. An entry that can't be read has `unreadable`, the
reason, and no symbol; a key of its own keeps it in the list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from feedd.errors import SourceError, UnknownSymbolError
from feedd.sources.error_texts import one_line, unknown_symbol_text
from feedd.topics import market_id

if TYPE_CHECKING:
    from collections.abc import Iterable

UNREADABLE = "?"  # no symbol begins with it


def unreadable(id_: Any, why: object) -> dict[str, Any]:
    """Return the entry of a market that can't be read."""
    return {"symbol": None, "id": id_, "unreadable": one_line(why)}


def by_symbol(markets: Iterable[dict[str, Any] | None]) -> dict[str, dict[str, Any]]:
    """Return one entry for each symbol.

    Of two markets with one symbol the traded one wins, then the one with the symbol's usual id, as
    ETHUSDT over ETHUSDT_SETTLED; it names the others in `instead_of`.
    """
    found: dict[str, dict[str, Any]] = {}
    for market in markets:
        if market is None:
            continue
        name = market["symbol"] if "unreadable" not in market else f"{UNREADABLE}{market['id']}"
        other = found.get(name)
        if other is None:
            found[name] = market
            continue
        if other.get("id") == market.get("id"):  # listed twice
            if not _is_traded(other):
                found[name] = market
            continue
        chosen, left = (market, other) if _rank(market) > _rank(other) else (other, market)
        ids = [*chosen.get("instead_of", ()), *left.get("instead_of", ()), left["id"]]
        found[name] = {**chosen, "instead_of": ids}
    return found


def _rank(market: dict[str, Any]) -> tuple[bool, bool]:
    return _is_traded(market), market["id"] == market_id(market["symbol"])


def _is_traded(market: dict[str, Any]) -> bool:
    return market.get("active") is not False


def entry_of(exchange: str, symbol: str, markets: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return a symbol's entry; raise UnknownSymbolError where there is none.

    Raises SourceError for an entry that can't be read, since the exchange may correct it.
    """
    if symbol in markets:
        return markets[symbol]
    names = [name for name in markets if not name.startswith(UNREADABLE)]
    id_ = market_id(symbol)
    if (odd := markets.get(f"{UNREADABLE}{id_}")) is not None:
        raise SourceError(
            f"{exchange} lists {id_} in a form that can't be read: {odd['unreadable']}"
        )
    if not names:
        # ccxt treats an answer that it can't parse as an exchange without markets.
        raise SourceError(f"{exchange} listed no markets at all")
    raise UnknownSymbolError(unknown_symbol_text(exchange, symbol, names))


def not_traded(market: dict[str, Any]) -> str | None:
    """Return the exchange's own word for a market that it lists and does not trade; else None."""
    if _is_traded(market):
        return None
    return market.get("status") or "inactive"


def doubles(symbol: str, market: dict[str, Any]) -> str | None:
    """Return which other markets an exchange lists as a symbol, or None."""
    others = market.get("instead_of")
    if not others:
        return None
    return f"{symbol} is listed {len(others) + 1} times: {market['id']} is used, not " + ", ".join(
        map(str, others)
    )
