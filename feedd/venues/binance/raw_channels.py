"""Binance's raw messages as the ccxt source parses them: with the native source's converters.

So both sources publish identical payloads, whichever form a number has. ccxt would take a missing
or unreadable `m` for false, and every id for text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from feedd.venues.binance import messages, parsers
from feedd.venues.contract import RawChannel

if TYPE_CHECKING:
    from feedd.model import Liquidation, Quote, Ticker, Trade


def market_id_of(message: Any) -> Any:
    """Return the symbol's id in a message; that of a liquidation is in its order."""
    found = message.get("s")
    return message["o"].get("s") if found is None and message.get("e") == "forceOrder" else found


def _quotes(
    keys: Any, exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Quote]:  # fmt: skip
    message = _read(keys, messages.SpotBookTicker)
    return [messages.to_quote(message, exchange, symbol, received_ns)]


def _trades(
    keys: Any, exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[tuple[int, Trade | None]]:
    convert = messages.trade_converter(exchange, symbol)
    return [convert(_read(keys, messages.TradeMessage), b"", received_ns)]


def _tickers(
    keys: Any, exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Ticker]:  # fmt: skip
    message = _read(keys, messages.TickerMessage)
    return [messages.to_ticker(message, exchange, symbol, received_ns)]


def _coinm_tickers(
    keys: Any, exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Ticker]:
    message = _read(keys, messages.TickerMessage)
    return [messages.to_coinm_ticker(message, exchange, symbol, received_ns)]


def _liquidations(
    keys: Any, exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Liquidation]:
    message = _read(keys, messages.ForceOrder)
    return [messages.to_liquidation(message, exchange, symbol, received_ns)]


def _read(keys: Any, of: type) -> Any:
    message = messages.read_keys(keys)
    if not isinstance(message, of):
        raise TypeError(f"it is a {type(message).__name__}, which is not of this stream")
    return message


RAW_CHANNELS = {
    "quote": RawChannel(_quotes),
    "trade": RawChannel(_trades),
    "ticker": RawChannel(_tickers),
    "candle": RawChannel(parsers.candles),
    "mark": RawChannel(parsers.marks),
    "liquidation": RawChannel(_liquidations),
}
COINM_CHANNELS = {**RAW_CHANNELS, "ticker": RawChannel(_coinm_tickers)}
