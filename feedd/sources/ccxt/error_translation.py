"""ccxt's errors as feedd's."""

from __future__ import annotations

from feedd.errors import (
    ConfigError,
    CredentialsError,
    FeeddError,
    LimitError,
    SourceError,
    UnknownSymbolError,
)
from feedd.sources.ccxt.lean_import import ccxt
from feedd.sources.ccxt.plan import needs_key_text
from feedd.sources.error_texts import one_line, refused_key_error


class WaitsError(ccxt.NetworkError):  # type: ignore[misc]  # ccxt's own types are skipped
    """A connection that was not dialled: the budget that all workers share is exhausted."""

    def __init__(self, error: LimitError) -> None:
        super().__init__(str(error))
        self.retry_after_s = error.retry_after_s


class Translator:
    """Translates them into errors that name the feed and the remedy."""

    def __init__(
        self, exchange: str, symbol: str, channels: tuple[str, ...], *, with_key: bool
    ) -> None:
        self._with_key = with_key
        self._id = exchange
        self._symbol = symbol
        self._channels = ", ".join(channels)

    def __call__(self, error: BaseException, channel: str | None = None) -> FeeddError:
        """Return feedd's error for one of ccxt's; `channel` is what was being subscribed to."""
        if isinstance(error, FeeddError):
            return error
        text = one_line(error)
        if isinstance(error, WaitsError):
            return LimitError(text, error.retry_after_s)
        if isinstance(error, ccxt.AuthenticationError):
            # ccxt reads HTTP 401, 407 and 511 so, which a proxy or a captive portal sends too.
            if self._with_key:
                return refused_key_error(self._id, text)
            if "requires" in text:
                if channel is not None:
                    return CredentialsError(needs_key_text(self._id, channel))
                return CredentialsError(f"{self._id} serves nothing without an API key ({text})")
        if isinstance(error, ccxt.BadSymbol):
            return UnknownSymbolError(f"{self._id} does not know {self._symbol} ({text})")
        if isinstance(error, ccxt.NotSupported | ccxt.ArgumentsRequired):
            return ConfigError(f"{self._id} can't serve {channel or self._channels}: {text}")
        cause = f" ({one_line(error.__cause__)})" if error.__cause__ is not None else ""
        return SourceError(f"{type(error).__name__}: {text}{cause}")
