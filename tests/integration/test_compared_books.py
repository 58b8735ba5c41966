"""A book that nothing in its stream checks: a lost update shows by pages of the exchange."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from recorded_callbacks import RecordedCallbacks

from feedd.clock import Clock
from feedd.embedded.bybit.served import bybit
from feedd.embedded.generated import GeneratedLinear
from feedd.embedded.server import ExchangeServer
from feedd.sources.ccxt import book_comparison, source
from feedd.sources.ccxt.source import CcxtSource
from feedd.venues.contract import Venue

SYMBOL = "BTC/USDT:USDT"


@pytest.fixture(autouse=True)
def _unknown_venue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let feedd have no rules for the exchange, and the comparison take little time."""
    monkeypatch.setattr(source, "venue_of", lambda *_: Venue())
    monkeypatch.setattr(book_comparison, "LAG_S", 0.2)
    monkeypatch.setattr(book_comparison, "CONFIRM_AFTER_S", 0.2)


@asynccontextmanager
async def compared() -> AsyncIterator[tuple[RecordedCallbacks, aiohttp.ClientSession]]:
    server = ExchangeServer([bybit(GeneratedLinear(Clock(), rate=4))], Clock())
    base = f"http://127.0.0.1:{await server.start(0)}"
    compared = CcxtSource("bybit", SYMBOL, ("book",), endpoint=base, compare_books_every_s=0.5)
    received = RecordedCallbacks()
    await compared.prepare()
    running = asyncio.ensure_future(compared.run(received))
    try:
        async with aiohttp.ClientSession(base) as http:
            yield received, http
        assert not running.done()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await compared.close()
        await server.stop()


def test_a_lost_update_of_an_unchecked_book_is_found_and_the_book_comes_back() -> None:
    async def run() -> None:
        async with compared() as (received, http), asyncio.timeout(90):
            while not received.ids("book"):
                await asyncio.sleep(0.02)
            while not received.losses:  # a level that changes again is right again
                async with http.post(
                    "/embedded/faults", json={"fault": "drop", "streams": ["orderbook.50"]}
                ):
                    await asyncio.sleep(0.3)
            (channel, reason), *_ = received.losses
            assert channel == "book"
            assert reason.startswith("the book differs from two REST snapshots: ")
            assert len(received.losses) == 1  # which is the one gap, up to the next book
            assert (received.holes, received.rejections) == ([], [])
            seen = len(received.ids("book"))
            while len(received.ids("book")) < seen + 5:
                await asyncio.sleep(0.02)

    asyncio.run(run())


def test_a_book_without_a_loss_agrees_with_every_page() -> None:
    async def run() -> None:
        async with compared() as (received, _):
            pages = 0
            fetch = book_comparison.BookComparison._compare

            async def counted(comparison: book_comparison.BookComparison) -> None:
                nonlocal pages
                await fetch(comparison)
                pages += 1

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(book_comparison.BookComparison, "_compare", counted)
                async with asyncio.timeout(60):
                    while pages < 6:
                        await asyncio.sleep(0.02)
            assert received.losses == []
            assert received.ids("book")
            assert set(received.comparisons) == {"book"}

    asyncio.run(run())
