"""The proxy itself: forwarding and shutdown."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

import msgspec
import pytest
import yaml
import zmq
from conftest import PYTHON, REPOSITORY, eventually, free_ports
from loop_thread import LoopThread

from feedd.config.settings import ProxySettings
from feedd.runtime.realtime import realtime_permitted
from feedd.transport.proxy import Proxy
from feedd.transport.publisher import Publisher
from feedd.transport.subscriber import Subscriber


def bound(folder: Path, name: str = "proxy") -> Proxy:
    proxy = Proxy(name)
    settings = ProxySettings(
        subscribers=f"tcp://127.0.0.1:{free_ports(1)[0]}", workers=f"ipc://{folder}/{name}.sock"
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


def test_a_publisher_waits_for_both_proxies_up_to_its_timeout(
    tmp_path: Path,
) -> None:
    publisher, looped = Publisher("x", "A", ["quote"]), LoopThread()
    endpoints = [f"ipc://{tmp_path}/{name}.sock" for name in ("proxy", "proxy-2")]
    proxies = [bound(tmp_path, "proxy")]
    try:
        assert not looped.run(publisher.connect(endpoints, 1.0))
        eventually(lambda: publisher.proxies_connected == 1)
        proxies.append(bound(tmp_path, "proxy-2"))
        eventually(lambda: publisher.proxies_connected == 2)
    finally:
        looped.run(publisher.close())
        looped.close()
        for proxy in proxies:
            proxy.stop()


def test_a_subscriber_skips_and_counts_invalid_messages() -> None:
    (port,) = free_ports(1)
    deep = b"\x81\xa1x" + b"\x91" * 20_000 + b"\xc0"  # over the limit of Python 3.13
    good = msgspec.msgpack.encode({"seq": 1})
    with zmq.Context() as context, context.socket(zmq.XPUB) as stranger:
        stranger.linger = 0
        stranger.bind(f"tcp://127.0.0.1:{port}")
        with Subscriber(f"tcp://127.0.0.1:{port}") as subscriber:
            assert stranger.poll(10_000)
            for payload in (deep, b"\xc1", b"\x81\xa1x\xa1\xff"):
                stranger.send_multipart([b"status.x.y.", payload])
            stranger.send_multipart([b"one frame"])
            stranger.send_multipart([b"\xff", good])
            stranger.send_multipart([b"status.x.y.", good])
            assert subscriber.receive(10) == ("status.x.y.", {"seq": 1})
            assert subscriber.unreadable == 5


@pytest.mark.process
def test_only_the_threads_that_forward_have_real_time_priority(tmp_path: Path) -> None:
    if not realtime_permitted():
        pytest.skip("this user may not give real-time priority: ulimit -r 1")
    (port, history) = free_ports(2)
    proxy = {
        "subscribers": f"tcp://127.0.0.1:{port}", "history": f"tcp://127.0.0.1:{history}",
        "workers": f"ipc://{tmp_path}/workers.sock",
    }  # fmt: skip
    config = {"symbols": ["BTC/USDT"], "run_dir": str(tmp_path / "run"), "proxy": proxy}
    path = tmp_path / "feedd.yaml"
    path.write_text(yaml.safe_dump({**config, "realtime_proxies": True}))
    command = [PYTHON, "workers/proxy.py", "--config", str(path), "--log-dir", str(tmp_path)]
    log = tmp_path / "proxy.log"
    with subprocess.Popen(command, cwd=REPOSITORY) as process:
        try:
            eventually(lambda: log.exists() and '"forwarding"' in log.read_text())
            tasks = [int(task.name) for task in Path(f"/proc/{process.pid}/task").iterdir()]
            realtime = sum(os.sched_getscheduler(t) & os.SCHED_RR == os.SCHED_RR for t in tasks)
        finally:
            process.terminate()
    assert realtime == 3  # libzmq's I/O thread and reaper, and the loop
    assert len(tasks) >= 6  # others: the main thread, the guard and the history
