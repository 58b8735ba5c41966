"""The generated market as Bybit's topics; `rest_pages` serves the same histories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.embedded.bybit.makers import maker

if TYPE_CHECKING:
    from feedd.embedded.engine import Engine, SymbolHistory
    from feedd.embedded.instruments import Instrument
    from feedd.embedded.market import Outlet
    from feedd.venues.raw_streams import RawStream


class BybitMarket:
    """Serves every symbol of an engine; see `feedd.embedded.market.Streams` for the contract."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def instruments(self) -> dict[str, Instrument]:
        """Listed instruments by id."""
        return self._engine.instruments

    @property
    def goes_on(self) -> bool:
        """Whether events continue without readers: always."""
        return True

    def check(self, stream: RawStream) -> None:
        """Raise KeyError for a symbol that isn't listed; every topic is served."""
        self._engine.instruments[stream.symbol]

    def subscribe(self, stream: RawStream, outlet: Outlet) -> None:
        """Send a topic to an outlet from now on, its snapshot first."""
        symbol = self._engine.symbol(stream.symbol)
        symbol.subscribe(stream.name, lambda: maker(stream, symbol), outlet)

    def unsubscribe(self, stream: RawStream, outlet: Outlet) -> None:
        """Stop sending a topic to an outlet."""
        self._engine.symbol(stream.symbol).unsubscribe(stream.name, outlet)

    def history(self, symbol: str) -> SymbolHistory:
        """Return a symbol's history; raise KeyError for one that isn't listed."""
        return self._engine.symbol(symbol)

    async def close(self) -> None:
        """Stop every symbol's history."""
        await self._engine.close()
