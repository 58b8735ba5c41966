"""Every quote and trade of a real recording is published once, in order, by each source."""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from conftest import real_recording
from integration.source_setup import SOURCES, SourceSetup, running
from venues_tested import RecordingRun, documented

from feedd.clock import Clock
from feedd.config.settings import Config, EmbeddedExchange, SymbolEntry
from feedd.embedded.configured_markets import configured_markets
from feedd.embedded.server import ExchangeServer
from feedd.venues.registry import embedded_path

RECORDINGS = {
    "binancecoinm": ("BTC/USD:BTC", "binancecoinm_btcusd_20240808.gz"),
    "binance": ("BTC/USDT", "binance_btcusdt_20240808.gz"),
    "binanceusdm": ("BTC/USDT:USDT", "binanceusdm_btcusdt_20240808.gz"),
}


def recorded(path: Path) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {"quote": [], "trade": []}
    with gzip.open(path, "rt") as file:
        for row in file:
            message = json.loads(row.partition(" ")[2])
            data = message.get("data", {})
            if message.get("stream", "").endswith("@bookTicker"):
                sides = [float(data[key]) for key in "bBaA"]
                found["quote"].append((data["u"], data.get("E"), *sides))
            elif message.get("stream", "").endswith("@trade"):
                side = "sell" if data["m"] else "buy"
                numbers = float(data["p"]), float(data["q"])
                found["trade"].append((data["t"], data["T"], *numbers, side))
    return found


def begun_ns(path: Path) -> int:
    """Return when a recording begins: each line begins with the time of receipt."""
    with gzip.open(path, "rt") as file:
        return int(next(file).partition(" ")[0])


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("exchange", RECORDINGS)
def test_every_quote_and_trade_is_published_once_and_in_order(kind: str, exchange: str) -> None:
    symbol, name = RECORDINGS[exchange]
    path = real_recording(name)
    feeds = Config(symbols=(SymbolEntry(symbol=symbol, exchange=exchange),)).feeds()
    settings = EmbeddedExchange(recording={symbol: str(path)}, speed=0)
    expected = recorded(path)

    async def run() -> SourceSetup:
        server = ExchangeServer(configured_markets(settings, feeds), Clock())
        port = await server.start(0)
        setup = SourceSetup(kind, server, port)
        endpoint = f"http://127.0.0.1:{port}{embedded_path(exchange, symbol)}"
        source = SOURCES[kind](exchange, symbol, ("quote", "trade", "book"), endpoint=endpoint)
        try:
            async with running(setup, source):
                await setup.until(
                    lambda: all(
                        len(setup.received.ids(channel)) >= len(events)
                        for channel, events in expected.items()
                    ),
                    120,
                )
                await asyncio.sleep(0.1)
        finally:
            await server.stop()
        return setup

    channels = {symbol: ("quote", "trade")}
    tested = RecordingRun(exchange, kind, name.removesuffix(".gz"), begun_ns(path), channels)
    with documented(tested, "events"):
        told = asyncio.run(run()).received
        quotes = [tick for tick in told.ticks if tick.channel == "quote"]
        trades = [tick for tick in told.ticks if tick.channel == "trade"]
        assert [
            (q.id, q.timestamp, q.bid, q.bid_size, q.ask, q.ask_size)  # type: ignore[union-attr]
            for q in quotes
        ] == expected["quote"]
        assert [
            (t.id, t.timestamp, t.price, t.size, t.side)  # type: ignore[union-attr]
            for t in trades
        ] == expected["trade"]
        assert told.ids("book")
        assert (told.losses, told.rejections) == ([], [])
        # At full speed, a requested snapshot may be older than the levels that it has to have.
        assert {channel for channel, *_ in (*told.holes, *told.resyncs)} <= {"book"}
