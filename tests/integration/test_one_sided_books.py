"""Markets without bids, asks or both, played by the embedded exchange, through both sources."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from integration.source_setup import SourceSetup, running

from feedd.clock import Clock
from feedd.embedded.binance.recorded import RecordedMarket, load_tapes
from feedd.embedded.binance.served import usdm
from feedd.embedded.server import ExchangeServer
from feedd.feed.ticker import TickerMaker
from feedd.model import Book, Ticker

START_NS = 1_723_161_255_000_000_000
BIDS, ASKS = [["99.00", "1.000"], ["98.00", "2.000"]], [["101.00", "1.000"]]


def written(path: Path, bids: list[Any], asks: list[Any]) -> Path:
    """Write a minute of updates every 100 ms, with one snapshot, of a market with these levels."""
    lines = []
    for number in range(600):
        now_ns, u = START_NS + number * 100_000_000, 1000 + 10 * number
        size = f"{1 + number % 7}.000"
        update = {"e": "depthUpdate", "E": now_ns // 10**6, "T": now_ns // 10**6, "s": "BTCUSDT",
                  "U": u - 9, "u": u, "pu": u - 10, "b": [[row[0], size] for row in bids[:1]],
                  "a": [[row[0], size] for row in asks[:1]]}  # fmt: skip
        trade = {"e": "trade", "E": now_ns // 10**6, "T": now_ns // 10**6, "s": "BTCUSDT",
                 "t": number, "p": "100.00", "q": "1.000", "X": "MARKET", "m": False}  # fmt: skip
        for stream, data in (("depth@100ms", update), ("trade", trade)):
            text = json.dumps({"stream": f"btcusdt@{stream}", "data": data}, separators=(",", ":"))
            lines.append(f"{now_ns} {text}\n")
        if not number:
            snapshot = {"lastUpdateId": u, "E": 1, "T": 1, "bids": bids, "asks": asks}
            lines.append(f"{now_ns} {json.dumps(snapshot, separators=(',', ':'))}\n")
    path.write_text("".join(lines))
    return path


@pytest.mark.parametrize("kind", ["ccxt", "native"])
@pytest.mark.parametrize(("bids", "asks"), [([], ASKS), (BIDS, []), ([], [])])
def test_a_book_that_begins_with_an_empty_side_is_published_with_it(
    tmp_path: Path, kind: str, bids: list[Any], asks: list[Any]
) -> None:
    path = written(tmp_path / "raw.txt", bids, asks)

    async def run() -> None:
        market = RecordedMarket(load_tapes(path), Clock(), speed=1.0, rebase=False)
        server = ExchangeServer([usdm(market)], Clock())
        setup = SourceSetup(kind, server, await server.start(0))
        try:
            async with running(setup, setup.source(("trade", "book"))):
                await setup.until(lambda: len(setup.received.ids("book")) > 5)
        finally:
            await server.stop()
        received = setup.received
        assert (received.resyncs, received.losses, received.holes) == ([], [], [])
        for book in (tick for tick in received.ticks if isinstance(tick, Book)):
            assert [price for price, _ in book.bids] == [float(row[0]) for row in bids]
            assert [price for price, _ in book.asks] == [float(row[0]) for row in asks]

    asyncio.run(run())


@pytest.mark.parametrize(("bids", "asks"), [([], [(101.0, 1.0)]), ([(99.0, 1.0)], []), ([], [])])
def test_a_ticker_from_a_book_with_an_empty_side_has_no_price_there(
    bids: list[tuple[float, float]], asks: list[tuple[float, float]]
) -> None:
    maker = TickerMaker("book", 30 * 10**9)
    summary = Ticker("A/B", 1, None, None, None, 5.0, 1.0, 6.0, 4.0, 0.0, None, "none", "x", 1)
    maker.on_summary(summary)
    maker.on_book(Book("A/B", 1, bids, asks, "x", 2))
    ticker = maker.on_summary(summary)
    assert ticker.bid == (bids[0][0] if bids else None)
    assert ticker.ask == (asks[0][0] if asks else None)
    assert ticker.spread is None
