"""Bitstamp, which numbers nothing: one lost update of its book is found by pages that lag."""

from __future__ import annotations

import asyncio
import json
import random
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from feedd.model import Book
from feedd.sources.ccxt import book_comparison
from feedd.sources.ccxt.source import CcxtSource
from tests.recorded_callbacks import RecordedCallbacks
from tests.scripted_exchange import market

BID, ASK = 100, 101  # the best prices; levels reach 15 further on each side
LOST = 95  # a level whose change is lost
PAGE_LAG = 3  # updates by which a page lags
ACCEPTED = (
    '{"event":"bts:subscription_succeeded","channel":"diff_order_book_btcusd","data":{}}'
)  # fmt: skip


class Bitstamp:
    """The exchange: `diff_order_book` and the page of the book, each as Bitstamp sends it.

    https://www.bitstamp.net/websocket/v2/, https://www.bitstamp.net/api/#tag/Order-book
    """

    def __init__(self) -> None:
        self.sizes = dict.fromkeys(range(BID - 15, ASK + 16), 1.0)
        self.loses_next = False
        self.connections = 0
        self._number = 1_641_343_691_580_748  # microtimestamp
        self._pages: deque[dict[str, Any]] = deque(maxlen=PAGE_LAG + 1)
        self._sockets: set[web.WebSocketResponse] = set()
        self._rng = random.Random(7)

    def levels(self, depth: int = 20) -> tuple[list[Any], list[Any]]:
        """Return the true book, as it is published."""
        bids = [(float(p), self.sizes[p]) for p in range(BID, BID - 16, -1) if self.sizes[p]]
        asks = [(float(p), self.sizes[p]) for p in range(ASK, ASK + 16) if self.sizes[p]]
        return bids[:depth], asks[:depth]

    async def change(self) -> None:
        """Change a level and send it, unless it is to be lost."""
        price = LOST if self.loses_next else self._rng.choice(range(BID - 15, ASK + 16))
        if price == LOST and not self.loses_next:
            return
        self.sizes[price] = 7.0 if self.loses_next else float(self._rng.randint(1, 5))
        self._number += 20_000
        rows = [[str(price), str(self.sizes[price])]]
        bids, asks = (rows, []) if price <= BID else ([], rows)
        self._pages.append(
            {**self._stamp(), **dict(zip(("bids", "asks"), self._rows(), strict=True))}
        )
        message = {
            "data": {**self._stamp(), "bids": bids, "asks": asks},
            "channel": "diff_order_book_btcusd", "event": "data",
        }  # fmt: skip
        lost, self.loses_next = self.loses_next, False
        for socket in () if lost else list(self._sockets):
            with suppress(ConnectionError):
                await socket.send_str(json.dumps(message))

    def _stamp(self) -> dict[str, str]:
        return {"timestamp": str(self._number // 10**6), "microtimestamp": str(self._number)}

    def _rows(self) -> list[list[list[str]]]:
        return [[[str(price), str(size)] for price, size in side] for side in self.levels(99)]

    async def page(self, _request: web.Request) -> web.Response:
        return web.json_response(self._pages[0])

    async def stream(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.connections += 1
        async for frame in socket:
            if frame.type is WSMsgType.TEXT and "subscribe" in frame.data:
                await socket.send_str(ACCEPTED)
                self._sockets.add(socket)
        self._sockets.discard(socket)
        return socket


@asynccontextmanager
async def exchange() -> AsyncIterator[tuple[Bitstamp, RecordedCallbacks]]:
    served = Bitstamp()
    app = web.Application()
    app.router.add_get("/", served.stream)
    app.router.add_get("/{path:.*order_book.*}", served.page)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    source = CcxtSource(
        "bitstamp", "BTC/USD", ("book",), endpoint=f"http://127.0.0.1:{runner.addresses[0][1]}",
        compare_books_every_s=0.5,
    )  # fmt: skip
    source._exchange.set_markets([market("BTC/USD", "btcusd")])
    received = RecordedCallbacks()

    async def move() -> None:
        while True:
            await served.change()
            await asyncio.sleep(0.02)

    tasks = [asyncio.create_task(move()), asyncio.create_task(source.run(received))]
    try:
        yield served, received
        assert not any(task.done() for task in tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await source.close()
        await runner.cleanup()


def test_one_lost_update_is_one_loss_and_the_next_books_are_right(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(book_comparison, "LAG_S", 0.4)
    monkeypatch.setattr(book_comparison, "CONFIRM_AFTER_S", 0.4)

    async def run() -> None:
        async with exchange() as (served, received), asyncio.timeout(60):
            while len(received.comparisons) < 3:  # of a market that moves, on pages that lag
                await asyncio.sleep(0.02)
            assert received.losses == []
            served.loses_next = True
            while not received.losses:
                await asyncio.sleep(0.02)
            ((channel, reason),) = received.losses
            assert channel == "book"
            assert "bid 95.0 has 1.0 and not 7.0" in reason
            seen = len(received.ticks)
            while len(received.ticks) < seen + 3:
                await asyncio.sleep(0.02)
            book = received.ticks[-1]
            assert isinstance(book, Book)
            assert dict(book.bids)[float(LOST)] == 7.0
            assert served.connections == 2
            compared = len(received.comparisons)
            while len(received.comparisons) < compared + 2:
                await asyncio.sleep(0.02)
            assert len(received.losses) == 1

    asyncio.run(run())
