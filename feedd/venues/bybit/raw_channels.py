"""Bybit's raw messages as the ccxt source parses them: with the native source's converters.

So both sources publish identical payloads. ccxt keeps one book for `orderbook.1` and the other
levels together, and applies a ticker's change to any ticker before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from feedd.venues.bybit import messages, parsers
from feedd.venues.contract import RawChannel
from feedd.venues.native import NoSnapshotError

if TYPE_CHECKING:
    from collections.abc import Callable

    from feedd.model import Liquidation, Quote, Ticker, Trade
    from feedd.venues.contract import RawParser


def _quotes() -> RawParser:
    makers: list[Callable[[messages.QuoteMessage, bytes, int], Quote]] = []

    def parse(
        keys: Any, exchange: str, symbol: str, received_ns: int, _timeframe: str
    ) -> list[Quote]:
        if not makers:
            makers.append(messages.quote_maker(exchange, symbol))
        message = messages.read_keys(keys, "quote")
        try:
            return [makers[0](message, b"", received_ns)]
        except NoSnapshotError:
            raise ValueError("a change of a quote that was not sent") from None

    return parse


def _tickers() -> RawParser:
    makers: list[messages.TickerMaker] = []

    def parse(
        keys: Any, exchange: str, symbol: str, received_ns: int, _timeframe: str
    ) -> list[Ticker]:
        if not makers:
            makers.append(messages.TickerMaker(exchange, symbol))
        message = messages.read_keys(keys, "ticker")
        try:
            return [makers[0].ticker(message, received_ns)]
        except NoSnapshotError:
            raise ValueError("a change of a ticker that was not sent") from None

    return parse


def _trades(
    keys: Any, exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Trade]:  # fmt: skip
    message = messages.read_keys(keys, "trade")
    return messages.to_trades(message, exchange, symbol, received_ns)


def _liquidations(
    keys: Any, exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Liquidation]:
    message = messages.read_keys(keys, "liquidation")
    return messages.to_liquidations(message, exchange, symbol, received_ns)


RAW_CHANNELS = {
    "quote": RawChannel(_quotes(), make=_quotes),
    "trade": RawChannel(_trades),
    "ticker": RawChannel(_tickers(), make=_tickers),
    "candle": RawChannel(parsers.candles),
    "liquidation": RawChannel(_liquidations),
}
