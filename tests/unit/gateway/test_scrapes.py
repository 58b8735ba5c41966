"""Scrapes: what many and slow scrapers cost."""

import asyncio
import gzip
import socket
import time
from collections.abc import Awaitable, Callable
from types import SimpleNamespace

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from made_readings import feed, readings
from prometheus_client.openmetrics import parser as openmetrics_parser

from feedd.gateway.metrics import route, scrapes
from feedd.gateway.metrics.exposition import OPENMETRICS, TEXT
from feedd.gateway.metrics.readings import Readings
from feedd.gateway.metrics.scrapes import Scrapes
from feedd.gateway.parts import PARTS
from feedd.gateway.responses import errors_as_json

MANY = [feed(f"SYMBOL{number}/USDT:USDT") for number in range(200)]


class Served:
    """A server with `/metrics`, and how often its readings were taken."""

    def __init__(self, feeds: int = 200) -> None:
        self.taken = 0
        self._feeds = MANY[:feeds]
        self.scrapes = Scrapes(self._read)
        self.app = web.Application(middlewares=[errors_as_json])
        self.app[PARTS] = SimpleNamespace(metrics=SimpleNamespace(scrapes=self.scrapes))  # type: ignore[misc]
        self.app.add_routes(route.ROUTES)

    def _read(self) -> Readings:
        self.taken += 1
        return readings(self._feeds)


def run(test: Callable[[str, aiohttp.ClientSession], Awaitable[None]], served: Served) -> None:
    async def main() -> None:
        async with (
            TestServer(served.app) as server,
            aiohttp.ClientSession(
                auto_decompress=False, headers={"Accept-Encoding": "identity"}
            ) as session,
        ):
            await test(str(server.make_url("/metrics")), session)

    asyncio.run(main())


def stalled(url: str) -> socket.socket:
    """Return a scraper that sends its request and never reads."""
    host, port = url.split("/")[2].split(":")
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((host, int(port)))
    connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
    return connection


def test_the_forms_are_negotiated() -> None:
    async def test(url: str, session: aiohttp.ClientSession) -> None:
        async with session.get(url) as response:
            plain = await response.read()
            assert response.headers["Content-Type"] == TEXT
            assert response.headers["Cache-Control"] == "no-store"
        async with session.get(
            url, headers={"Accept": "application/openmetrics-text", "Accept-Encoding": "gzip"}
        ) as response:
            assert response.headers["Content-Type"] == OPENMETRICS
            assert response.headers["Content-Encoding"] == "gzip"
            text = gzip.decompress(await response.read()).decode()
        families = list(openmetrics_parser.text_string_to_metric_families(text))
        assert plain.startswith(b"# HELP feedd_build_info ")
        assert families[0].name == "feedd_build_info"
        async with session.head(url) as response:
            assert response.status == 200
            assert not await response.read()
        async with session.post(url) as response:
            assert response.status == 405

    run(test, Served(3))


def test_scrapes_at_the_same_time_share_one_generation() -> None:
    served = Served()

    async def test(url: str, session: aiohttp.ClientSession) -> None:
        async def scrape() -> int:
            async with session.get(url, headers={"Accept-Encoding": "gzip"}) as response:
                return len(await response.read())

        sizes = await asyncio.gather(*(scrape() for _ in range(50)))
        assert len(set(sizes)) == 1

    run(test, served)
    # One more if this machine took longer than SHARED_FOR_S for the fifty.
    assert served.taken <= 2


def test_a_later_scrape_is_of_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrapes, "SHARED_FOR_S", 0.0)
    served = Served(1)

    async def test(url: str, session: aiohttp.ClientSession) -> None:
        for _ in range(3):
            async with session.get(url):
                pass

    run(test, served)
    assert served.taken == 3


def test_a_hundred_scrapers_that_do_not_read_delay_no_other_and_are_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(route, "SEND_WITHIN_S", 2.0)
    served = Served()

    async def test(url: str, session: aiohttp.ClientSession) -> None:
        slow = [stalled(url) for _ in range(100)]
        try:
            while served.scrapes.running < len(slow):
                await asyncio.sleep(0.01)
            async with session.get(url) as response:
                assert len(await response.read()) > 1_000_000
            assert served.scrapes.results["sent"] == 1
            began_s = time.monotonic()
            while served.scrapes.running:
                assert time.monotonic() - began_s < 60
                await asyncio.sleep(0.05)
            assert served.scrapes.results["given_up"] == len(slow)
        finally:
            for one in slow:
                one.close()

    run(test, served)


def test_too_many_scrapes_at_once_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route, "MAX_AT_ONCE", 2)
    monkeypatch.setattr(route, "SEND_WITHIN_S", 60.0)
    served = Served()

    async def test(url: str, session: aiohttp.ClientSession) -> None:
        slow = [stalled(url) for _ in range(2)]
        while served.scrapes.running < 2:
            await asyncio.sleep(0.01)
        async with session.get(url) as response:
            assert response.status == 503
            assert (await response.json())["remedy"]
        for one in slow:
            one.close()
        assert served.scrapes.results["refused"] == 1

    run(test, served)


def test_a_generation_that_failed_is_not_shared() -> None:
    async def main() -> None:
        def read() -> Readings:
            raise ValueError(next(errors))

        errors = iter("ab")
        failing = Scrapes(read)
        for expected in "ab":
            with pytest.raises(ValueError, match=expected):
                await failing.generation(TEXT)

    asyncio.run(main())
