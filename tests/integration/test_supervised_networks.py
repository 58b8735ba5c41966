"""Proxies under the real supervisord: workers have its variables, and commands show them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from conftest import Project
from loop_thread import LoopThread
from network_setup import FakeProxy, serving

pytestmark = pytest.mark.process

Make = Callable[..., Project]
CREDENTIALS = ("trader", "hunter22-of-corp")


class ProxyThread:
    """A proxy in a thread; it leads every host to one port."""

    def __init__(self, port_of_exchange: int) -> None:
        self.proxy = FakeProxy(port_of_exchange, CREDENTIALS)
        self._loop, self._stack = LoopThread(), AsyncExitStack()
        self.port = self._loop.run(self._stack.enter_async_context(serving(self.proxy.http)))

    def close(self) -> None:
        self._loop.run(self._stack.aclose())
        self._loop.close()


@pytest.fixture
def through_proxy(make_project: Make) -> Iterator[tuple[Project, ProxyThread]]:
    """Return a project whose exchange only the proxy can reach."""
    symbols: list[Any] = ["BTC/USDT:USDT", {"symbol": "ETH/USDT:USDT", "source": "native"}]
    project = make_project(symbols=symbols, endpoint="http://exchange.example", channels=["quote"])
    proxy = ProxyThread(project.settings["embedded_exchange"]["port"])
    yield project, proxy
    proxy.close()


def test_workers_have_the_proxy_of_the_environment_and_no_command_shows_its_password(
    through_proxy: tuple[Project, ProxyThread],
) -> None:
    project, proxy = through_proxy
    variables = {"HTTP_PROXY": f"http://{':'.join(CREDENTIALS)}@127.0.0.1:{proxy.port}"}
    shown = f"the proxy http://…@127.0.0.1:{proxy.port} (HTTP_PROXY)"

    checked = project.feedd("config", "check", **variables)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert shown in checked.stdout

    started = project.feedd("start", **variables)
    assert started.returncode == 0, started.stdout + started.stderr
    assert f"exchanges are reached through {shown}" in started.stdout
    assert set(proxy.proxy.targets) == {"CONNECT exchange.example:80"}

    status = project.feedd("status", "--json")  # a shell without the variable
    assert json.loads(status.stdout)["network"] == [f"exchanges are reached through {shown}"]
    assert shown in project.feedd("status", "--wide").stdout
    again = project.feedd("start", HTTP_PROXY="http://127.0.0.1:9")
    assert shown in again.stdout
    assert "not this shell's: exchanges are reached through the proxy http://127.0.0.1:9 " in (
        again.stdout
    )
    logs = [path for path in (project.root / "logs").iterdir() if path.is_file()]
    texts = [path.read_text(errors="replace") for path in logs]
    texts += [done.stdout + done.stderr for done in (checked, started, status, again)]
    assert not any(CREDENTIALS[1] in text or CREDENTIALS[0] in text for text in texts)


def test_a_variable_that_names_no_proxy_ends_the_start_with_one_line(make_project: Make) -> None:
    project = make_project(endpoint="http://exchange.example")
    ended = project.feedd("start", HTTP_PROXY="ftp://trader:hunter22-of-corp@proxy:1")
    assert ended.returncode == 78
    assert "HTTP_PROXY: its scheme (ftp://) is not one of http, socks5, socks5h" in ended.stderr
    assert "hunter22" not in ended.stdout + ended.stderr
    assert project.daemon.pid is None
