"""A source of either kind against the embedded exchange."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from recorded_callbacks import RecordedCallbacks

from feedd.clock import Clock
from feedd.embedded.binance.served import spot, usdm
from feedd.embedded.bybit.served import bybit
from feedd.embedded.client_connection import ClientConnection
from feedd.embedded.generated import GeneratedLinear, GeneratedMarket, GeneratedSpot
from feedd.embedded.market import MarketMessage
from feedd.embedded.server import ExchangeServer
from feedd.embedded.truth import TruthLog
from feedd.sources.ccxt.source import CcxtSource
from feedd.sources.native.source import NativeSource
from feedd.venues.binance.streams import parse

SOURCES = {"ccxt": CcxtSource, "native": NativeSource}
CHANNELS = ("ticker", "quote", "trade")


class SourceSetup:
    """An embedded exchange and a record of the callbacks of the sources on it, on one loop."""

    def __init__(self, kind: str, server: ExchangeServer, port: int) -> None:
        self.kind = kind
        self.server = server
        self.port = port
        self.received = RecordedCallbacks()
        self.sent: list[int] = []

    def send(self, messages: Sequence[MarketMessage]) -> None:
        self.sent += [message.id for message in messages if message.id is not None]

    def backlog(self) -> int:
        return 0

    def abort(self) -> None:
        pass

    def source(
        self, channels: tuple[str, ...] = CHANNELS, symbol: str = "BTC/USDT:USDT", **options: Any
    ) -> Any:
        return SOURCES[self.kind](
            "binanceusdm", symbol, channels, endpoint=f"http://127.0.0.1:{self.port}", **options
        )

    def client(self, stream: str) -> ClientConnection:
        """Return the connection that carries a stream."""
        return next(
            client
            for client in self.server._open
            if any(stream in one.name for one in client.connection.streams())
        )

    def knows(self, stream: str) -> bool:
        return any(
            stream in one.name
            for client in self.server._open
            for one in client.connection.streams()
        )

    async def until(self, condition: Any, timeout_s: float = 45.0) -> None:
        deadline = asyncio.get_running_loop().time() + timeout_s
        while not condition():
            assert asyncio.get_running_loop().time() < deadline, "not in time"
            await asyncio.sleep(0.02)


@asynccontextmanager
async def source_setup(
    kind: str, rate: float = 50.0, truth: TruthLog | None = None
) -> AsyncIterator[SourceSetup]:
    market = GeneratedMarket(Clock(), rate=rate)
    spot_market, linear_market = (
        GeneratedSpot(Clock(), rate=rate),
        GeneratedLinear(Clock(), rate=rate),
    )
    server = ExchangeServer([usdm(market), spot(spot_market), bybit(linear_market)], Clock(), truth)
    port = await server.start(0)
    setup = SourceSetup(kind, server, port)
    # A listener that is never disconnected: its ids are every quote that the exchange made.
    stream = parse("btcusdt@bookTicker")
    assert stream is not None
    market.subscribe(stream, setup)
    try:
        yield setup
    finally:
        await setup.server.stop()  # a test may have replaced it


@asynccontextmanager
async def running(setup: SourceSetup, source: Any) -> AsyncIterator[None]:
    await source.prepare()
    task = asyncio.create_task(source.run(setup.received))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await source.close()


@contextmanager
def heartbeat() -> Iterator[Callable[[], int]]:
    """Count a thread's wake-ups, 50 a second: a busy machine delays them, a frozen loop doesn't."""
    stop, beats = threading.Event(), 0

    def beat() -> None:
        nonlocal beats
        while not stop.wait(0.02):
            beats += 1

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        yield lambda: beats
    finally:
        stop.set()
        thread.join()


def trade_frame(trade_id: int, price: str = "1.0") -> str:
    return json.dumps({"e": "trade", "E": 5, "T": 5, "s": "BTCUSDT", "t": trade_id, "p": price,
                       "q": "1", "X": "MARKET", "m": False})  # fmt: skip


def quotes(first: int, count: int) -> list[MarketMessage]:
    return [
        MarketMessage("btcusdt@bookTicker", u, json.dumps(
            {"e": "bookTicker", "u": u, "s": "BTCUSDT", "b": "1.0", "B": "2", "a": "3.0",
             "A": "4", "T": 5, "E": 6}))
        for u in range(first, first + count)
    ]  # fmt: skip


def account(setup: SourceSetup, exchange: str = "usdm") -> dict[str, Any]:
    return setup.server._accounts.of("127.0.0.1", exchange).as_json(time.time())


def asked(setup: SourceSetup, page: str = "exchangeInfo") -> int:
    return account(setup)["requests"].get(page, 0)


async def prepared(
    setup: SourceSetup, run_dir: Path, symbol: str = "BTC/USDT:USDT", **options: Any
) -> Any:
    source = setup.source(("quote",), symbol, run_dir=run_dir, **options)
    try:
        await source.prepare()
    finally:
        await source.close()
    return source
