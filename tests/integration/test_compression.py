"""The native source on an exchange that compresses its frames (RFC 7692)."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import uvloop
from aiohttp import web
from integration.source_setup import SourceSetup, running, source_setup
from network_setup import serving

TEXT, PING, PONG, CONTINUATION = 1, 9, 10, 0
RSV1, FIN = 0x40, 0x80


def frame(first: int, payload: bytes) -> bytes:
    """Return a server's frame; `first` is its first byte."""
    size = len(payload)
    if size < 126:
        return bytes([first, size]) + payload
    return bytes([first, 126]) + size.to_bytes(2, "big") + payload


class Compressing:
    """A relay that compresses what the embedded exchange sends, as it is told to."""

    def __init__(
        self, port: int, answer: str | None, *, bits: int = 15, forgets: bool = False,
        fragments: bool = False, damaged: bool = False,
    ) -> None:  # fmt: skip
        self._port, self._answer, self._fragments = port, answer, fragments
        self._bits, self._forgets, self._damaged = bits, forgets, damaged
        self.offers: list[str] = []
        self.compressed = 0

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        kept = []
        for line in head.split("\r\n"):
            if line.lower().startswith("sec-websocket-extensions:"):
                self.offers.append(line.partition(": ")[2])
            else:
                kept.append(line)
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        back.write("\r\n".join(kept).encode())
        answer = await there.readuntil(b"\r\n\r\n")
        upgraded = b" 101 " in answer
        if upgraded and self._answer is not None:
            extension = f"\r\nSec-WebSocket-Extensions: {self._answer}\r\n\r\n".encode()
            answer = answer.removesuffix(b"\r\n\r\n") + extension
        writer.write(answer)
        requests = asyncio.ensure_future(self._pass_on(reader, back))
        try:
            if upgraded:
                await self._messages(there, writer)
            else:
                await self._pass_on(there, writer)
        finally:
            requests.cancel()
            back.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()

    async def _messages(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stream = zlib.compressobj(wbits=-self._bits)
        while True:
            first, size = await there.readexactly(2)
            if size == 126:
                size = int.from_bytes(await there.readexactly(2), "big")
            elif size == 127:
                size = int.from_bytes(await there.readexactly(8), "big")
            payload = await there.readexactly(size)
            if first & 0x0F != TEXT:
                writer.write(frame(first, payload))
                continue
            if self._forgets:
                stream = zlib.compressobj(wbits=-self._bits)
            packed = stream.compress(payload) + stream.flush(zlib.Z_SYNC_FLUSH)
            packed = packed.removesuffix(b"\x00\x00\xff\xff")
            self.compressed += 1
            if self._damaged:
                packed = b"\xff" + packed
            if self._fragments:
                cut = len(packed) // 2
                writer.write(frame(RSV1 | TEXT, packed[:cut]))
                writer.write(frame(FIN | PING, b"between"))
                writer.write(frame(FIN | CONTINUATION, packed[cut:]))
            else:
                writer.write(frame(FIN | RSV1 | TEXT, packed))


@asynccontextmanager
async def compressing(
    answer: str | None, **options: Any
) -> AsyncIterator[tuple[SourceSetup, Compressing]]:
    async with source_setup("native") as setup:
        relay = Compressing(setup.port, answer, **options)
        async with serving(relay.take) as port:
            setup.port = port
            yield setup, relay


@pytest.mark.parametrize(
    ("answer", "options"),
    [
        ("permessage-deflate", {}),
        ("permessage-deflate; server_no_context_takeover", {"forgets": True}),
        ("permessage-deflate; client_max_window_bits=9; server_max_window_bits=9", {"bits": 9}),
        ("permessage-deflate; client_no_context_takeover", {"fragments": True}),
    ],
)
def test_every_event_of_a_compressed_connection_arrives(
    answer: str, options: dict[str, Any]
) -> None:
    async def run() -> None:
        async with compressing(answer, **options) as (setup, relay):
            source = setup.source(("quote", "trade", "book"), compression=True)
            async with running(setup, source):
                await setup.until(lambda: len(setup.received.ids("quote")) > 50)
                await setup.until(lambda: setup.received.ids("book"))
                got = setup.received.ids("quote")
            assert relay.offers == ["permessage-deflate; client_max_window_bits"]
            assert relay.compressed > 50
            first = setup.sent.index(got[0])
            assert got == setup.sent[first : first + len(got)]
            assert not setup.received.rejections
            assert not setup.received.losses

    uvloop.run(run())


def test_an_exchange_that_accepts_no_compression_is_read_as_it_is() -> None:
    async def run() -> None:
        async with source_setup("native") as setup:
            async with running(setup, setup.source(("quote",), compression=True)):
                await setup.until(lambda: len(setup.received.ids("quote")) > 5)
            assert not setup.received.losses

    uvloop.run(run())


@pytest.mark.parametrize("compression", [False, True])
def test_compression_that_was_not_negotiated_reconnects_with_that_reason(
    *, compression: bool
) -> None:
    async def run() -> None:
        async with compressing(None) as (setup, relay):
            async with running(setup, setup.source(("quote",), compression=compression)):
                await setup.until(lambda: setup.received.losses)
            assert bool(relay.offers) is compression
            assert "extension that was not negotiated (RSV" in setup.received.losses[0][1]

    uvloop.run(run())


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"answer": "permessage-foo"}, "negotiates what was not offered: permessage-foo"),
        ({"answer": "permessage-deflate", "damaged": True}, "a message can't be decompressed"),
    ],
)
def test_a_venue_that_breaks_the_extension_is_reported(
    options: dict[str, Any], reason: str
) -> None:
    async def run() -> None:
        async with compressing(**options) as (setup, _):
            async with running(setup, setup.source(("quote",), compression=True)):
                await setup.until(lambda: setup.received.losses)
            assert reason in setup.received.losses[0][1]

    uvloop.run(run())


def test_compression_is_not_offered_unless_it_is_configured() -> None:
    async def run() -> None:
        async with compressing(None) as (setup, relay):
            async with running(setup, setup.source(("quote",))):
                await setup.until(lambda: relay.compressed)
            assert relay.offers == []

    uvloop.run(run())


def test_another_implementation_of_a_server_is_understood() -> None:
    """The server of aiohttp negotiates and compresses in its own way."""

    async def run() -> None:
        async with source_setup("native") as setup, aiohttp.ClientSession() as session:
            origin = f"http://127.0.0.1:{setup.port}"
            compressed: list[int] = []

            async def page(request: web.Request) -> web.StreamResponse:
                async with session.get(origin + request.path_qs) as answer:
                    return web.Response(body=await answer.read(), status=answer.status)

            async def messages(request: web.Request) -> web.StreamResponse:
                client = web.WebSocketResponse(compress=True)
                await client.prepare(request)
                compressed.append(int(client.compress))
                async with session.ws_connect(origin + request.path_qs) as there:
                    asking = asyncio.ensure_future(_forward(client, there))
                    await _forward(there, client)
                    asking.cancel()
                return client

            async def either(request: web.Request) -> web.StreamResponse:
                upgrades = "Upgrade" in request.headers
                return await (messages(request) if upgrades else page(request))

            app = web.Application()
            app.router.add_get("/{path:.*}", either)
            runner = web.AppRunner(app, shutdown_timeout=0.1)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            setup.port = runner.addresses[0][1]
            try:
                async with running(setup, setup.source(("quote",), compression=True)):
                    await setup.until(lambda: len(setup.received.ids("quote")) > 20)
            finally:
                await runner.cleanup()
            assert compressed[0] == 15
            assert not setup.received.losses

    uvloop.run(run())


async def _forward(source: Any, sink: Any) -> None:
    async for message in source:
        await sink.send_str(message.data)
