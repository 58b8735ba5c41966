"""Texts of the errors that both sources raise. ccxt is not imported."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from feedd.errors import ConfigError, CredentialsError
from feedd.runtime import secrets

if TYPE_CHECKING:
    from collections.abc import Iterable


def unknown_symbol_text(exchange: str, symbol: str, markets: list[str]) -> str:
    """Return the text for a symbol that an exchange does not list, with similar symbols."""
    close = difflib.get_close_matches(symbol, markets, n=3)
    hint = f"; is it {' or '.join(close)}?" if close else ""
    return f"{exchange} does not list {symbol} among its {len(markets)} markets{hint}"


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
