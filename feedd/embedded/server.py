"""HTTP server of the embedded exchange: REST and WebSocket on one port, on aiohttp."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import socket
import uuid
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import WSMsgType, web

from feedd.clock import NS_PER_MS, NS_PER_S
from feedd.embedded.address_usage import Accounts
from feedd.embedded.binance import ws_session as binance
from feedd.embedded.binance.rest_pages import BinanceRestPages
from feedd.embedded.bybit import ws_session as bybit
from feedd.embedded.bybit.rest_pages import BybitRestPages
from feedd.embedded.client_connection import ClientConnection
from feedd.embedded.faults import replies
from feedd.embedded.faults.director import Director
from feedd.embedded.faults.strikes import reset
from feedd.embedded.market import Refused
from feedd.embedded.rate_limits import Connects
from feedd.embedded.rest_page import Request
from feedd.embedded.unsent import Unheard
from feedd.embedded.ws_session import Reaction
from feedd.errors import ConfigError, EndpointInUseError
from feedd.runtime.bind_retry import bind_with_retry
from feedd.venues.binance import addresses as binance_addresses
from feedd.venues.binance import weights
from feedd.venues.binance.streams import SPOT, USDM
from feedd.venues.bybit.addresses import LINEAR, LINEAR_ROUTE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from feedd.clock import Clock
    from feedd.config.faults import Fault
    from feedd.embedded.bybit.generated_market import BybitMarket
    from feedd.embedded.market import Market, Streams
    from feedd.embedded.truth import TruthLog
    from feedd.embedded.ws_session import WsSession
    from feedd.venues.raw_streams import RawStream

LOOK_EVERY_S = 1.0  # between calls of `on_time`, on the exchange's clock
SILENCE_LOOK_S = 0.05  # between checks whether the client has closed a silenced connection
# WebSocket connections per address in 5 minutes. Spot's documentation gives the limit, USD-M's
# does not.
CONNECTS = {"usdm": 300, "spot": 300, "bybit": 500}
# Spot and USD-M use the same paths, so the embedded exchange serves spot below a prefix.
SPOT_BELOW = "/spot"
_SERVED = (("", binance_addresses.USDM), (SPOT_BELOW, binance_addresses.SPOT), ("", LINEAR))
_log = structlog.get_logger()


class ExchangeServer:
    """Serve markets to clients as their exchanges do; `clock` times the limits.

    Binance USD-M is always served. `spot` is Binance spot, served below `/spot` because its paths
    are the same as USD-M's. `linear` is Bybit linear, served below `/v5`. The paths of a market
    that is not given answer 404.
    """

    def __init__(
        self,
        market: Market,
        clock: Clock,
        truth: TruthLog | None = None,
        *,
        spot: Market | None = None,
        linear: BybitMarket | None = None,
        truth_unsent: bool = False,
        faults: Sequence[Fault] = (),
    ) -> None:
        self._market = market
        self._spot = spot
        self._linear = linear
        self._clock = clock
        self._truth = truth
        self._rest = BinanceRestPages(market, clock)
        self._spot_rest = None if spot is None else BinanceRestPages(spot, clock, weights.SPOT)
        self._linear_rest = None if linear is None else BybitRestPages(linear, clock)
        self._connects = {exchange: Connects(limit) for exchange, limit in CONNECTS.items()}
        self._accounts = Accounts()
        self._connections = 0
        self._open: set[ClientConnection] = set()
        self._unsent: dict[str, Unheard] = {}
        if truth is not None and truth_unsent:
            markets = {"usdm": market, "spot": spot, "bybit": linear}
            self._unsent = {
                exchange: Unheard(one, truth) for exchange, one in markets.items() if one
            }
        self._director = Director(self, truth)
        self._planned = faults
        self._runner: web.AppRunner | None = None
        self._site: web.SockSite | None = None
        self._where = ("", 0)
        self._flusher: asyncio.Task[None] | None = None

    async def start(self, port: int, host: str = "127.0.0.1") -> int:
        """Listen and return the port (0: any free one); raise EndpointInUseError if it is taken."""
        app = web.Application()
        app.router.add_get("/embedded/account", self._account)
        self._director.control.add_routes(app.router)
        for below, addresses in _SERVED:
            for root in addresses.websocket_roots:
                app.router.add_get(below + root, self._websocket)
                app.router.add_get(below + root + "/{rest:.*}", self._websocket)
            for prefix in addresses.page_prefixes:
                app.router.add_get(below + prefix + "{page:.*}", self._page)
        for prefix in binance_addresses.USDM.page_prefixes:
            app.router.add_post(prefix + "{page:.*}", self._post)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await self._runner.setup()
        self._where = host, port
        try:
            await self.come_back()
        except BaseException:
            await self._runner.cleanup()
            raise
        for fault in self._planned:
            self._director.add(fault)
        self._flusher = asyncio.get_running_loop().create_task(self._flush_truth())
        return self._where[1]

    async def stop(self) -> None:
        """Close every connection, the market and the truth log."""
        if self._flusher is not None:
            self._flusher.cancel()
        self._director.stop()
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

    # --- access for faults --------------------------------------------------------------------

    def clients(self) -> list[ClientConnection]:
        """Return the open connections."""
        return list(self._open)

    def snapshots(self, symbol: str) -> dict[str, dict[str, Any]]:
        """Return the current full books of a symbol, by exchange; omit exchanges without one."""
        found = {}
        for exchange, market in (("usdm", self._market), ("spot", self._spot)):
            if market is not None:
                with contextlib.suppress(KeyError, Refused):
                    found[exchange] = market.depth(symbol, 5000)
        return found

    async def leave(self) -> None:
        """Stop listening and reset every open connection."""
        if self._site is not None:
            await self._site.stop()
            self._site = None
        server = None if self._runner is None else self._runner.server
        for client in self.clients():
            client.ended("exchange", "away")
        for handler in [] if server is None else server.connections:
            reset(handler.transport)

    async def come_back(self) -> None:
        """Listen on the configured address, unless listening; raise EndpointInUseError."""
        if self._site is not None or self._runner is None:
            return
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            await bind_with_retry(lambda: _bind(listener, *self._where))
        except BaseException:
            listener.close()
            raise
        self._where = self._where[0], int(listener.getsockname()[1])
        self._site = web.SockSite(self._runner, listener)
        await self._site.start()

    # --- REST -------------------------------------------------------------------------------

    async def _page(self, request: web.Request) -> web.Response:
        rest: BinanceRestPages | BybitRestPages | None = self._rest
        if _exchange(request.path) == "spot":
            rest = self._spot_rest
        elif _exchange(request.path) == "bybit":
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
        answer = await self._director.page(
            request, _exchange(request.path), request.match_info["page"], page.body, page.headers
        )
        return answer or web.json_response(
            page.body, status=page.status, headers=page.headers, dumps=_dumps
        )

    async def _account(self, _request: web.Request) -> web.Response:
        usage = self._accounts.told(self._clock.now_ns() / NS_PER_S)
        return web.json_response(usage, dumps=_dumps)

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
        refusal = await self._director.handshake(request, exchange)
        if refusal is not None:
            self._accounts.of(address, exchange).handshake(refusal.status, self._now_s())
            return refusal
        retry_after_s = self._connects[exchange].take(address, self._now_s())
        status = 429 if retry_after_s else 101
        self._accounts.of(address, exchange).handshake(status, self._now_s())
        if retry_after_s:
            return web.Response(status=status, headers={"Retry-After": str(retry_after_s)})
        response = web.WebSocketResponse(
            autoping=False, autoclose=False, compress=False, heartbeat=None
        )
        await response.prepare(request)
        self._connections += 1
        client = ClientConnection(
            self._connections, response, request, market, connection, exchange,
            self._director.faults, self._truth,
        )  # fmt: skip
        self._open.add(client)
        if self._truth is not None:
            self._truth.mark("opened", connection=client.number, streams=client.streams)
        keeper = asyncio.get_running_loop().create_task(self._keep(client))
        try:
            await self._react(client, reaction)
            self._director.strike(client)
            await self._listen(client)
        finally:
            keeper.cancel()
            self._open.discard(client)
            client.close()
            for stream in connection.streams():
                self._unsubscribe(stream, client)
        return response

    def _opened(self, request: web.Request) -> tuple[Streams, WsSession, Reaction] | None:
        """Return the market, connection and first subscriptions of a request; None if not found."""
        now_s = self._now_s()
        if _exchange(request.path) == "bybit":
            if self._linear is None or request.path != LINEAR_ROUTE:
                return None
            conn_id = str(uuid.uuid4())
            return (
                self._linear,
                bybit.BybitWsSession(conn_id, self._linear.check, now_s),
                Reaction(),
            )
        market: Market | None = self._market
        path, speeds = request.path, USDM
        if _exchange(path) == "spot":
            market, path, speeds = self._spot, path.removeprefix(SPOT_BELOW), SPOT
        if market is None:
            return None
        opened = binance.connect(path, request.query, market.check, now_s, speeds)
        return None if opened is None else (market, *opened)

    async def _listen(self, client: ClientConnection) -> None:
        connection = client.connection
        while not client.response.closed:
            message = await client.response.receive()
            if message.type == WSMsgType.TEXT:
                await self._on_text(client, message.data)
            elif message.type == WSMsgType.PING:
                reaction = connection.on_ping(self._now_s())
                if reaction.close is None:
                    await client.pong(message.data)
                await self._react(client, reaction)
            elif message.type == WSMsgType.PONG:
                await self._react(client, connection.on_pong(self._now_s()))
            elif message.type == WSMsgType.CLOSE:
                client.ended("client")
                # A transport reports a close only to its protocol, so poll it.
                while client.silent is not None and client.reachable:  # noqa: ASYNC110
                    await asyncio.sleep(SILENCE_LOOK_S)
                await client.response.close(drain=False)
                return
            elif message.type in {WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR}:
                return

    async def _on_text(self, client: ClientConnection, text: str) -> None:
        """Handle a request; a fault may refuse it, or delay or drop its acknowledgement."""
        answer = replies.on_request(self._director.faults, client.exchange, text)
        if answer is None:
            await self._react(client, client.connection.on_text(text, self._now_s()))
            return
        self._director.faults.happened(answer.fault)
        if answer.refusal is not None:
            client.reply(answer.refusal)
            return
        reaction = client.connection.on_text(text, self._now_s())
        late, reaction.reply = reaction.reply, None
        if late is not None and answer.after_s is not None:
            asyncio.get_running_loop().call_later(answer.after_s, client.reply, late)
        await self._react(client, reaction)

    async def _keep(self, client: ClientConnection) -> None:
        while True:
            await self._clock.sleep(LOOK_EVERY_S)
            await self._react(client, client.connection.on_time(self._now_s()))

    async def _react(self, client: ClientConnection, reaction: Reaction) -> None:
        if reaction.reply is not None:
            client.reply(reaction.reply)
        for stream in reaction.subscribe:
            client.market.subscribe(stream, client)
            if client.exchange in self._unsent:
                self._unsent[client.exchange].subscribed(stream, client)
        for stream in reaction.unsubscribe:
            self._unsubscribe(stream, client)
        if reaction.subscribe:
            self._director.strike(client)
        if reaction.ping:
            await client.response.ping(str(self._clock.now_ns() // NS_PER_MS).encode())
        if reaction.close is not None:
            code, text = reaction.close
            _log.info("closing a connection", connection=client.number, code=code, reason=text)
            client.ended("exchange")
            await client.response.close(code=code, message=text.encode())

    def _unsubscribe(self, stream: RawStream, client: ClientConnection) -> None:
        client.market.unsubscribe(stream, client)
        if client.exchange in self._unsent:
            self._unsent[client.exchange].unsubscribed(stream, client)

    def _now_s(self) -> float:
        return self._clock.monotonic_s()


def _exchange(path: str) -> str:
    """Return the exchange that serves a path."""
    if path.startswith(SPOT_BELOW + "/"):
        return "spot"
    return "bybit" if path.startswith(LINEAR.page_prefixes) else "usdm"


def _bind(listener: socket.socket, host: str, port: int) -> None:
    try:
        listener.bind((host, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise EndpointInUseError(
                f"http://{host}:{port} is in use; stop the process that uses it, or "
                "change embedded_exchange.port"
            ) from None
        raise ConfigError(f"http://{host}:{port} can't be bound: {error.strerror}") from None


def _dumps(body: Any) -> str:
    return json.dumps(body, separators=(",", ":"))
