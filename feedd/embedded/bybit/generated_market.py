"""The generated market as Bybit's topics; `rest_pages` serves the same histories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.embedded.bybit.makers import maker
from feedd.embedded.generated_streams import GeneratedStreams
from feedd.embedded.market import Refused

if TYPE_CHECKING:
    from feedd.embedded.engine import Engine, StreamMaker, SymbolHistory
    from feedd.venues.bybit.addresses import Category
    from feedd.venues.raw_streams import RawStream


class BybitMarket(GeneratedStreams):
    """Serves every symbol of an engine, as the markets of a category."""

    def __init__(self, engine: Engine, category: Category = "linear") -> None:
        super().__init__(engine)
        self.category = category

    def check(self, stream: RawStream) -> None:
        """Raise KeyError for a symbol that isn't listed, Refused for a topic that spot lacks."""
        super().check(stream)
        if self.category == "spot" and stream.content == "liquidation":
            raise Refused("spot has no liquidations")

    def history(self, symbol: str) -> SymbolHistory:
        """Return a symbol's history; raise KeyError for one that isn't listed."""
        return self._engine.symbol(symbol)

    def _maker(self, stream: RawStream, symbol: SymbolHistory) -> StreamMaker:
        return maker(stream, symbol, self.category)
