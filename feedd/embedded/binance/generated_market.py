"""The generated market in Binance's format: USD-M, COIN-M or spot, as given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from feedd.embedded.binance.makers import maker
from feedd.embedded.binance.usdm import Usdm
from feedd.embedded.generated_streams import GeneratedStreams
from feedd.embedded.market import Refused
from feedd.venues.binance.streams import INTERVALS_MS

if TYPE_CHECKING:
    from feedd.embedded.binance.format import Format
    from feedd.embedded.binance.spot import Spot
    from feedd.embedded.engine import Engine, StreamMaker, SymbolHistory
    from feedd.venues.raw_streams import RawStream


class BinanceMarket(GeneratedStreams):
    """Serves every symbol of an engine; see `feedd.embedded.market.Market` for the contract."""

    def __init__(self, engine: Engine, form: type[Usdm | Spot]) -> None:
        super().__init__(engine)
        self._forms: dict[str, Format] = {
            id_: form(instrument) for id_, instrument in engine.instruments.items()
        }

    def depth(self, symbol: str, limit: int) -> dict[str, Any]:
        """Return the book."""
        history = self._engine.symbol(symbol)
        return self._forms[symbol].depth_answer(
            history.book, history.update_id, limit, history.now_ms()
        )

    def quote(self, symbol: str) -> dict[str, Any]:
        """Return the best bid and ask."""
        history = self._engine.symbol(symbol)
        return self._forms[symbol].quote_answer(history.best(), history.now_ms())

    def ticker(self, symbol: str) -> dict[str, Any]:
        """Return the last 24 h."""
        history = self._engine.symbol(symbol)
        answer = self._forms[symbol].ticker_answer(history.trades, history.best(), history.now_ms())
        if answer is None:
            raise Refused("nothing was traded yet")
        return answer

    def klines(self, symbol: str, interval: str, limit: int) -> list[list[Any]]:
        """Return candles."""
        history, form = self._engine.symbol(symbol), self._forms[symbol]
        candles = history.trades.candles(INTERVALS_MS[interval], limit, history.now_ms())
        return [form.kline_row(candle, interval) for candle in candles]

    def agg_trades(self, symbol: str, limit: int) -> list[dict[str, Any]]:
        """Return aggregated trades."""
        form, rows = self._forms[symbol], self._engine.symbol(symbol).trades.aggregates
        return [form.aggregate_row(row) for row in list(rows)[-limit:]]

    def trades(self, symbol: str, limit: int, from_id: int | None = None) -> list[dict[str, Any]]:
        """Return trades."""
        form, rows = self._forms[symbol], self._engine.symbol(symbol).trades
        return [form.trade_row(row) for row in rows.trades(limit, from_id)]

    def premium_index(self, symbol: str) -> dict[str, Any]:
        """Return mark price, index price and funding."""
        history, form = self._engine.symbol(symbol), self._forms[symbol]
        if not isinstance(form, Usdm):
            raise Refused("spot has no premium index")
        return form.premium_answer(*history.mark(), history.now_ms())

    def _maker(self, stream: RawStream, symbol: SymbolHistory) -> StreamMaker:
        return maker(stream, symbol, self._forms[stream.symbol])
