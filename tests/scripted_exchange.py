"""A WebSocket server that answers as a test says, for exchanges that feedd has no folder for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from feedd.sources.ccxt.source import CcxtSource
from tests.recorded_callbacks import RecordedCallbacks

Script = Callable[["Line", Any], Any]


class Line:
    """One connection of the server, with the requests that came on it."""

    def __init__(self, socket: web.WebSocketResponse, number: int) -> None:
        self._socket = socket
        self.number = number  # of the connections in their order
        self.requests: list[Any] = []

    async def send(self, *messages: Any) -> None:
        """Send messages, each as the JSON text of a frame."""
        for message in messages:
            text = message if isinstance(message, str) else msgspec.json.encode(message).decode()
            await self._socket.send_str(text)

    async def close(self) -> None:
        """Close the connection."""
        await self._socket.close()


class ScriptedExchange:
    """Invokes `script` with the connection and each request, parsed from JSON where it is JSON."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.lines: list[Line] = []
        self.port = 0

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        line = Line(socket, len(self.lines))
        self.lines.append(line)
        async for frame in socket:
            if frame.type is WSMsgType.TEXT:
                try:
                    message = msgspec.json.decode(frame.data)
                except msgspec.DecodeError:
                    message = frame.data
                line.requests.append(message)
                await self._script(line, message)
        return socket

    @asynccontextmanager
    async def running(self) -> AsyncIterator[ScriptedExchange]:
        """Serve on a free port."""
        app = web.Application()
        app.router.add_get("/{path:.*}", self._serve)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = runner.addresses[0][1]
        try:
            yield self
        finally:
            await runner.cleanup()


def market(symbol: str, market_id: str) -> dict[str, Any]:
    """Return ccxt's entry of a spot market."""
    base, _, quote = symbol.partition("/")
    return {
        "id": market_id, "symbol": symbol, "base": base, "quote": quote, "baseId": base,
        "quoteId": quote, "type": "spot", "spot": True, "active": True, "contract": False,
        "swap": False, "future": False, "option": False,
        "precision": {"price": 1e-8, "amount": 1e-8},
        "limits": {}, "info": {},
    }  # fmt: skip


@asynccontextmanager
async def feed(
    exchange: str,
    channels: tuple[str, ...],
    script: Script,
    *,
    symbol: str = "BTC/USDT",
    market_id: str = "BTC_USDT",
) -> AsyncIterator[tuple[RecordedCallbacks, ScriptedExchange, CcxtSource]]:
    """Run a source of an exchange whose market is known without a request."""
    async with ScriptedExchange(script).running() as server:
        source = CcxtSource(exchange, symbol, channels, endpoint=f"http://127.0.0.1:{server.port}")
        source._exchange.set_markets([market(symbol, market_id)])
        received = RecordedCallbacks()
        task = asyncio.create_task(source.run(received))
        try:
            yield received, server, source
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await source.close()


async def until(condition: Callable[[], Any], within_s: float = 5.0) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.01)
