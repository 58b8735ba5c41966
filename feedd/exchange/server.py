"""The shell of sockets around the protocol: REST and WebSocket on one port, on aiohttp."""

from __future__ import annotations

import asyncio
import errno
import json
import socket
import struct
import uuid
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import WSMsgType, web

from feedd.clock import NS_PER_MS, NS_PER_S
from feedd.errors import ConfigError, EndpointInUseError
from feedd.exchange.account import Accounts
from feedd.exchange.binance import protocol as binance
from feedd.exchange.binance import weights
from feedd.exchange.binance.rest import Rest
from feedd.exchange.bybit import protocol as bybit
from feedd.exchange.bybit.rest import Rest as BybitRest
from feedd.exchange.connection import Reaction
from feedd.exchange.limits import Connects
from feedd.exchange.rest import Request
from feedd.exchange.streams import SPOT, USDM
from feedd.patience import bind_patiently

if TYPE_CHECKING:
    from collections.abc import Sequence

    from feedd.clock import Clock
    from feedd.exchange.bybit.generated import BybitMarket
    from feedd.exchange.connection import Connection
    from feedd.exchange.market import Market, Message, Streams
    from feedd.exchange.truth import TruthLog

BACKLOG_LIMIT_BYTES = 64 * 1024 * 1024  # a reader this far behind is cut off
LOOK_EVERY_S = 1.0  # of the exchange's clock
# WebSocket connections of an address in 5 minutes; USD-M's pages don't say, and spot's do.
CONNECTS = {"usdm": 300, "spot": 300, "bybit": 500}
_log = structlog.get_logger()


class ExchangeServer:
    """Shows markets to clients as their exchanges would. Time for its limits is the clock's.

    Binance USD-M is always there; `spot` is Binance's below `/spot`, whose own paths would be
    USD-M's too, and `linear` is Bybit's below `/v5`. Without one, its paths are not found.
    """

    def __init__(
        self,
        market: Market,
        clock: Clock,
        truth: TruthLog | None = None,
        *,
        spot: Market | None = None,
        linear: BybitMarket | None = None,
    ) -> None:
        self._market = market
        self._spot = spot
        self._linear = linear
        self._clock = clock
        self._truth = truth
        self._rest = Rest(market, clock)
        self._spot_rest = None if spot is None else Rest(spot, clock, weights.SPOT)
        self._linear_rest = None if linear is None else BybitRest(linear, clock)
        self._connects = {exchange: Connects(limit) for exchange, limit in CONNECTS.items()}
        self._accounts = Accounts()
        self._connections = 0
        self._open: set[_Client] = set()
        self._runner: web.AppRunner | None = None
        self._flusher: asyncio.Task[None] | None = None

    async def start(self, port: int, host: str = "127.0.0.1") -> int:
        """Listen, and return the port (of its own choice for 0); raise EndpointInUseError."""
        app = web.Application()
        app.router.add_get("/embedded/account", self._account)
        app.router.add_get("/ws", self._websocket)
        app.router.add_get("/stream", self._websocket)
        app.router.add_get("/{root:(ws|stream|public|market|private)}/{rest:.*}", self._websocket)
        app.router.add_get("/fapi/{version:v[123]}/{page:.*}", self._page)
        app.router.add_post("/fapi/{version:v[123]}/{page:.*}", self._post)
        app.router.add_get("/sapi/v1/{page:.*}", self._page)
        app.router.add_get("/spot/{root:(ws|stream)}{rest:.*}", self._websocket)
        app.router.add_get("/spot/{root:(api/v3|sapi/v1)}/{page:.*}", self._page)
        app.router.add_get("/v5/{root:(public|private)}/{rest:.*}", self._websocket)
        app.router.add_get("/v5/{page:.*}", self._page)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await self._runner.setup()
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            await bind_patiently(lambda: _bind(listener, host, port))
        except BaseException:
            listener.close()
            await self._runner.cleanup()
            raise
        await web.SockSite(self._runner, listener).start()
        self._flusher = asyncio.get_running_loop().create_task(self._flush_truth())
        return int(listener.getsockname()[1])

    async def stop(self) -> None:
        """Close every connection, the market and the truth log."""
        if self._flusher is not None:
            self._flusher.cancel()
        for client in list(self._open):
            client.abort()
        for market in (self._market, self._spot, self._linear):
            if market is not None:
                await market.close()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._truth is not None:
            self._truth.close()

    async def _flush_truth(self) -> None:
        while self._truth is not None:
            await asyncio.sleep(0.2)
            self._truth.flush()

    # --- REST -------------------------------------------------------------------------------

    async def _page(self, request: web.Request) -> web.Response:
        rest: Rest | BybitRest | None = self._rest
        if request.path.startswith("/spot/"):
            rest = self._spot_rest
        elif request.path.startswith("/v5/"):
            rest = self._linear_rest
        if rest is None:
            raise web.HTTPNotFound
        page = rest.answer(
            Request(
                request.match_info["page"],
                dict(request.query),
                request.rel_url.raw_query_string,
                request.headers,
                request.remote or "",
            )
        )
        used = page.headers.get("X-MBX-USED-WEIGHT-1M")
        self._accounts.of(request.remote or "", _exchange(request.path)).request(
            request.match_info["page"],
            page.status,
            None if used is None else int(used),
            self._clock.now_ns() / NS_PER_S,
        )
        return web.json_response(page.body, status=page.status, headers=page.headers, dumps=_dumps)

    async def _account(self, _request: web.Request) -> web.Response:
        told = self._accounts.told(self._clock.now_ns() / NS_PER_S)
        return web.json_response(told, dumps=_dumps)

    async def _post(self, request: web.Request) -> web.Response:
        if request.match_info["page"] == "listenKey":
            return web.json_response({"listenKey": "embedded"})
        return web.json_response({"code": -5000, "msg": "Method POST is invalid"}, status=404)

    # --- WebSocket ----------------------------------------------------------------------------

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        opened = self._opened(request)
        if opened is None:
            raise web.HTTPNotFound
        market, connection, reaction = opened
        address, exchange = request.remote or "", _exchange(request.path)
        retry_after_s = self._connects[exchange].take(address, self._now_s())
        status = 429 if retry_after_s else 101
        self._accounts.of(address, exchange).handshake(status, self._now_s())
        if retry_after_s:
            return web.Response(status=status, headers={"Retry-After": str(retry_after_s)})
        response = web.WebSocketResponse(autoping=False, compress=False, heartbeat=None)
        await response.prepare(request)
        self._connections += 1
        client = _Client(self._connections, response, request, market, connection, self._truth)
        self._open.add(client)
        keeper = asyncio.get_running_loop().create_task(self._keep(client))
        try:
            await self._react(client, reaction)
            await self._listen(client)
        finally:
            keeper.cancel()
            self._open.discard(client)
            for stream in connection.streams():
                market.unsubscribe(stream, client)
        return response

    def _opened(self, request: web.Request) -> tuple[Streams, Connection, Reaction] | None:
        """Return whose connection an address opens, and what it subscribes to."""
        now_s = self._now_s()
        if request.path.startswith("/v5/"):
            if self._linear is None or request.path != bybit.PATH:
                return None
            conn_id = str(uuid.uuid4())
            return self._linear, bybit.Connection(conn_id, self._linear.check, now_s), Reaction()
        market: Market | None = self._market
        path, speeds = request.path, USDM
        if path.startswith("/spot/"):
            market, path, speeds = self._spot, path.removeprefix("/spot"), SPOT
        if market is None:
            return None
        opened = binance.connect(path, request.query, market.check, now_s, speeds)
        return None if opened is None else (market, *opened)

    async def _listen(self, client: _Client) -> None:
        connection = client.connection
        while not client.response.closed:
            message = await client.response.receive()
            if message.type == WSMsgType.TEXT:
                await self._react(client, connection.on_text(message.data, self._now_s()))
            elif message.type == WSMsgType.PING:
                reaction = connection.on_ping(self._now_s())
                if reaction.close is None:
                    await client.response.pong(message.data)
                await self._react(client, reaction)
            elif message.type == WSMsgType.PONG:
                await self._react(client, connection.on_pong(self._now_s()))
            elif message.type in {WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.ERROR}:
                return

    async def _keep(self, client: _Client) -> None:
        while True:
            await self._clock.sleep(LOOK_EVERY_S)
            await self._react(client, client.connection.on_time(self._now_s()))

    async def _react(self, client: _Client, reaction: Reaction) -> None:
        if reaction.reply is not None:
            client.write([reaction.reply])
        for stream in reaction.subscribe:
            client.market.subscribe(stream, client)
        for stream in reaction.unsubscribe:
            client.market.unsubscribe(stream, client)
        if reaction.ping:
            await client.response.ping(str(self._clock.now_ns() // NS_PER_MS).encode())
        if reaction.close is not None:
            code, text = reaction.close
            _log.info("closing a connection", connection=client.number, code=code, reason=text)
            await client.response.close(code=code, message=text.encode())

    def _now_s(self) -> float:
        return self._clock.monotonic_s()


class _Client:
    """The outlet of one connection. Faults, when they come, stand between it and the socket."""

    def __init__(
        self,
        number: int,
        response: web.WebSocketResponse,
        request: web.Request,
        market: Streams,
        connection: Connection,
        truth: TruthLog | None,
    ) -> None:
        self.number = number
        self.response = response
        self.market = market
        self.connection = connection
        self._request = request
        self._truth = truth

    def send(self, messages: Sequence[Message]) -> None:
        """Send events of the market in one piece."""
        transport = self._request.transport
        if transport is None or transport.is_closing() or self.response.closed:
            return
        if self.backlog() > BACKLOG_LIMIT_BYTES:
            _log.warning("cutting off a reader that is too far behind", connection=self.number)
            self.abort()
            return
        if self._truth is not None:
            self._truth.write(self.number, messages)
        if self.connection.combined:
            self.write([f'{{"stream":"{m.stream}","data":{m.data}}}' for m in messages])
        else:
            self.write([m.data for m in messages])

    def backlog(self) -> int:
        """Return the bytes that the reader has left unread."""
        transport = self._request.transport
        return 0 if transport is None else transport.get_write_buffer_size()

    def write(self, texts: list[str]) -> None:
        """Write text frames in one piece, so that they share TCP segments as on the exchange.

        Frames of a server are not masked (RFC 6455, 5.1); no extension is in use here.
        """
        transport = self._request.transport
        if transport is not None and not transport.is_closing():
            transport.write(b"".join([_frame(text.encode()) for text in texts]))

    def abort(self) -> None:
        """Drop the connection without a word."""
        transport = self._request.transport
        if transport is not None:
            transport.abort()


def _exchange(path: str) -> str:
    """Return whose a path is."""
    return {"spot": "spot", "v5": "bybit"}.get(path.split("/")[1], "usdm")


def _bind(listener: socket.socket, host: str, port: int) -> None:
    try:
        listener.bind((host, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise EndpointInUseError(
                f"http://{host}:{port} is in use; stop what holds it, or set "
                "embedded_exchange.port to another one"
            ) from None
        raise ConfigError(f"http://{host}:{port} can't be bound: {error.strerror}") from None


def _frame(payload: bytes) -> bytes:
    """Return a final text frame (RFC 6455, 5.2)."""
    length = len(payload)
    if length < 126:
        return struct.pack("!BB", 0x81, length) + payload
    if length < 65536:
        return struct.pack("!BBH", 0x81, 126, length) + payload
    return struct.pack("!BBQ", 0x81, 127, length) + payload


def _dumps(body: Any) -> str:
    return json.dumps(body, separators=(",", ":"))
