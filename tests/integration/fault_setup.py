"""An embedded exchange and a plain client with only the protocol written here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from feedd.clock import Clock
from feedd.embedded.binance.served import spot, usdm
from feedd.embedded.bybit.served import bybit
from feedd.embedded.generated import GeneratedLinear, GeneratedMarket, GeneratedSpot
from feedd.embedded.market import Market
from feedd.embedded.server import ExchangeServer
from feedd.embedded.truth import MARKS, TruthLog

WITHIN_S = 45
TEXT, CLOSE = aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.CLOSE
QUOTES, TRADES, DEPTH = "btcusdt@bookTicker", "btcusdt@trade", "btcusdt@depth@100ms"


class Place:
    """An exchange and a plain client with only the protocol written here."""

    def __init__(self, server: ExchangeServer, http: aiohttp.ClientSession, truth: Path) -> None:
        self.server = server
        self.http = http
        self._truth = truth

    async def fault(self, fault: str, **settings: Any) -> int:
        async with self.http.post("/embedded/faults", json={"fault": fault, **settings}) as answer:
            assert answer.status == 200, await answer.text()
            return int((await answer.json())["id"])

    async def delete(self, id_: int | None = None) -> None:
        path = "/embedded/faults" if id_ is None else f"/embedded/faults/{id_}"
        async with self.http.delete(path) as answer:
            assert answer.status == 200

    async def told(self) -> dict[str, Any]:
        async with self.http.get("/embedded/faults") as answer:
            return await answer.json()  # type: ignore[no-any-return]

    @asynccontextmanager
    async def reading(self, *streams: str, ack: bool = True) -> AsyncIterator[Reader]:
        path = "/v5/public/linear" if "." in streams[0] else "/public/ws/0"
        options: Any = {"autoping": False, "autoclose": False, "max_msg_size": 0}
        async with self.http.ws_connect(path, **options) as socket:
            reader = Reader(socket)
            await reader.subscribe(*streams)
            if ack:
                await reader.until(lambda said: "id" in said or said.get("success"))
            yield reader

    def truth(self) -> list[dict[str, Any]]:
        assert self.server._truth is not None
        self.server._truth.flush()
        return [json.loads(line) for line in self._truth.read_text().splitlines()]

    def swallowed(self, name: str) -> list[int]:
        return [line["id"] for line in self.truth() if line.get("swallowed") == name]

    def marks(self, *kinds: str) -> list[dict[str, Any]]:
        self.truth()
        lines = self._truth.with_name(self._truth.name + MARKS).read_text().splitlines()
        return [mark for line in lines if (mark := json.loads(line))["mark"] in kinds]

    def unsent(self, stream: str) -> list[int]:
        return [
            line["id"]
            for line in self.truth()
            if line.get("stream") == stream and line["connection"] is None
        ]

    async def page(self, path: str) -> tuple[int, str, Any]:
        async with self.http.get(path, timeout=aiohttp.ClientTimeout(WITHIN_S)) as answer:
            return answer.status, await answer.text(), answer.headers


class Reader:
    """One connection's frames."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def subscribe(self, *streams: str) -> None:
        method = {"op": "subscribe", "req_id": "1", "args": streams}
        if "@" in streams[0]:
            method = {"method": "SUBSCRIBE", "params": streams, "id": 1}
        await self.socket.send_json(method)

    async def frame(self) -> aiohttp.WSMessage:
        return await asyncio.wait_for(self.socket.receive(), WITHIN_S)

    async def json(self) -> Any:
        message = await self.frame()
        assert message.type == TEXT, message
        return json.loads(message.data)

    async def until(self, condition: Callable[[Any], Any]) -> Any:
        async with asyncio.timeout(WITHIN_S):
            while True:
                said = await self.json()
                if condition(said):
                    return said

    async def until_not_text(self) -> aiohttp.WSMessage:
        while (message := await self.frame()).type == TEXT:
            pass
        return message

    async def until_text(self, text: str) -> None:
        while (await self.frame()).data != text:
            pass

    async def events(self, count: int) -> list[Any]:
        return [await self.json() for _ in range(count)]

    async def silent(self, seconds: float = 0.4) -> bool:
        """Whether no more frames arrive, after reading those sent before."""
        with suppress(TimeoutError):
            while True:
                await asyncio.wait_for(self.socket.receive(), 0.15)
        try:
            await asyncio.wait_for(self.socket.receive(), seconds)
        except TimeoutError:
            return True
        return False

    async def ponged(self, within_s: float = WITHIN_S) -> bool:
        await self.socket.ping(b"?")
        try:
            async with asyncio.timeout(within_s):
                while (await self.socket.receive()).type != aiohttp.WSMsgType.PONG:
                    pass
        except TimeoutError:
            return False
        return True


async def eventually(condition: Callable[[], Any]) -> Any:
    async with asyncio.timeout(WITHIN_S):
        while not (value := condition()):
            await asyncio.sleep(0.02)
    return value


@asynccontextmanager
async def place(
    truth: Path, market: Market | None = None, scale: float = 1.0, **options: Any
) -> AsyncIterator[Place]:
    server = ExchangeServer(
        [
            usdm(market or GeneratedMarket(Clock(), rate=100)),
            spot(GeneratedSpot(Clock(), rate=100)),
            bybit(GeneratedLinear(Clock(), rate=100)),
        ],
        Clock(scale),
        TruthLog(truth),
        **options,
    )
    port = await server.start(0)
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
            http._retry_connection = False
            yield Place(server, http, truth)
    finally:
        await server.stop()
