"""An exchange's list of markets, fetched by the first worker and read by the others.

The file is JSON lines: a head, then `[symbol, market]` for each, so that one market is found and
parsed without the 700 others.
"""

from __future__ import annotations

import contextlib
import time
import zlib
from typing import TYPE_CHECKING, Any

import msgspec

from feedd.clock import NS_PER_MS
from feedd.errors import ConfigError
from feedd.runtime.files import write_atomically
from feedd.runtime.locks import file_lock_on_loop
from feedd.sources.listing import by_symbol, entry_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

OLD_MS = 3_600_000
OLD_WITHOUT_SYMBOL_MS = 60_000  # of a symbol that is not listed or not traded
FETCH_WITHIN_S = 20.0  # by another worker: ccxt gives up after 10 s


class MarketList:
    """One list in one file; `version` identifies the parser, since another may parse otherwise."""

    def __init__(self, path: Path, exchange: str, version: str) -> None:
        self._path = path
        self._exchange = exchange
        self._version = version

    async def market(
        self,
        symbol: str,
        fetch: Callable[[], Awaitable[list[dict[str, Any]]]],
        max_age_ms: int = OLD_MS,
    ) -> dict[str, Any]:
        """Return a symbol's market, from the file or from the exchange.

        Raises UnknownSymbolError for a symbol that is not listed, SourceError where its entry can't
        be read or another process fetches for too long, and whatever error `fetch` raises.
        """
        found = self._read(symbol, max_age_ms)
        if found is None:
            async with file_lock_on_loop(self._path.with_suffix(".lock"), FETCH_WITHIN_S):
                found = self._read(symbol, max_age_ms) or self._keep(await fetch())
        return entry_of(self._exchange, symbol, found)

    def _keep(self, markets: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Write a list, unless it is empty; use it even if it can't be written."""
        if not markets:
            return {}
        found = by_symbol(markets)
        with contextlib.suppress(ConfigError, TypeError):
            body = b"".join(msgspec.json.encode(pair) + b"\n" for pair in found.items())
            head = {"parser": self._version, "fetched_ms": _now_ms(), "crc32": zlib.crc32(body)}
            write_atomically(self._path, msgspec.json.encode(head) + b"\n" + body)
        return found

    def _read(self, symbol: str, max_age_ms: int) -> dict[str, dict[str, Any]] | None:
        """Return the file's entry of a symbol, or its whole list where there is none.

        None where the file is too old or can't be read. A market that is not there, or not traded,
        may have been listed since.
        """
        try:
            text = self._path.read_bytes()
            head, _, body = text.partition(b"\n")
            head_fields = msgspec.json.decode(head)
            if head_fields["parser"] != self._version or head_fields["crc32"] != zlib.crc32(body):
                return None
            start = text.find(b"\n[%b," % msgspec.json.encode(symbol)) + 1
            lines = [text[start : text.index(b"\n", start)]] if start else body.splitlines()
            found: dict[str, dict[str, Any]] = dict(map(msgspec.json.decode, lines))
            if not start or found[symbol].get("active") is False:
                max_age_ms = min(max_age_ms, OLD_WITHOUT_SYMBOL_MS)
            age_ms = _now_ms() - head_fields["fetched_ms"]
        except (OSError, ValueError, TypeError, LookupError, AttributeError):
            return None
        return found if 0 <= age_ms < max_age_ms else None


def _now_ms() -> int:
    return time.time_ns() // NS_PER_MS
