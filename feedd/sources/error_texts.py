"""Texts of the errors that both sources raise. ccxt is not imported."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from feedd.errors import ConfigError, CredentialsError, UnknownSymbolError
from feedd.runtime import secrets
from feedd.topics import market_id
from feedd.venues.registry import QUOTES, likely_symbol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence


def unknown_symbol_text(exchange: str, symbol: str, markets: list[str]) -> str:
    """Return the text for a symbol that an exchange does not list, with similar symbols."""
    similar = hint(nearest_symbols(symbol, markets))
    return f"{exchange} does not list {symbol} among its {len(markets):,} markets{similar}"


def check_form(exchange: str, symbol: str) -> None:
    """Raise UnknownSymbolError for a text that no exchange lists, whatever it answers."""
    if "/" not in symbol:
        likely = likely_symbol(exchange, symbol)
        raise UnknownSymbolError(
            f"{symbol} is not a symbol like BTC/USDT:USDT" + hint([likely] if likely else [])
        )


def nearest_symbols(symbol: str, markets: Collection[str]) -> list[str]:
    """Return up to three listed symbols that a text probably means, the likeliest first.

    `BTCUSDT` and `btc-usdt` mean the markets with that id, `XRP` those with that base currency.
    """
    upper = symbol.upper()

    def likeness(market: str) -> tuple[float, int, int]:
        ratio = difflib.SequenceMatcher(None, upper, market).ratio()
        return (-ratio, *_quote_rank(market))

    bare = "".join(filter(str.isalnum, upper.partition(":")[0]))
    if same_id := [market for market in markets if market_id(market) == bare]:
        return sorted(same_id, key=likeness)[:3]
    pair, _, settle = upper.partition(":")
    base, slash, _ = pair.partition("/")
    same_base = [market for market in markets if market.partition("/")[0] == base]
    if slash or settle:
        return sorted(same_base, key=likeness)[:3] or difflib.get_close_matches(upper, markets)
    return sorted(same_base, key=_quote_rank)[:3] or difflib.get_close_matches(upper, markets)


def _quote_rank(market: str) -> tuple[int, int]:
    quote = market.partition("/")[2].partition(":")[0]
    return QUOTES.index(quote) if quote in QUOTES else len(QUOTES), len(market)


def hint(similar: Sequence[str]) -> str:
    """Return `; is it A or B?`, or nothing without similar names."""
    return f"; is it {' or '.join(similar)}?" if similar else ""


def refused_key_error(exchange: str, text: str) -> CredentialsError:
    """Return the error for an API key that an exchange refuses; `text` is the exchange's."""
    return CredentialsError(
        f"{exchange} refused the API key ({text}); correct it, or unset it: "
        "public data needs no key"
    )


def check_timeframe(exchange: str, timeframes: Iterable[str] | None, timeframe: str) -> None:
    """Raise ConfigError for a timeframe without candles; ccxt may know no timeframes."""
    if timeframes and timeframe not in timeframes:
        raise ConfigError(
            f"{exchange} has no candles of {timeframe}; it has {', '.join(timeframes)}"
        )


def one_line(error: Any) -> str:
    """Return an error's text as one line, without secrets: it will be published."""
    return secrets.redact(" ".join(str(error).split())) or type(error).__name__
