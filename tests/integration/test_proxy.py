"""The proxy's own life: what it forwards with, and how it ends."""

from __future__ import annotations

import asyncio
from pathlib import Path

from conftest import eventually, free_ports

from feedd.config import ProxySettings
from feedd.transport.proxy import Proxy


def bound(folder: Path) -> Proxy:
    proxy = Proxy()
    settings = ProxySettings(
        subscribers=f"tcp://127.0.0.1:{free_ports(1)[0]}", workers=f"ipc://{folder}/w.sock"
    )
    asyncio.run(proxy.bind(settings))
    proxy.start()
    return proxy


def test_a_proxy_forwards_until_it_is_stopped(tmp_path: Path) -> None:
    proxy = bound(tmp_path)
    assert proxy.forwards
    proxy.stop()
    assert not proxy.forwards


def test_a_proxy_whose_loop_has_ended_shows_it_and_still_closes(tmp_path: Path) -> None:
    proxy = bound(tmp_path)
    proxy._control.send(b"TERMINATE")
    eventually(lambda: not proxy.forwards)
    proxy.stop()
