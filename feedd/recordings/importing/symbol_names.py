"""Unified symbols of an import: those given with --symbol, and those that a file names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from feedd.errors import ConfigError
from feedd.venues.market_ids import is_unified, symbols_of
from feedd.venues.market_type import market_type
from feedd.venues.registry import FOLDER_OF, ONLY, unified_symbol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from feedd.venues.market_type import MarketType

EXAMPLE = "BTC/USDT:USDT"


class SymbolNames:
    """Symbols given as SYMBOL (for a file with only one) or ID=SYMBOL.

    Raises ConfigError for a text that is not a unified symbol.
    """

    def __init__(self, given: Sequence[str], exchange: str | None) -> None:
        self._by_id: dict[str, str] = {}
        for text in given:
            id_, separator, symbol = text.rpartition("=")
            if (separator and not id_) or not is_unified(symbol):
                raise ConfigError(f"--symbol {text}: {_advice(symbol, exchange)}")
            if self._by_id.setdefault(id_, symbol) != symbol:
                what = f"{id_} is" if id_ else "a symbol is"
                raise ConfigError(f"--symbol {text}: {what} given twice; give each once")
        self.only = self._by_id.get("")
        self._used: set[str] = set()

    def fit(self, exchange: str, other: str, of: MarketType) -> bool:
        """Whether a table of `other` may be imported as of `exchange`, by the symbols given.

        One of ccxt's exchanges may have the markets of another of the same venue.
        """
        return (
            ONLY.get(exchange, of) == of
            and FOLDER_OF.get(exchange, exchange) == FOLDER_OF.get(other, other)
            and bool(self._by_id)
            and all(market_type(symbol) == of for symbol in self._by_id.values())
        )

    def given(self, id_: str, exchange: str, *, single: bool) -> str | None:
        """Return the symbol given for an id, or for a file's `single` one."""
        key = id_ if id_ in self._by_id or not single else ""
        symbol = self._by_id.get(key)
        if symbol is not None:
            self._used.add(key)
        return None if symbol is None else unified_symbol(exchange, symbol)

    def check_used(self) -> None:
        """Raise ConfigError for a symbol that no file has."""
        for id_, symbol in self._by_id.items():
            if id_ not in self._used:
                raise ConfigError(
                    f"--symbol {id_}={symbol}: no file has {id_}"
                    if id_
                    else f"--symbol {symbol}: no file has it; for a file's own name of it, write "
                    f"--symbol NAME={symbol}"
                )

    def symbol(
        self, id_: str, exchange: str, of: MarketType | None = None, *, single: bool = False
    ) -> str:
        """Return the symbol of a text; raise ValueError, with the remedy, for an unclear one.

        With the type of its market (`of`) it is the exchange's id, else it may be unified. A
        symbol given for a file decides between those that the text can mean.
        """
        symbol = self.given(id_, exchange, single=False)
        if symbol is not None:
            return symbol
        if of is None and is_unified(id_):
            can_be = [unified_symbol(exchange, id_)]
        else:
            can_be = _can_be(exchange, id_, of)
        symbol = None if self.only is None else unified_symbol(exchange, self.only)
        if symbol is not None and (
            symbol in can_be or (single and symbol in (_can_be(exchange, id_) or [symbol]))
        ):
            return self.given("", exchange, single=True) or symbol
        if symbol is not None and single:
            raise ValueError(
                f"{id_} is {' or '.join(can_be)}, not {symbol}; to import it as {symbol}: --symbol "
                f"{id_}={symbol}"
            )
        if not can_be:
            raise ValueError(
                f"the symbol of {id_} is unknown; name it: --symbol {id_}=SYMBOL, with a symbol "
                f"like {EXAMPLE}"
            )
        if len(can_be) > 1:
            raise ValueError(
                f"the symbol of {id_} is ambiguous: {' or '.join(can_be)}; name it: --symbol "
                f"{' or '.join(f'{id_}={one}' for one in can_be)}"
            )
        return can_be[0]


def _can_be(exchange: str, id_: str, of: MarketType | None = None) -> list[str]:
    return symbols_of(exchange, id_, of) or symbols_of(exchange, id_.upper(), of)


def _advice(text: str, exchange: str | None) -> str:
    plain = re.sub(r"[-_/]", "", text.upper())
    can_be = symbols_of(exchange, text.upper()) or symbols_of(exchange, plain)
    if can_be:
        return f"{text} is an exchange's id; write {' or '.join(can_be)}"
    return f"write {EXAMPLE}, or BTCUSDT={EXAMPLE}"
