"""`/stream` over real sockets: refusals, limits and the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import ClientSession, WSMsgType, WSServerHandshakeError, web
from aiohttp.test_utils import TestClient, TestServer
from stream_samples import BTC_QUOTES, FilledHub, quote

from feedd.gateway.parts import PARTS
from feedd.gateway.responses import errors_as_json
from feedd.gateway.security import only_from_here
from feedd.gateway.stream import handlers


@asynccontextmanager
async def served(filled: FilledHub) -> AsyncIterator[TestClient]:
    app = web.Application(middlewares=[errors_as_json, only_from_here])
    parts: Any = SimpleNamespace(stream=filled.hub)
    app[PARTS] = parts
    app.add_routes(handlers.ROUTES)
    handlers.set_up(app)
    async with TestClient(TestServer(app)) as client:
        yield client


async def ended(websocket: Any) -> tuple[int | None, str | None]:
    """Read to the end; return the close's code and reason."""
    while (frame := await websocket.receive()).type is WSMsgType.TEXT:
        pass
    return frame.data, frame.extra


@pytest.mark.parametrize(
    ("query", "headers", "status", "words"),
    [
        ("?conflate_ms=no", {}, 400, "0 (every message) to 60000"),
        ("?topic=BTC", {}, 400, "a topic is <channel>.<exchange>.<symbol>."),
        ("", {"Origin": "http://evil.example"}, 403, "a program, which sends no Origin"),
        ("", {"Upgrade": "websocket"}, 400, "use a WebSocket client"),
    ],
)
def test_a_request_is_refused_with_the_remedy(
    query: str, headers: dict[str, str], status: int, words: str
) -> None:
    async def scenario() -> None:
        async with served(FilledHub()) as client:
            response = await client.get(f"/stream{query}", headers=headers)
            answer = await response.json()
            assert (response.status, set(answer)) == (status, {"error", "remedy"})
            assert words in answer["remedy"]

    asyncio.run(scenario())


def test_a_websocket_of_a_foreign_page_is_refused_before_the_upgrade() -> None:
    async def scenario() -> None:
        async with served(FilledHub()) as client:
            with pytest.raises(WSServerHandshakeError) as raised:
                await client.ws_connect("/stream", headers={"Origin": "http://evil.example"})
            assert raised.value.status == 403

    asyncio.run(scenario())


def test_a_client_too_many_is_refused_and_a_place_is_free_again_when_one_leaves() -> None:
    async def scenario() -> None:
        filled = FilledHub(max_clients=1)
        async with served(filled) as client:
            websocket = await client.ws_connect("/stream")
            response = await client.get("/stream")
            assert response.status == 503
            assert (await response.json())["error"] == "1 client reads /stream, which is the most"
            await websocket.close()
            while filled.hub.clients:
                await asyncio.sleep(0.01)
            assert (await client.get("/stream")).status == 200

    asyncio.run(scenario())


def test_server_sent_events_are_not_kept_or_held_back() -> None:
    async def scenario() -> None:
        filled = FilledHub()
        filled.take(quote(1))
        async with served(filled) as client:
            response = await client.get(f"/stream?topic={BTC_QUOTES}")
            assert response.headers["Content-Type"] == "text/event-stream"
            assert response.headers["Cache-Control"] == "no-store"
            lines = [await response.content.readline() for _ in range(6)]
            assert lines[0] == b"retry: 2000\n"
            assert lines[2].startswith(b'data: {"type":"quote"')
            assert lines[4] == b'data: {"type":"ready","snapshot":1}\n'
            filled.take(quote(2))
            assert b'"seq":2' in await response.content.readline()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("sent", "code", "reason"),
    [
        ("hello", 1008, "clients send nothing: the address of /stream names the topics"),
        ("x" * (handlers.MAX_RECEIVED + 1), 1009, ""),
    ],
)
def test_a_client_that_sends_is_disconnected_with_the_reason(
    sent: str, code: int, reason: str
) -> None:
    async def scenario() -> None:
        filled = FilledHub()
        async with served(filled) as client:
            websocket = await client.ws_connect("/stream")
            await websocket.send_str(sent)
            assert await ended(websocket) == (code, reason)
            while filled.hub.clients:
                await asyncio.sleep(0.01)

    asyncio.run(scenario())


def test_the_stop_of_the_server_ends_all_streams_also_one_that_is_not_read() -> None:
    async def scenario() -> None:
        filled = FilledHub()
        async with served(filled) as client, ClientSession() as session:
            websocket = await client.ws_connect("/stream")
            address = client.make_url("/stream")
            events = await session.get(address)
            reader, writer = await asyncio.open_connection("127.0.0.1", address.port, limit=1)
            writer.write(b"GET /stream HTTP/1.0\r\n\r\n")
            while len(filled.hub.clients) < 3:
                await asyncio.sleep(0.01)
            for seq in range(1, 20_000):
                filled.take(quote(seq))
                if seq % 500 == 0:
                    await asyncio.sleep(0.001)
            ends = asyncio.create_task(ended(websocket))
            began_s = time.monotonic()
            await client.server.close()
            assert time.monotonic() - began_s < 2.0
            assert await ends == (1001, "the gateway stops")
            assert b'"type":"ready"' in await events.content.read()
            writer.close()
            assert not filled.hub.clients
            assert reader is not None

    asyncio.run(scenario())
