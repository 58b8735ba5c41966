"""The proxy itself: forwarding and shutdown."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from pathlib import Path

import msgspec
import pytest
import yaml
import zmq
from conftest import PYTHON, REPOSITORY, eventually, free_ports
from loop_thread import LoopThread

from feedd.config.settings import ProxySettings
from feedd.runtime.realtime import realtime_permitted
from feedd.runtime.status_file import read_status
from feedd.transport.proxy import Proxy
from feedd.transport.proxy_status import ProxyStatus, status_path
from feedd.transport.publisher import Publisher
from feedd.transport.subscriber import Subscriber


def bound(folder: Path, name: str = "proxy", *, lossless: bool = False) -> Proxy:
    proxy = Proxy(name, lossless=lossless)
    settings = ProxySettings(
        subscribers=f"ipc://{folder}/{name}-subscribers.sock", workers=f"ipc://{folder}/{name}.sock"
    )
    asyncio.run(proxy.bind(settings))
    proxy.start()
    return proxy


class Ends:
    """A worker and subscribers of a proxy."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.context = zmq.Context()
        self.worker = self.context.socket(zmq.XPUB)
        self.worker.linger = self.worker.sndhwm = 0
        self.worker.connect(f"ipc://{folder}/proxy.sock")
        assert self.worker.poll(10_000)  # the proxy's subscription to everything

    def subscriber(self, prefix: str = "") -> zmq.Socket[bytes]:
        one = self.context.socket(zmq.SUB)
        one.linger = 0
        one.subscribe(prefix)
        one.connect(f"ipc://{self._folder}/proxy-subscribers.sock")
        return one

    def send(self, count: int) -> None:
        for _ in range(count):
            self.worker.send_multipart([b"quote.x.A.", b"payload"])

    def close(self) -> None:
        self.context.destroy(linger=0)


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


def test_a_proxys_statistics_are_of_the_messages_that_workers_sent(tmp_path: Path) -> None:
    proxy = bound(tmp_path)
    ends = Ends(tmp_path)
    try:
        assert proxy.statistics() == (0, 0)
        ends.send(2500)
        eventually(lambda: proxy.statistics() == (2500, 2500 * len(b"quote.x.A.payload")))
        ends.send(1)
        eventually(lambda: proxy.statistics().messages == 2501)
    finally:
        ends.close()
        proxy.stop()


def test_a_proxy_counts_the_subscribers_that_are_connected_now(tmp_path: Path) -> None:
    proxy = bound(tmp_path)
    ends = Ends(tmp_path)
    try:
        assert proxy.subscribers() == 0
        first, second = ends.subscriber(), ends.subscriber("quote.")
        eventually(lambda: proxy.subscribers() == 2)
        first.close()
        eventually(lambda: proxy.subscribers() == 1)
        second.close()
        eventually(lambda: proxy.subscribers() == 0)
    finally:
        ends.close()
        proxy.stop()


def test_a_lossless_proxy_that_waits_still_has_statistics(tmp_path: Path) -> None:
    """It waits for its first subscriber, and later for one that does not read."""
    proxy = bound(tmp_path, lossless=True)
    ends = Ends(tmp_path)
    try:
        assert proxy.statistics() == (0, 0)
        reader = ends.subscriber()
        eventually(lambda: proxy.subscribers() == 1)
        ends.send(3)
        eventually(lambda: proxy.statistics().messages == 3)
        ends.send(60_000)
        time.sleep(0.5)
        held = proxy.statistics()
        assert 3 <= held.messages < 60_003
        reader.close()
        eventually(lambda: proxy.statistics().messages == 60_003)
    finally:
        ends.close()
        proxy.stop()


@pytest.mark.process
def test_a_proxy_reports_its_status_once_a_second(tmp_path: Path) -> None:
    proxy = {
        "subscribers": f"ipc://{tmp_path}/proxy-subscribers.sock",
        "workers": f"ipc://{tmp_path}/proxy.sock",
        "history": f"ipc://{tmp_path}/history.sock",
    }
    path = tmp_path / "feedd.yaml"
    config = {"symbols": ["BTC/USDT"], "run_dir": str(tmp_path / "run"), "proxy": proxy}
    path.write_text(yaml.safe_dump(config))
    command = [PYTHON, "workers/proxy.py", "--config", str(path), "--log-dir", str(tmp_path)]
    file = status_path(str(tmp_path / "run"), "proxy")

    def said() -> ProxyStatus | None:
        return read_status(file, ProxyStatus)

    with subprocess.Popen(command, cwd=REPOSITORY) as process:
        ends = None
        try:
            eventually(lambda: said() is not None)
            ends = Ends(tmp_path)
            reader = ends.subscriber()
            ends.send(100)
            eventually(lambda: (one := said()) is not None and one.messages == 100)
            eventually(lambda: (one := said()) is not None and one.subscribers == 1)
            status = said()
            assert status is not None
            assert (status.pid, status.lossless) == (process.pid, False)
            assert status.messages_per_s > 0
            assert status.history.not_kept == 100  # the payloads are not MessagePack
            eventually(lambda: (one := said()) is not None and one.at_ns > status.at_ns)
            reader.close()
            eventually(lambda: (one := said()) is not None and one.subscribers == 0)
        finally:
            process.terminate()
            if ends is not None:
                ends.close()
    assert process.returncode == 0


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
