"""One symbol's trades without gaps: missing trades are requested, or reported as a gap."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from feedd.errors import FeeddError
from feedd.sources.trade_sequence import MissingTrades, TradeSequence

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from feedd.model import Trade
    from feedd.sources.base import Sink

FILL_WITHIN_S = 5.0  # the stream is held back behind a gap for this long
REQUESTS_AT_MOST = 5  # per gap: by id, each has a weight of 200, of 2,400 a minute
DROPPED = "a second trade with an id that had passed"
RETRY_S = 0.5  # the pages lag behind the stream


class TradeKeeper:
    """Publishes trades to the sink in the order of their ids.

    `fetch` returns trades by id, as many of a gap as one request returns; it raises FeeddError.
    """

    def __init__(
        self, fetch: Callable[[MissingTrades], Awaitable[list[tuple[int, Trade | None]]]]
    ) -> None:
        self._fetch = fetch
        self._sequence = TradeSequence()
        self._task: asyncio.Task[None] | None = None
        self._lost: str | None = None

    def take(self, trade_id: int, trade: Trade | None, sink: Sink) -> None:
        """Take a trade of the stream; None for an id that is not a trade of the market."""
        sequence = self._sequence
        for following in sequence.take(trade_id, trade):
            sink.event(following)
        if sequence.dropped:
            self._report_dropped(sink)
        if sequence.ids_restarted:
            self._restart(sink)
        if sequence.gap is None:
            self._lost = None
        elif sequence.full:
            self.finish(sink, "too many trades arrived meanwhile to hold back")
        elif self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._fill(sink))
            self._task.add_done_callback(self._ended)

    def lost(self, reason: str) -> None:
        """Note the cause of the next gap: a lost connection, after which ids may restart."""
        self._sequence.reconnected()
        self._lost = self._lost or f"reconnect after: {reason}"

    def finish(self, sink: Sink, why: str) -> None:
        """Report every remaining gap, and publish the trades held back behind it."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        cause = self._lost or "the exchange's ids jump"
        sequence = self._sequence
        while (gap := sequence.gap) is not None:
            sink.missing("trade", *sequence.ids_around(gap), f"{cause}; {why}")
            for trade in (sequence.give_up() or (gap, []))[1]:
                sink.event(trade)
        self._lost = None

    def _report_dropped(self, sink: Sink) -> None:
        for trade_id in self._sequence.dropped:
            sink.missing("trade", trade_id - 1, trade_id + 1, DROPPED)
        self._sequence.dropped.clear()

    def _restart(self, sink: Sink) -> None:
        """Report that the ids went back, and continue with the trades received since."""
        why = "the ids restarted"
        cause = why if self._lost is None else f"{self._lost}; {why}"
        self.finish(sink, why)  # trades still held back precede the restart
        went_back, trades = self._sequence.restart()
        sink.missing("trade", went_back.from_id, went_back.to_id, cause)
        for trade in trades:
            sink.event(trade)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if self._task is task:
            self._task = None
        if not task.cancelled():
            task.result()

    async def _fill(self, sink: Sink) -> None:
        why = "the exchange has them no longer"
        try:
            async with asyncio.timeout(FILL_WITHIN_S):
                for _ in range(REQUESTS_AT_MOST):
                    gap = self._sequence.gap
                    if gap is None:
                        break
                    try:
                        trades = await self._fetch(gap)
                    except FeeddError as error:
                        why = str(error)
                        trades = []
                    filled = self._sequence.fill(trades)
                    for trade in filled:
                        sink.event(trade)
                    # Short of the newest ones, the next page begins where this one ended.
                    if self._sequence.gap == gap:
                        await asyncio.sleep(RETRY_S)
        except TimeoutError:
            why = f"not to be had within {FILL_WITHIN_S:.0f} s"
        self._task = None
        self.finish(sink, why)
