"""An exchange's list of markets, fetched by the first worker and read by the others.

The file is JSON lines: a head, then `[symbol, market]` for each, so that one market is found and
parsed without the 700 others.
"""

from __future__ import annotations

import contextlib
import time
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from feedd.clock import NS_PER_MS
from feedd.errors import ConfigError, SourceError, UnknownSymbolError
from feedd.runtime.files import write_atomically
from feedd.runtime.locks import file_lock_on_loop
from feedd.sources.error_texts import unknown_symbol_text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

OLD_MS = 3_600_000
OLD_WITHOUT_SYMBOL_MS = 60_000  # a symbol may just have been listed
FETCH_WITHIN_S = 20.0  # by another worker: ccxt gives up after 10 s


class _Found(NamedTuple):
    market: dict[str, Any] | None
    symbols: list[str]  # all, where there is no market


class MarketList:
    """One list in one file; `version` identifies the parser, since another may parse otherwise."""

    def __init__(self, path: Path, exchange: str, version: str) -> None:
        self._path = path
        self._exchange = exchange
        self._version = version

    async def market(
        self, symbol: str, fetch: Callable[[], Awaitable[list[dict[str, Any]]]]
    ) -> dict[str, Any]:
        """Return a symbol's market, from the file or from the exchange.

        Raises UnknownSymbolError for a symbol that is not listed, SourceError where another process
        fetches for too long, and whatever error `fetch` raises.
        """
        found = self._read(symbol)
        if found is None:
            async with file_lock_on_loop(self._path.with_suffix(".lock"), FETCH_WITHIN_S):
                found = self._read(symbol) or self._keep(symbol, await fetch())
        if found.market is None:
            raise UnknownSymbolError(unknown_symbol_text(self._exchange, symbol, found.symbols))
        return found.market

    def _keep(self, symbol: str, markets: list[dict[str, Any]]) -> _Found:
        """Write a list, unless it is empty; use it even if it can't be written."""
        if not markets:
            # ccxt treats an answer that it can't parse as an exchange without markets.
            raise SourceError(f"{self._exchange} listed no markets at all")
        by_symbol = {market["symbol"]: market for market in markets}
        with contextlib.suppress(ConfigError, TypeError):
            body = b"".join(msgspec.json.encode(pair) + b"\n" for pair in by_symbol.items())
            head = {"parser": self._version, "fetched_ms": _now_ms(), "crc32": zlib.crc32(body)}
            write_atomically(self._path, msgspec.json.encode(head) + b"\n" + body)
        return _Found(by_symbol.get(symbol), list(by_symbol))

    def _read(self, symbol: str) -> _Found | None:
        """Return the file's content, or None where it is too old or can't be read."""
        try:
            text = self._path.read_bytes()
            head, _, body = text.partition(b"\n")
            head_fields = msgspec.json.decode(head)
            if head_fields["parser"] != self._version or head_fields["crc32"] != zlib.crc32(body):
                return None
            age_ms = _now_ms() - head_fields["fetched_ms"]
            start = text.find(b"\n[%b," % msgspec.json.encode(symbol)) + 1
            if not 0 <= age_ms < (OLD_MS if start else OLD_WITHOUT_SYMBOL_MS):
                return None
            if start:
                return _Found(msgspec.json.decode(text[start : text.index(b"\n", start)])[1], [])
            return _Found(None, [msgspec.json.decode(line)[0] for line in body.splitlines()])
        except (OSError, ValueError, TypeError, LookupError):
            return None


def _now_ms() -> int:
    return time.time_ns() // NS_PER_MS
