"""What ccxt leaves to its user, exchange by exchange. ccxt itself is not imported."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from feedd.books.diff import DiffBook
from feedd.channels import CHANNELS
from feedd.venues import control_messages
from feedd.venues.bybit.book import StreamedBook
from feedd.venues.raw_messages import (
    binance_candles,
    binance_mark,
    bybit_candles,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from feedd.books.base import DepthRules
    from feedd.model import Candle, Mark

MarketType = Literal["spot", "linear", "inverse"]


@dataclass(frozen=True)
class Dialect:
    """One exchange's ways; without any of them, what ccxt makes of its messages is taken.

    `quote_id` is where a quote's message has its id. `books` follows the raw depth messages, of
    one of `book_limits` where there is a choice. `candles` and `mark` read raw messages.
    """

    options: dict[str, Any] = field(default_factory=dict)
    ticker_params: dict[str, Any] = field(default_factory=dict)
    quote_id: tuple[str, ...] = ()
    contiguous_trades: bool = False  # ids that leave no step out
    books: Callable[[int], DepthRules] | None = None
    snapshot_by_rest: bool = False
    book_limits: tuple[int, ...] = ()
    ticker_deltas: bool = False  # a ticker begins with a snapshot; what follows is what changed
    candles: Callable[..., list[Candle]] | None = None
    mark: Callable[..., Mark] | None = None
    liquidation_names_position: bool = False  # its side is the position's, not the order's
    one_market_type: bool = False  # `fetchMarkets` can be told which
    control_keys: frozenset[str] = frozenset()  # what has one is no data; without: not known
    symbol_of: Callable[[dict[str, Any]], Any] | None = None  # of a raw message, its market's id

    def settings(self, symbol: str) -> dict[str, Any]:
        """Return ccxt's options for a feed of one symbol."""
        types = {"fetchMarkets": {"types": [market_type(symbol)]}} if self.one_market_type else {}
        return {**self.options, **types}

    def book_limit(self, depth: int) -> int | None:
        """Return the least number of levels to subscribe to."""
        return next((limit for limit in self.book_limits if limit >= depth), None)


_BINANCE = Dialect(
    options={
        "fetchCurrencies": False,  # with a key, load_markets would ask two signed pages first
        # One connection each for /public and /market: every call would open its own.
        "streamLimits": {"spot": 1, "margin": 1, "linear": 1, "inverse": 1},
    },
    ticker_params={"name": "ticker"},  # the default is miniTicker, without change_percent
    quote_id=("u",),
    contiguous_trades=True,
    books=DiffBook,
    snapshot_by_rest=True,
    candles=binance_candles,
    mark=binance_mark,
    one_market_type=True,
    control_keys=control_messages.BINANCE,
    symbol_of=lambda message: message.get("s"),
)
_BYBIT = Dialect(
    quote_id=("data", "u"),
    books=lambda _depth: StreamedBook(),
    book_limits=(50, 200, 1000),
    ticker_deltas=True,
    candles=bybit_candles,
    liquidation_names_position=True,
    one_market_type=True,
    control_keys=control_messages.BYBIT,
    symbol_of=lambda message: str(message.get("topic")).rpartition(".")[2],
)
DIALECTS = {
    "binance": _BINANCE,
    "binanceusdm": _BINANCE,
    "binancecoinm": _BINANCE,
    "bybit": _BYBIT,
}


def dialect(exchange: str) -> Dialect:
    """Return the ways of an exchange, by ccxt's name."""
    return DIALECTS.get(exchange, Dialect())


def market_type(symbol: str) -> MarketType:
    """Return what a unified symbol is of: `BTC/USDT`, `BTC/USDT:USDT` or `BTC/USD:BTC`."""
    pair, _, settle = symbol.partition(":")
    if not settle:
        return "spot"
    return "linear" if settle.partition("-")[0] == pair.partition("/")[2] else "inverse"


def lacking(has: dict[str, Any], symbol: str, channels: tuple[str, ...]) -> tuple[str, list[str]]:
    """Return the first channel that can't be served, or "", and all that can.

    `has` is ccxt's map of an exchange's methods.
    """
    spot = market_type(symbol) == "spot"
    served = [
        name
        for name, spec in CHANNELS.items()
        if has.get(spec.ccxt_method or "") and not (spot and spec.derivatives_only)
    ]
    return next((channel for channel in channels if channel not in served), ""), served
