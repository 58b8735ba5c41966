"""HTTP server of the embedded exchange: REST and WebSocket on one port, on aiohttp."""

from __future__ import annotations

import asyncio
import functools
import os
from typing import TYPE_CHECKING, Any

import msgspec
import structlog
from aiohttp import WSMsgType, web

from feedd.clock import NS_PER_MS, NS_PER_S
from feedd.embedded import identity
from feedd.embedded.address_usage import Accounts
from feedd.embedded.client_connection import ClientConnection
from feedd.embedded.faults import replies
from feedd.embedded.faults.director import Director
from feedd.embedded.faults.strikes import reset
from feedd.embedded.rate_limits import Connects
from feedd.embedded.rest_page import Request
from feedd.embedded.unsent import UnsentEvents
from feedd.embedded.ws_session import RefusesStreams
from feedd.runtime.tcp_listener import tcp_listener

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from feedd.clock import Clock
    from feedd.config.faults import Fault
    from feedd.embedded.rest_page import Page
    from feedd.embedded.served_market import ServedMarket
    from feedd.embedded.truth import TruthLog
    from feedd.embedded.ws_session import Reaction
    from feedd.venues.raw_streams import RawStream

CHECK_EVERY_S = 1.0  # between calls of `on_time`, on the exchange's clock
SILENCE_CHECK_S = 0.05  # between checks whether the client has closed a silenced connection
_log = structlog.get_logger()


class ExchangeServer:
    """Serve markets to clients as their exchanges do; `clock` times the limits.

    All other paths answer 404.
    """

    def __init__(
        self,
        markets: Iterable[ServedMarket],
        clock: Clock,
        truth: TruthLog | None = None,
        *,
        truth_unsent: bool = False,
        faults: Sequence[Fault] = (),
        deployment: str | None = None,
    ) -> None:
        self._deployment = deployment
        self._markets = {served.name: served for served in markets}
        self._clock = clock
        self._truth = truth
        self._pages = {name: served.pages(clock) for name, served in self._markets.items()}
        self._connects = {
            name: Connects(served.connects_limit) for name, served in self._markets.items()
        }
        self._accounts = Accounts()
        self._connections = 0
        self._open: set[ClientConnection] = set()
        self._unsent: dict[str, UnsentEvents] = {}
        if truth is not None and truth_unsent:
            self._unsent = {
                name: UnsentEvents(served.market, truth) for name, served in self._markets.items()
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
        app.router.add_get(identity.PATH, self._identity)
        self._director.control.add_routes(app.router)
        for served in self._markets.values():
            self._add_routes(app.router, served)
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

    def _add_routes(self, router: web.UrlDispatcher, served: ServedMarket) -> None:
        page = functools.partial(self._page, served)
        websocket = functools.partial(self._websocket, served)
        for root in served.addresses.websocket_roots:
            router.add_get(served.below + root, websocket)
            if root:  # else the pages are below it
                router.add_get(served.below + root + "/{rest:.*}", websocket)
        for prefix in served.addresses.page_prefixes:
            router.add_get(served.below + prefix + "{page:.*}", page)
            if served.posts:
                router.add_post(served.below + prefix + "{page:.*}", page)
            if served.answer_post is not None:
                router.add_post(
                    served.below + prefix + "{page:.*}", _post_handler(served.answer_post)
                )

    async def stop(self) -> None:
        """Close every connection, the market and the truth log."""
        if self._flusher is not None:
            self._flusher.cancel()
        self._director.stop()
        for client in list(self._open):
            client.abort()
        for served in self._markets.values():
            await served.market.close()
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
        found = {name: served.snapshot(symbol) for name, served in self._markets.items()}
        return {name: snapshot for name, snapshot in found.items() if snapshot is not None}

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
        listener = await tcp_listener(*self._where, "embedded_exchange.port")
        self._where = self._where[0], int(listener.getsockname()[1])
        self._site = web.SockSite(self._runner, listener)
        await self._site.start()

    async def _identity(self, _request: web.Request) -> web.Response:
        return web.json_response({"deployment": self._deployment, "pid": os.getpid()})

    # --- REST -------------------------------------------------------------------------------

    async def _page(self, served: ServedMarket, request: web.Request) -> web.Response:
        page = self._pages[served.name].answer(
            Request(
                request.match_info["page"],
                dict(request.query),
                request.rel_url.raw_query_string,
                request.headers,
                request.remote or "",
                request.method,
                await request.text() if request.can_read_body else "",
            )
        )
        self._accounts.of(request.remote or "", served.name).request(
            request.match_info["page"],
            page.status,
            page.used_weight,
            self._clock.now_ns() / NS_PER_S,
        )
        answer = await self._director.page(
            request, served.name, request.match_info["page"], page.body, page.headers
        )
        return answer or _response(page)

    async def _account(self, _request: web.Request) -> web.Response:
        usage = self._accounts.as_json(self._clock.now_ns() / NS_PER_S)
        return web.json_response(usage, dumps=_dumps)

    # --- WebSocket ----------------------------------------------------------------------------

    async def _websocket(self, served: ServedMarket, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix(served.below)
        opened = served.open_session(path, request.query, self._now_s())
        if opened is None:
            raise web.HTTPNotFound
        connection, reaction = opened
        if isinstance(connection, RefusesStreams):
            connection.refuses = functools.partial(self._director.refuses, served.name)
        address, exchange = request.remote or "", served.name
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
            self._connections, response, request, served.market, connection, exchange,
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
                    await asyncio.sleep(SILENCE_CHECK_S)
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
            await self._clock.sleep(CHECK_EVERY_S)
            await self._react(client, client.connection.on_time(self._now_s()))

    async def _react(self, client: ClientConnection, reaction: Reaction) -> None:
        if reaction.reply is not None:
            client.reply(reaction.reply)
        for reply in reaction.replies:
            client.reply(reply)
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


def _post_handler(
    answer: Callable[[str], Page],
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.Response:
        return _response(answer(request.match_info["page"]))

    return handle


def _response(page: Page) -> web.Response:
    return web.json_response(page.body, status=page.status, headers=page.headers, dumps=_dumps)


def _dumps(body: Any) -> str:
    return msgspec.json.encode(body).decode()  # which keeps the digits of a raw number
