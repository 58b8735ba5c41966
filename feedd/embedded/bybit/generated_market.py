"""The generated market as Bybit's topics; `rest_pages` serves the same histories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.embedded.bybit.makers import maker
from feedd.embedded.generated_streams import GeneratedStreams

if TYPE_CHECKING:
    from feedd.embedded.engine import StreamMaker, SymbolHistory
    from feedd.venues.raw_streams import RawStream


class BybitMarket(GeneratedStreams):
    """Serves every symbol of an engine."""

    def history(self, symbol: str) -> SymbolHistory:
        """Return a symbol's history; raise KeyError for one that isn't listed."""
        return self._engine.symbol(symbol)

    def _maker(self, stream: RawStream, symbol: SymbolHistory) -> StreamMaker:
        return maker(stream, symbol)
