"""`/stream` over WebSocket and as server-sent events: the thin shell around the hub."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from feedd.gateway.parts import PARTS
from feedd.gateway.responses import ApiError
from feedd.gateway.stream.hub import TooManyClientsError
from feedd.gateway.stream.sending import BATCH_EVERY_S, STALLED_S, ClientStalledError, send_all
from feedd.gateway.stream.stream_query import stream_query

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from feedd.gateway.stream.hub import Client, StreamHub
    from feedd.gateway.stream.stream_query import StreamQuery

CLOSE_WITHIN_S = 0.3  # for a client's answer to a close
MAX_RECEIVED = 1024  # bytes of a message that a client sends
SEND_BUFFER = 256 << 10  # bytes in the kernel: what waits there is old before it is read
RETRY_MS = 2000  # after which a browser connects again
STOPS = b"the gateway stops"
SENDS_NOTHING = b"clients send nothing: the address of /stream names the topics"

ROUTES = web.RouteTableDef()
_tasks: web.AppKey[set[asyncio.Task[Any]]] = web.AppKey("stream_tasks", set)
_log = structlog.get_logger()


def set_up(app: web.Application) -> None:
    """Close the streams when the server stops; it would wait for them."""
    app[_tasks] = set()
    app.on_shutdown.append(_stop_streams)


async def _stop_streams(app: web.Application) -> None:
    tasks = app[_tasks]
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=CLOSE_WITHIN_S)


@ROUTES.get("/stream", allow_head=False)
async def stream(request: web.Request) -> web.StreamResponse:
    """Send ticks, statuses and notices until the client leaves."""
    query = stream_query(request.query.items())
    _bound_send_buffer(request)
    if request.headers.get("Upgrade", "").lower() == "websocket":
        return await _websocket(request, query)
    return await _server_sent_events(request, query)


async def _websocket(request: web.Request, query: StreamQuery) -> web.StreamResponse:
    response = web.WebSocketResponse(
        timeout=CLOSE_WITHIN_S, compress=False, max_msg_size=MAX_RECEIVED
    )
    if not response.can_prepare(request):
        raise ApiError(400, "this is no WebSocket handshake", "use a WebSocket client, or curl -N")
    hub = request.app[PARTS].stream
    client, woken = _join(hub, query)

    async def send(texts: list[bytes]) -> None:
        if client.conflates:
            await response.send_frame(b"[%b]" % b",".join(texts), WSMsgType.TEXT)
            return
        for text in texts:
            await response.send_frame(text, WSMsgType.TEXT)

    try:
        await response.prepare(request)
        sending = _start(request, client, woken, send, query)
        receiving = asyncio.create_task(response.receive())
        try:
            await asyncio.wait((sending, receiving), return_when=asyncio.FIRST_COMPLETED)
            code, why = WSCloseCode.GOING_AWAY, STOPS
            if receiving.done() and receiving.result().type in (WSMsgType.TEXT, WSMsgType.BINARY):
                code, why = WSCloseCode.POLICY_VIOLATION, SENDS_NOTHING
            sending.cancel()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_WITHIN_S):
                    await response.close(code=code, message=why)
        finally:
            sending.cancel()
            receiving.cancel()
            await asyncio.gather(sending, receiving, return_exceptions=True)
    finally:
        hub.leave(client)
    return response


async def _server_sent_events(request: web.Request, query: StreamQuery) -> web.StreamResponse:
    hub = request.app[PARTS].stream
    client, woken = _join(hub, query)
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/event-stream",
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",  # of nginx, which would hold events back
        }
    )

    async def send(texts: list[bytes]) -> None:
        await response.write(b"data: %b\n\n" % b"\n\ndata: ".join(texts))

    try:
        await response.prepare(request)
        await response.write(b"retry: %d\n\n" % RETRY_MS)
        sending = _start(request, client, woken, send, query)
        try:
            await asyncio.wait((sending,))
        finally:
            sending.cancel()
    except ConnectionError:
        pass
    finally:
        hub.leave(client)
    return response


def _join(hub: StreamHub, query: StreamQuery) -> tuple[Client, asyncio.Event]:
    woken = asyncio.Event()
    woken.set()
    try:
        return hub.join(query, woken.set), woken
    except TooManyClientsError:
        count = len(hub.clients)
        read = f"{count} clients read" if count > 1 else "1 client reads"
        raise ApiError(
            503, f"{read} /stream, which is the most",
            "close some; one connection can have several topics",
        ) from None  # fmt: skip


def _start(
    request: web.Request,
    client: Client,
    woken: asyncio.Event,
    send: Callable[[list[bytes]], Awaitable[None]],
    query: StreamQuery,
) -> asyncio.Task[None]:
    sending = asyncio.create_task(_send(request, client, woken, send, query))
    request.app[_tasks].add(sending)
    sending.add_done_callback(request.app[_tasks].discard)
    return sending


async def _send(
    request: web.Request,
    client: Client,
    woken: asyncio.Event,
    send: Callable[[list[bytes]], Awaitable[None]],
    query: StreamQuery,
) -> None:
    try:
        await send_all(client, woken, send, max(query.conflate_s, BATCH_EVERY_S))
    except ClientStalledError:
        _log.warning("disconnected a client of /stream: it read nothing", seconds=STALLED_S)
        if request.transport is not None:
            request.transport.abort()
    except ConnectionError:
        pass  # the client has left


def _bound_send_buffer(request: web.Request) -> None:
    transport = request.transport
    connection = None if transport is None else transport.get_extra_info("socket")
    if connection is not None:
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
