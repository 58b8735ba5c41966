"""Starts and ends faults on time, and applies them to the server's connections and pages."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
import structlog
from aiohttp import web

from feedd.embedded.faults import pages
from feedd.embedded.faults.faults_page import Control
from feedd.embedded.faults.registry import Faults
from feedd.embedded.faults.strikes import reset, strike

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

    from feedd.config.faults import Fault
    from feedd.embedded.client_connection import ClientConnection
    from feedd.embedded.faults.registry import ActiveFault
    from feedd.embedded.truth import TruthLog

HANG_CHECK_EVERY_S = 0.02
ANSWERED_WITHIN_S = 0.1  # the request that takes the exchange away
_log = structlog.get_logger()


class Exchange(Protocol):
    """The parts of the server that a fault may use."""

    def clients(self) -> Iterable[ClientConnection]:
        """Return the open connections."""

    def snapshots(self, symbol: str) -> dict[str, dict[str, Any]]:
        """Return a symbol's current full books, by exchange."""

    async def leave(self) -> None:
        """Refuse new connections and reset the open ones."""

    async def come_back(self) -> None:
        """Listen again on the same port."""


class Director:
    """Owns the registry of faults; its times are the loop's, not the exchange clock's."""

    def __init__(self, exchange: Exchange, truth: TruthLog | None) -> None:
        self.faults = Faults()
        self.faults.changed = self._changed
        self.control = Control(self.faults, self._now_s, self.advance)
        self._exchange = exchange
        self._truth = truth
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._moving = asyncio.Lock()
        self._stopped = False

    def add(self, fault: Fault) -> None:
        """Add a checked fault. Raises ValueError if there are too many."""
        self.faults.add(fault, self._now_s())
        self.advance()

    def advance(self) -> None:
        """Start and end due faults, and schedule the next check."""
        self.faults.advance(self._now_s())
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due_s = self.faults.next_s()
        if due_s is not None:
            self._timer = asyncio.get_running_loop().call_at(due_s, self.advance)

    def stop(self) -> None:
        """Start no more faults, and end every hang."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()

    def strike(self, client: ClientConnection) -> None:
        """Apply the active connection faults that match a connection."""
        for active in list(self.faults.at("connection")):
            self._strike(active, client)

    async def page(
        self, request: web.Request, exchange: str, page: str, body: Any, headers: dict[str, str]
    ) -> web.Response | None:
        """Return an answer as a fault alters it; None if no fault does."""
        symbol = request.query.get("symbol", "")
        active = self.faults.page(exchange, page, symbol)
        if active is None:
            return None
        if active.name == "stale_snapshot" and exchange not in active.kept:
            return None
        self.faults.happened(active)
        if active.name == "page_reset":
            reset(request.transport)
            return web.Response()
        if active.name == "page_hang":
            return await self._hang(request, active)
        if active.name == "stale_snapshot":
            limit = request.query.get("limit", "")
            kept = pages.older(active.kept[exchange], int(limit) if limit.isdecimal() else 500)
            return web.json_response(kept, headers=headers)
        status, text, headers, content_type = pages.alter(
            active, exchange, msgspec.json.encode(body).decode(), headers
        )
        return web.Response(status=status, text=text, headers=headers, content_type=content_type)

    def refuses(self, exchange: str, stream: str) -> bool:
        """Return whether a fault refuses a subscription; its session answers in its own form."""
        for active in self.faults.at("subscription"):
            if active.name == "refuse" and active.meets(exchange, stream):
                self.faults.happened(active)
                return True
        return False

    async def handshake(self, request: web.Request, exchange: str) -> web.Response | None:
        """Return a fault's answer to a handshake; None if no fault matches."""
        active = self.faults.handshake(exchange)
        if active is None:
            return None
        self.faults.happened(active)
        if active.name == "handshake_hang":
            return await self._hang(request, active)
        if active.name == "handshake_reset":
            reset(request.transport)
            return web.Response()
        wait_s = active.fault.retry_after_s
        headers = {} if wait_s is None else {"Retry-After": str(wait_s)}
        return web.Response(status=active.fault.status or 503, headers=headers)

    async def _hang(self, request: web.Request, active: ActiveFault) -> web.Response:
        """Send nothing until the fault is over or the client is gone; then drop the connection."""
        while request.transport is not None and not request.transport.is_closing():
            if self._stopped or (active.state == "over" and active.left != 0):
                request.transport.abort()
                break
            await asyncio.sleep(HANG_CHECK_EVERY_S)
        return web.Response()

    def _changed(self, active: ActiveFault, began: bool) -> None:
        fault = active.fault
        _log.info("fault started" if began else "fault ended", fault=fault.fault, id=active.id)
        if self._truth is not None:
            self._truth.mark(
                "fault" if began else "clear", streams=fault.streams, fault=active.name,
                by="exchange",
            )  # fmt: skip
        if active.name == "away":
            self._start(self._move(away=began))
        elif began and active.rule.place == "connection":
            for client in list(self._exchange.clients()):
                self._strike(active, client)
        elif began and active.name == "stale_snapshot" and fault.symbol is not None:
            for id_ in active.symbols or ():
                active.kept.update(self._exchange.snapshots(id_))
        elif not began and active.name == "delay":
            for client in self._exchange.clients():
                client.release(at_once=True)

    def _strike(self, active: ActiveFault, client: ClientConnection) -> None:
        if (
            active.state == "active"
            and active.id not in client.met
            and active.meets_any(client.exchange, client.streams)
        ):
            client.met.add(active.id)
            self.faults.happened(active)
            self._start(strike(active, client))

    async def _move(self, *, away: bool) -> None:
        async with self._moving:
            if away:
                await asyncio.sleep(ANSWERED_WITHIN_S)
                await self._exchange.leave()
            else:
                await self._exchange.come_back()

    def _start(self, what: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(what)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("applying a fault failed", why=repr(task.exception()))

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()
