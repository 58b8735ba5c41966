"""Generated markets, one for each exchange, with independent histories.

In all of them `rate` is the number of quotes and trades per second of each symbol. Without
`bursts`, orders arrive one by one at independent times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.embedded.binance.coinm import Coinm, contract_usd
from feedd.embedded.binance.generated_market import BinanceMarket
from feedd.embedded.binance.spot import Spot
from feedd.embedded.binance.usdm import Usdm
from feedd.embedded.bybit.generated_market import BybitMarket
from feedd.embedded.engine import Engine
from feedd.embedded.instruments import listed_inverse

if TYPE_CHECKING:
    from feedd.clock import Clock


class GeneratedMarket(BinanceMarket):
    """Generated market of Binance USD-M."""

    def __init__(
        self, clock: Clock, seed: int = 1, rate: float = 20.0, *, bursts: bool = True
    ) -> None:
        super().__init__(Engine(clock, str(seed), rate, bursts=bursts), Usdm)


class GeneratedCoinm(BinanceMarket):
    """Generated market of Binance COIN-M."""

    def __init__(
        self, clock: Clock, seed: int = 1, rate: float = 20.0, *, bursts: bool = True
    ) -> None:
        listing = listed_inverse(contract_usd, "_PERP")
        super().__init__(
            Engine(clock, f"{seed} coinm", rate, bursts=bursts, listing=listing), Coinm
        )


class GeneratedSpot(BinanceMarket):
    """Generated market of Binance spot; each symbol has its own sequence of update ids."""

    def __init__(
        self, clock: Clock, seed: int = 1, rate: float = 20.0, *, bursts: bool = True
    ) -> None:
        engine = Engine(clock, f"{seed} binance", rate, bursts=bursts, shared_ids=False)
        super().__init__(engine, Spot)


class GeneratedLinear(BybitMarket):
    """Generated market of Bybit linear."""

    def __init__(
        self, clock: Clock, seed: int = 1, rate: float = 20.0, *, bursts: bool = True
    ) -> None:
        super().__init__(Engine(clock, f"{seed} bybit", rate, bursts=bursts))


class GeneratedInverse(BybitMarket):
    """Generated market of Bybit inverse, where a contract is worth one dollar."""

    def __init__(
        self, clock: Clock, seed: int = 1, rate: float = 20.0, *, bursts: bool = True
    ) -> None:
        listing = listed_inverse(lambda _base: 1)
        engine = Engine(clock, f"{seed} bybit inverse", rate, bursts=bursts, listing=listing)
        super().__init__(engine, "inverse")


class GeneratedBybitSpot(BybitMarket):
    """Generated market of Bybit spot."""

    def __init__(
        self, clock: Clock, seed: int = 1, rate: float = 20.0, *, bursts: bool = True
    ) -> None:
        super().__init__(Engine(clock, f"{seed} bybit spot", rate, bursts=bursts), "spot")
