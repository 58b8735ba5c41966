"""The engine of the generated market: one seeded history per symbol, in no exchange's format.

A symbol's history begins at its first request and continues with or without subscribers, so that
ids advance across a reconnect as they do on an exchange. The seed decides the orders. The clock
decides when they arrive, in bursts as in a recording of BTCUSDT: there (bursts more than 200 µs
apart) half have one message, one in ten has five or more, one in a hundred 19 or more, and
the longest has 177.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from feedd.clock import NS_PER_MS
from feedd.embedded.instruments import Instrument, listed
from feedd.embedded.market import MarketMessage, Outlet, watch_over
from feedd.embedded.matching import Matching, Step
from feedd.embedded.trade_history import TradeHistory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from feedd.clock import Clock
    from feedd.embedded.instruments import Listing
    from feedd.embedded.integer_book import IntegerBook

WARM_UP_STEPS = 2000  # before the first message, so that a ticker has a history
BURST_EXPONENT = 1.6  # of the Pareto distribution that fits the recording best
LONGEST_BURST = 177  # and at most one second's messages
BEHIND_AT_MOST_S = 0.5
FUNDING_MS = 8 * 3600 * 1000
MARK_DECIMALS = 8


class StreamMaker:
    """Makes one stream of one symbol's history; the base class sends nothing.

    The engine applies a step before it passes it on.
    """

    period_ms = 0  # of `on_time`; 0: never

    def on_step(self, step: Step, now_ms: int) -> Iterable[MarketMessage]:
        """Return the messages to send immediately after an order."""
        del step, now_ms
        return ()

    def on_time(self, now_ms: int) -> Iterable[MarketMessage]:
        """Return the messages to send at the end of a period."""
        del now_ms
        return ()

    def greet(self, now_ms: int) -> Iterable[MarketMessage]:
        """Return the messages to send to a new outlet only."""
        del now_ms
        return ()


class Engine:
    """The histories of every listed symbol; `rate` is quotes and trades per second for each.

    Without `bursts` every order arrives alone, at independent times.
    `shared_ids`: update ids jump, because other symbols take some; else they count by one.
    `listing`: the symbols; None: those quoted in USDT.
    """

    def __init__(
        self,
        clock: Clock,
        seed: str,
        rate: float,
        *,
        bursts: bool,
        shared_ids: bool = True,
        listing: Listing | None = None,
    ) -> None:
        self._clock = clock
        self._seed = seed
        self._rate = rate
        self._longest_burst = max(1, min(LONGEST_BURST, int(rate))) if bursts else 1
        self._shared_ids = shared_ids
        self._listing = listed() if listing is None else listing
        self._symbols: dict[str, SymbolHistory] = {}
        self.instruments: dict[str, Instrument] = {
            id_: instrument for id_, (instrument, _) in self._listing.items()
        }

    def symbol(self, id_: str) -> SymbolHistory:
        """Return a symbol's history, started if needed. Raises KeyError if it isn't listed."""
        if id_ not in self._symbols:
            instrument, price = self._listing[id_]
            seed = f"{self._seed} {id_}"
            matching = Matching(instrument, price, seed, shared_ids=self._shared_ids)
            self._symbols[id_] = SymbolHistory(
                matching, seed, self._clock, self._rate, self._longest_burst
            )
        return self._symbols[id_]

    async def close(self) -> None:
        """Stop every symbol's history."""
        for symbol in self._symbols.values():
            await symbol.close()


class SymbolHistory:
    """One symbol's history and its subscribed streams."""

    def __init__(
        self, matching: Matching, seed: str, clock: Clock, rate: float, longest_burst: int
    ) -> None:
        self.instrument = matching.instrument
        self.seed = seed
        self.trades = TradeHistory(matching.instrument)
        self._matching = matching
        self._clock = clock
        self._rate = rate
        self._longest_burst = longest_burst
        self._random = random.Random(f"bursts {matching.instrument.id}")
        self._makers: dict[str, StreamMaker] = {}
        self._outlets: dict[str, set[Outlet]] = {}
        self._due_ms: dict[str, int] = {}
        start_ms = self.now_ms()
        for number in range(WARM_UP_STEPS):
            step = matching.step(start_ms - (WARM_UP_STEPS - number))
            for trade in step.trades:
                self.trades.add(trade)
        self.trades.close_aggregate()
        self._task = asyncio.get_running_loop().create_task(self._run())
        watch_over(self._task, self.instrument.id, lambda: set().union(*self._outlets.values()))

    @property
    def book(self) -> IntegerBook:
        """The book as of the newest order."""
        return self._matching.book

    @property
    def update_id(self) -> int:
        """The newest order's id."""
        return self._matching.update_id

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return self._clock.now_ns() // NS_PER_MS

    def best(self) -> tuple[int, int, int, int]:
        """Return bid, its size, ask and its size, in the instrument's units."""
        book = self._matching.book
        bid, ask = book.best("bid"), book.best("ask")
        if bid is None or ask is None:
            raise RuntimeError("the book of a generated market is never empty")
        return *bid, *ask

    def mark(self) -> tuple[int, int]:
        """Return the mark price, the middle of the book, and an index price next to it.

        They are in units of 10**-MARK_DECIMALS.
        """
        bid, _, ask, _ = self.best()
        mark = (bid + ask) * 10 ** (MARK_DECIMALS - self.instrument.price_decimals) // 2
        return mark, mark - mark // 10_000

    def maker(self, name: str) -> StreamMaker | None:
        """Return the maker of a subscribed stream, or None."""
        return self._makers.get(name)

    def subscribe(self, name: str, make: Callable[[], StreamMaker], outlet: Outlet) -> None:
        """Send a stream to an outlet from now on; the first outlet creates its maker."""
        maker = self._makers.get(name)
        if maker is None:
            maker = self._makers[name] = make()
            if maker.period_ms:
                self._due_ms[name] = self.now_ms() + maker.period_ms
        outlets = self._outlets.setdefault(name, set())
        if outlet in outlets:
            return
        outlets.add(outlet)
        greeting = list(maker.greet(self.now_ms()))
        if greeting:
            outlet.send(greeting)

    def unsubscribe(self, name: str, outlet: Outlet) -> None:
        """Stop sending a stream to an outlet."""
        outlets = self._outlets.get(name, set())
        outlets.discard(outlet)
        if not outlets:
            self._makers.pop(name, None)
            self._due_ms.pop(name, None)
            self._outlets.pop(name, None)

    async def close(self) -> None:
        """Stop the history."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        next_burst_s = loop.time()
        while True:
            out: list[MarketMessage] = []
            # A market that was delayed or overloaded skips what is overdue and resumes.
            next_burst_s = max(next_burst_s, loop.time() - BEHIND_AT_MOST_S)
            made = 0
            while next_burst_s <= loop.time() and made < LONGEST_BURST:
                burst = self._burst(out)
                made += burst
                next_burst_s += self._random.expovariate(1.0) * burst / self._rate
            now_ms = self.now_ms()
            for name, due_ms in list(self._due_ms.items()):
                if due_ms <= now_ms:
                    maker = self._makers[name]
                    self._due_ms[name] = max(due_ms + maker.period_ms, now_ms)
                    out.extend(maker.on_time(now_ms))
            self._send(out)
            wait_s = next_burst_s - loop.time()
            if self._due_ms:
                wait_s = min(wait_s, (min(self._due_ms.values()) - now_ms) / 1000)
            await asyncio.sleep(min(max(wait_s, 0.0), 0.5))

    def _burst(self, out: list[MarketMessage]) -> int:
        """Process orders until they have made one burst's messages; return their number."""
        wanted = min(self._longest_burst, int(self._random.paretovariate(BURST_EXPONENT)))
        now_ms = self.now_ms()
        makers = list(self._makers.values())
        sent = 0
        while sent < wanted:
            step = self._matching.step(now_ms)
            sent += len(step.trades) + step.best_moved
            for trade in step.trades:
                self.trades.add(trade)
            for maker in makers:
                out.extend(maker.on_step(step, now_ms))
        return sent

    def _send(self, out: list[MarketMessage]) -> None:
        if not out:
            return
        by_outlet: dict[Outlet, list[MarketMessage]] = {}
        for message in out:
            for outlet in self._outlets.get(message.stream, ()):
                by_outlet.setdefault(outlet, []).append(message)
        for outlet, messages in by_outlet.items():
            outlet.send(messages)


def next_funding_ms(now_ms: int) -> int:
    """Return the next funding time in ms."""
    return now_ms - now_ms % FUNDING_MS + FUNDING_MS
