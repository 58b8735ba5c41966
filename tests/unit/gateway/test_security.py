"""What web pages of other hosts, and clients that read nothing, can't do."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from gateway_server import Gateway, gateway

from feedd.gateway import connection_limit, security
from feedd.gateway.security import names_this_machine


def run(scenario: Callable[[Gateway], Awaitable[None]]) -> None:
    async def main() -> None:
        async with gateway() as made:
            await scenario(made)

    asyncio.run(main())


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:8080", "127.0.0.1", "localhost:8080", "LOCALHOST", "[::1]:8080", "127.1.2.3:1",
     "a.localhost:80", None],
)  # fmt: skip
def test_names_of_this_machines_loopback_are_accepted(host: str | None) -> None:
    assert names_this_machine(host)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8080", "192.168.1.5:8080", "0.0.0.0:8080", "127.0.0.1.evil.com",
     "localhost.evil.com", "evil@10.0.0.1", "", "[::1", "localhost:x", "[::]:80", "localhosts"],
)  # fmt: skip
def test_other_names_are_refused(host: str) -> None:
    assert not names_this_machine(host)


@pytest.mark.parametrize("path", ["/api/status", "/", "/stream", "/healthz", "/nothing"])
def test_a_name_that_was_made_to_resolve_here_is_refused_at_every_path(path: str) -> None:
    async def scenario(made: Gateway) -> None:
        code, error, remedy = await made.error(path, headers={"Host": f"evil.example:{made.port}"})
        assert code == 403
        assert "evil.example" in error
        assert "127.0.0.1" in remedy

    run(scenario)


def test_a_page_of_another_host_gets_nothing_and_no_cors_headers() -> None:
    async def scenario(made: Gateway) -> None:
        headers = {"Origin": "https://evil.example"}
        code, error, _ = await made.error("/healthz", headers=headers)
        assert (code, error) == (403, "web pages of other hosts may not read this")
        own = {"Origin": f"http://127.0.0.1:{made.port}"}
        async with made.client.get(f"http://127.0.0.1:{made.port}/healthz", headers=own) as answer:
            assert answer.status == 200
            assert not [name for name in answer.headers if name.startswith("Access-Control")]

    run(scenario)


@pytest.mark.parametrize("path", ["/", "/healthz", "/nothing", "/api/openapi.json"])
def test_every_answer_has_the_headers_that_protect_a_browser(path: str) -> None:
    async def scenario(made: Gateway) -> None:
        async with made.client.get(f"http://127.0.0.1:{made.port}{path}") as answer:
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'self'" in policy
            assert "unsafe" not in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "no-referrer"

    run(scenario)


def test_connections_beyond_the_limit_get_an_error_and_are_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection_limit.LimitedServer.__init__, "__defaults__", (2,))

    async def scenario(made: Gateway) -> None:
        open_ones = [await asyncio.open_connection("127.0.0.1", made.port) for _ in range(2)]
        reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b'"remedy":"close other clients' in answer
        for _, one in (*open_ones, (reader, writer)):
            one.close()
            await one.wait_closed()
        while True:  # until the server has noticed
            try:
                assert (await made.get("/healthz"))[0] == 200
            except aiohttp.ClientError:
                continue
            break

    run(scenario)


def test_a_client_that_reads_nothing_is_disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "SEND_WITHIN_S", 0.2)

    async def scenario(made: Gateway) -> None:
        loop = asyncio.get_running_loop()
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setblocking(False)
            await loop.sock_connect(client, ("127.0.0.1", made.port))
            request = b"GET /api/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"

            async def ask_without_reading() -> None:
                while True:  # until the answers fill all buffers
                    await loop.sock_sendall(client, request * 100)

            with pytest.raises(ConnectionError):
                await asyncio.wait_for(ask_without_reading(), 60)
        assert (await made.get("/healthz"))[0] == 200

    run(scenario)
