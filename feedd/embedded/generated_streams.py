"""Streams of a generated market, in any exchange's format."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from feedd.embedded.engine import Engine, StreamMaker, SymbolHistory
    from feedd.embedded.instruments import Instrument
    from feedd.embedded.market import Outlet
    from feedd.venues.raw_streams import RawStream


class GeneratedStreams(ABC):
    """Serves every symbol of an engine; see `feedd.embedded.market.Streams` for the contract."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def instruments(self) -> dict[str, Instrument]:
        """Listed instruments by id."""
        return self._engine.instruments

    @property
    def runs_without_subscribers(self) -> bool:
        """Whether events continue without readers: always."""
        return True

    def check(self, stream: RawStream) -> None:
        """Raise KeyError for a symbol that isn't listed; every stream is served."""
        self._engine.instruments[stream.symbol]

    def subscribe(self, stream: RawStream, outlet: Outlet) -> None:
        """Send a stream to an outlet from now on, its snapshot first where it has one."""
        symbol = self._engine.symbol(stream.symbol)
        symbol.subscribe(stream.name, lambda: self._maker(stream, symbol), outlet)

    def unsubscribe(self, stream: RawStream, outlet: Outlet) -> None:
        """Stop sending a stream to an outlet."""
        self._engine.symbol(stream.symbol).unsubscribe(stream.name, outlet)

    async def close(self) -> None:
        """Stop every symbol's history."""
        await self._engine.close()

    @abstractmethod
    def _maker(self, stream: RawStream, symbol: SymbolHistory) -> StreamMaker:
        """Return the maker of a stream."""
