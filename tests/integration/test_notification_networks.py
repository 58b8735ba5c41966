"""Notifications from the networks of companies: proxies and private certificates."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import structlog
import uvloop
from network_setup import Authority, FakeProxy, serving

from feedd.client.events import StateChange
from feedd.config.load import parse_config
from feedd.config.network import SETTING, Network, parse_proxy
from feedd.config.webhook import WebhookSettings, register
from feedd.gateway.health_poll import HealthPoll
from feedd.gateway.journal import Journal
from feedd.gateway.notifications.bodies import Sender
from feedd.gateway.notifications.webhook import Webhook

URL = "https://hooks.example.com/SECRETSECRET"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"), "Corp Inspection")


def through(scheme: str, port: int, authority: Authority) -> Network:
    """Return the network of a setting `proxy_url` and a setting `ca_file`."""
    proxy = parse_proxy(f"{scheme}://127.0.0.1:{port}", SETTING)
    return Network({"http": proxy, "https": proxy}, ca_file=str(authority.ca_file))


@pytest.mark.parametrize("scheme", ["http", "socks5h"])
def test_notifications_pass_through_the_proxy_with_the_private_certificates(
    scheme: str, authority: Authority
) -> None:
    bodies: list[str] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(head.lower().partition("content-length:")[2].split()[0])
        bodies.append((await reader.readexactly(length)).decode())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()

    async def run() -> None:
        async with serving(accept, authority.server("hooks.example.com")) as receiver:
            proxy = FakeProxy(receiver)
            async with serving(proxy.http if scheme == "http" else proxy.socks) as port:
                network = through(scheme, port, authority)
                await _notified(network, lambda: bool(bodies))
            assert {target.removeprefix("CONNECT ") for target in proxy.targets} == {
                "hooks.example.com:443"
            }

    uvloop.run(run())
    assert "closing code 1006" in bodies[0]


def test_a_webhook_with_a_certificate_that_is_not_accepted_is_logged_without_its_url(
    authority: Authority, tmp_path: Path
) -> None:
    async def refuse(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        raise OSError

    async def run(lines: list[Any]) -> None:
        async with serving(refuse, authority.server("hooks.example.com")) as receiver:
            proxy = FakeProxy(receiver)
            async with serving(proxy.http) as port:
                network = through("http", port, Authority(tmp_path, "Another"))
                await _notified(network, lambda: bool(lines))

    with structlog.testing.capture_logs() as lines:
        uvloop.run(run(lines))
    assert "issued by Corp Inspection, is not trusted" in lines[0]["event"]
    assert "SECRET" not in str(lines)


async def _notified(network: Network, done: Callable[[], bool]) -> None:
    """Notify a fault until `done`."""
    register(URL)
    config = parse_config("symbols: [A/USDT]", Path("feedd.yaml"))
    health = HealthPoll(Path.cwd(), config, {})
    webhook = Webhook(WebhookSettings(settle_s=0.0), URL, network, Sender("h", None), health)
    for state, reason in (("live", None), ("reconnecting", "closing code 1006")):
        change = StateChange("a.B/C.", state, reason)
        webhook.notice(change, Journal().add(change, 0))
    task = asyncio.ensure_future(webhook.run())
    try:
        async with asyncio.timeout(30):
            while not done():
                await asyncio.sleep(0.05)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
