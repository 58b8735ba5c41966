"""The generated market's one history: seeded orders matched in a book. Pure.

Every step is one order: it changes levels, and a taker order trades. Ids jump as they do on
exchanges whose symbols share them, unless each symbol is to count its own: on a recording of
BTCUSDT the steps between the update ids of quotes have their quartiles at 14, 72 and 296, which is
close to a log-normal's.
"""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, NamedTuple

from feedd.embedded.integer_book import IntegerBook, Side
from feedd.embedded.trade_history import TradeRow

if TYPE_CHECKING:
    from feedd.embedded.instruments import Instrument

FIRST_UPDATE_ID = 5_000_000_000_000
FIRST_TRADE_ID = 5_000_000_000
LEVELS = 300  # per side; at least 200 of them
LEVELS_AT_MOST = 1000
TAKER_SHARE = 0.12
LIQUIDATION_SHARE = 0.01  # of the takers
FILLS_AT_MOST = 40
_JUMP_MEDIAN = math.log(72)
_JUMP_SIGMA = 2.1


class Step(NamedTuple):
    """Effects of one order."""

    update_id: int
    best_moved: bool
    changes: list[tuple[Side, int, int]]  # side, price, new size
    trades: list[TradeRow]
    liquidation: bool


class Matching:
    """The book of one instrument and its incoming orders; the seed decides all of them."""

    def __init__(
        self, instrument: Instrument, first_price: int, seed: str, *, shared_ids: bool = True
    ) -> None:
        self.instrument = instrument
        self._shared_ids = shared_ids
        self.book = IntegerBook()
        self._random = random.Random(seed)
        self._tick = instrument.tick
        # A typical order is worth some 2,000 of the quote currency, in whole size steps.
        if instrument.contract:
            self._typical_size = max(1, 2000 * 10**instrument.size_decimals // instrument.contract)
        else:
            worth = 2000 * 10 ** (instrument.price_decimals + instrument.size_decimals)
            self._typical_size = max(1, worth // first_price)
        self.update_id = FIRST_UPDATE_ID + self._random.randrange(1_000_000_000)
        self._trade_id = FIRST_TRADE_ID + self._random.randrange(1_000_000_000)
        for distance in range(1, LEVELS + 1):
            if first_price > distance * self._tick:
                self.book.set("bid", first_price - distance * self._tick, self._size())
            self.book.set("ask", first_price + distance * self._tick, self._size())

    def step(self, time_ms: int) -> Step:
        """Process one order and return its effects."""
        rng = self._random
        jump = min(500_000, 1 + int(rng.lognormvariate(_JUMP_MEDIAN, _JUMP_SIGMA)))
        self.update_id += jump if self._shared_ids else 1
        before = self.book.best("bid"), self.book.best("ask")
        changes: list[tuple[Side, int, int]] = []
        trades: list[TradeRow] = []
        liquidation = False
        side: Side = "bid" if rng.random() < 0.5 else "ask"
        if rng.random() < TAKER_SHARE:
            self._take(side, time_ms, changes, trades)
            liquidation = rng.random() < LIQUIDATION_SHARE
        else:
            self._make(side, changes)
        for changed, price, size in changes:
            self.book.set(changed, price, size)
        moved = before != (self.book.best("bid"), self.book.best("ask"))
        return Step(self.update_id, moved, changes, trades, liquidation)

    def _make(self, side: Side, changes: list[tuple[Side, int, int]]) -> None:
        """Add, resize or cancel a level, most often at or near the best price."""
        rng = self._random
        best, other = self._best(side), self._best("ask" if side == "bid" else "bid")
        inward = self._tick if side == "bid" else -self._tick
        if abs(other - best) > self._tick and rng.random() < 0.6:
            changes.append((side, best + inward, self._size()))  # narrows the spread
        else:
            price = best - inward * min(LEVELS, int(rng.expovariate(0.6)))
            sizes = self.book.sizes[side]
            if price <= 0:
                return
            cancels = price in sizes and rng.random() < 0.3 and len(sizes) > LEVELS * 2 // 3
            changes.append((side, price, 0 if cancels else self._size()))
        self._keep_depth(side, changes)

    def _take(
        self,
        side: Side,
        time_ms: int,
        changes: list[tuple[Side, int, int]],
        trades: list[TradeRow],
    ) -> None:
        """Trade against a side of the book; its orders are filled one by one, best first."""
        rng = self._random
        left = max(1, int(rng.paretovariate(1.3) * self._typical_size * 0.4))
        for price, size in self.book.levels(side, 5):
            resting = size
            while left and resting and len(trades) < FILLS_AT_MOST:
                fill = min(left, resting, self._size())
                self._trade_id += 1
                trades.append(
                    TradeRow(self._trade_id, time_ms, price, fill, side == "bid", self.update_id)
                )
                resting -= fill
                left -= fill
            changes.append((side, price, resting))
            if not left or resting:
                break
        self._keep_depth(side, changes)

    def _keep_depth(self, side: Side, changes: list[tuple[Side, int, int]]) -> None:
        """Add levels at the far end while the book is too thin, drop one while it is too deep."""
        if len(self.book.sizes[side]) > LEVELS_AT_MOST:
            changes.append((side, self.book.worst_price(side), 0))
            return
        gone = sum(1 for changed, _, size in changes if changed == side and not size)
        outward = -self._tick if side == "bid" else self._tick
        price = self.book.worst_price(side)
        missing = LEVELS - (len(self.book.sizes[side]) - gone)
        for _ in range(min(missing, 5)):
            price += outward
            if price <= 0:
                return
            changes.append((side, price, self._size()))

    def _best(self, side: Side) -> int:
        best = self.book.best(side)
        if best is None:
            raise RuntimeError(f"{self.instrument.id}: no {side} is left")
        return best[0]

    def _size(self) -> int:
        return 1 + int(self._random.expovariate(1 / self._typical_size))
