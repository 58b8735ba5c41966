"""Files of the web page: found, revalidated, and nothing outside their folder."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from feedd.gateway import pages
from feedd.gateway.responses import errors_as_json


@asynccontextmanager
async def browser() -> AsyncIterator[TestClient]:
    app = web.Application(middlewares=[errors_as_json])
    app.add_routes(pages.ROUTES)
    async with TestClient(TestServer(app)) as client:
        yield client


def test_the_page_is_revalidated_on_each_use_so_that_an_upgrade_shows() -> None:
    async def scenario() -> None:
        async with browser() as client:
            first = await client.get("/")
            assert (first.status, first.headers["Cache-Control"]) == (200, "no-cache")
            again = await client.get("/", headers={"If-None-Match": first.headers["ETag"]})
            assert (again.status, await again.read()) == (304, b"")
            other = await client.get("/", headers={"If-None-Match": '"of another version"'})
            assert other.status == 200

    asyncio.run(scenario())


def test_a_changed_file_has_another_etag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with browser() as client:
            path = tmp_path / "one.js"
            path.write_text("1")
            before = await client.get("/page/one.js")
            path.write_text("22")
            after = await client.get("/page/one.js")
            assert before.headers["ETag"] != after.headers["ETag"]
            assert await after.text() == "22"

    monkeypatch.setattr(pages, "FOLDER", tmp_path)
    asyncio.run(scenario())


def test_modules_have_the_type_that_browsers_require() -> None:
    async def scenario() -> None:
        async with browser() as client:
            response = await client.get("/page/main.js")
            assert response.headers["Content-Type"] == "text/javascript; charset=utf-8"
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            policy = response.headers["Content-Security-Policy"]
            assert "default-src 'self'" in policy
            assert "unsafe" not in policy

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "path",
    [
        "/page/none.js",
        "/page/../pages.py",
        "/page/%2e%2e/pages.py",
        "/page/symbol/%2e%2e/%2e%2e/pages.py",
        "/page//etc/hostname",
        "/page/%2Fetc%2Fissue.txt",
        "/page/one%00.js",
        "/page/symbol",
        "/page/" + "a" * 5000 + ".js",
    ],
)
def test_nothing_but_the_pages_files_is_served(path: str) -> None:
    async def scenario() -> None:
        async with browser() as client:
            response = await client.get(URL(path, encoded=True))
            assert response.status == 404
            assert set(await response.json()) == {"error", "remedy"}

    asyncio.run(scenario())


def test_a_chart_library_that_is_not_installed_is_named_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async with browser() as client:
            response = await client.get("/page/vendor/lightweight-charts.mjs")
            assert response.status == 404
            assert "make chart-library" in (await response.json())["remedy"]

    monkeypatch.setattr(pages, "FOLDER", tmp_path)
    asyncio.run(scenario())
