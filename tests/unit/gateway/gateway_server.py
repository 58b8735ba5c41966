"""The gateway's real server on a free port, with parts that a test fills."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from conftest import free_ports
from gateway_events import FEED

from feedd.config.load import parse_config
from feedd.config.settings import GatewaySettings
from feedd.gateway.candles import Candles
from feedd.gateway.health_poll import HealthPoll, PolledHealth
from feedd.gateway.intake import Intake
from feedd.gateway.metrics.metrics import Metrics
from feedd.gateway.parts import Parts
from feedd.gateway.server import GatewayServer
from feedd.gateway.stream.hub import StreamHub
from feedd.gateway.trends import Trends
from feedd.health.report import ProcessHealth, Report
from feedd.transport.history_client import HistoryClient, HistoryRange

STARTED_MS = 1_000


class History(HistoryClient):
    """Answers with what a test sets, and keeps the requests."""

    def __init__(self) -> None:
        super().__init__([])
        self.answer: HistoryRange | Exception = HistoryRange(None, None, [])
        self.requests: list[tuple[Any, ...]] = []

    async def range(self, topic: str, session: int, first: int, last: int) -> HistoryRange:
        self.requests.append((topic, session, first, last))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Gateway:
    """Parts of a gateway that was started at STARTED_MS and has taken nothing so far."""

    def __init__(self) -> None:
        text = "symbols: [BTC/USDT, ETH/USDT]\nexchange: binanceusdm\n"
        config = parse_config(text, Path("feedd.yaml"))
        self.intake = Intake({}, None)
        self.candles, self.trends = Candles(), Trends()
        self.hub = StreamHub(self.intake.market)
        self.intake.readers += [self.hub, self.candles, self.trends]
        self.health = HealthPoll(Path("/nowhere"), config, {})
        self.history = History()
        self.port = free_ports(1)[0]
        self.client: aiohttp.ClientSession

    @property
    def parts(self) -> Parts:
        return Parts(
            intake=self.intake, health=self.health, stream=self.hub, candles=self.candles,
            trends=self.trends, history=self.history, started_ms=STARTED_MS,
            metrics=Metrics(self.intake, self.health, self.hub, STARTED_MS),
        )  # fmt: skip

    def report(self, *rows: ProcessHealth, age_s: float = 0.0) -> None:
        self.health.latest = PolledHealth(Report(rows), time.monotonic() - age_s)

    async def get(self, path: str, **options: Any) -> tuple[int, Any]:
        """Return the status and the JSON of an answer."""
        async with self.client.get(f"http://127.0.0.1:{self.port}{path}", **options) as answer:
            return answer.status, await answer.json()

    async def error(self, path: str, **options: Any) -> tuple[int, str, str]:
        status, content = await self.get(path, **options)
        assert set(content) == {"error", "remedy"}, content
        return status, content["error"], content["remedy"]


@asynccontextmanager
async def gateway() -> AsyncIterator[Gateway]:
    made = Gateway()
    server = GatewayServer(made.parts)
    await server.start(GatewaySettings(port=made.port))
    try:
        async with aiohttp.ClientSession() as made.client:
            yield made
    finally:
        await server.stop()
        made.history.close()


__all__ = ["FEED", "Gateway", "gateway"]
