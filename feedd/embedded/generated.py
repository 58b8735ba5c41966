"""The generated markets, one for each exchange, each with a history of its own.

In all of them `rate` is the quotes and trades a second of each symbol. Without `bursts` every
order comes by itself, at times that know nothing of each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.embedded.binance.generated_market import BinanceMarket
from feedd.embedded.binance.spot import Spot
from feedd.embedded.binance.usdm import Usdm
from feedd.embedded.bybit.generated_market import BybitMarket
from feedd.embedded.engine import Engine

if TYPE_CHECKING:
    from feedd.clock import Clock


class GeneratedMarket(BinanceMarket):
    """Binance USD-M's."""

    def __init__(
        self, clock: Clock, seed: int = 1, rate: float = 20.0, *, bursts: bool = True
    ) -> None:
        super().__init__(Engine(clock, str(seed), rate, bursts=bursts), Usdm)


class GeneratedSpot(BinanceMarket):
    """Binance spot's; each symbol counts its update ids for itself."""

    def __init__(
        self, clock: Clock, seed: int = 1, rate: float = 20.0, *, bursts: bool = True
    ) -> None:
        engine = Engine(clock, f"{seed} binance", rate, bursts=bursts, shared_ids=False)
        super().__init__(engine, Spot)


class GeneratedLinear(BybitMarket):
    """Bybit's."""

    def __init__(
        self, clock: Clock, seed: int = 1, rate: float = 20.0, *, bursts: bool = True
    ) -> None:
        super().__init__(Engine(clock, f"{seed} bybit", rate, bursts=bursts))
