"""HTTP server of the gateway. Read-only: nothing here starts, stops or changes a process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from feedd.gateway import pages
from feedd.gateway.api import description, events, health, market, overview, series, status
from feedd.gateway.connection_limit import MAX_CONNECTIONS, LimitedServer
from feedd.gateway.metrics import route as metrics
from feedd.gateway.parts import PARTS, Parts
from feedd.gateway.responses import errors_as_json
from feedd.gateway.security import add_headers, only_from_here, within_time
from feedd.gateway.stream import handlers as stream
from feedd.runtime.tcp_listener import tcp_listener

if TYPE_CHECKING:
    from feedd.config.settings import GatewaySettings

CLOSE_WITHIN_S = 0.5  # then connections are aborted: supervisord waits 3 s for the whole process
KEEP_ALIVE_S = 30.0  # an idle connection
ROUTES = (
    health.ROUTES, status.ROUTES, overview.ROUTES, events.ROUTES, market.ROUTES, series.ROUTES,
    description.ROUTES, stream.ROUTES, metrics.ROUTES, pages.ROUTES,
)  # fmt: skip


class GatewayServer:
    """Serves the routes at one address until it is stopped."""

    def __init__(self, parts: Parts) -> None:
        app = web.Application(middlewares=[within_time, errors_as_json, only_from_here])
        app.on_response_prepare.append(add_headers)
        app[PARTS] = parts
        for routes in ROUTES:
            app.add_routes(routes)
        stream.set_up(app)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=CLOSE_WITHIN_S,
            keepalive_timeout=KEEP_ALIVE_S,
        )
        self._listening: asyncio.Server | None = None

    async def start(self, settings: GatewaySettings) -> None:
        """Listen; raise EndpointInUseError if the port stays taken."""
        await self._runner.setup()
        host = "127.0.0.1" if settings.host == "localhost" else settings.host
        try:
            listener = await tcp_listener(host, settings.port, "gateway.port")
            server = self._runner.server
            assert server is not None  # noqa: S101  after setup
            self._listening = await asyncio.get_running_loop().create_server(
                LimitedServer(server), sock=listener, backlog=MAX_CONNECTIONS
            )
        except BaseException:
            await self._runner.cleanup()
            raise

    async def stop(self) -> None:
        """Close every connection."""
        if self._listening is not None:
            self._listening.close()
        await self._runner.cleanup()
