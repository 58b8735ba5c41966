"""Untrusted subscribers at the proxy's port cannot harm others: real sockets, real limits."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import structlog
import zmq
from conftest import PYTHON, REPOSITORY, PlainSubscriber, eventually, free_ports

from feedd.config.settings import ProxySettings
from feedd.transport.history_service import HistoryService
from feedd.transport.proxy import Proxy
from feedd.transport.quota import BURST_BYTES

HONEST = 20_000


class Here:
    """A proxy in this process, and its subscribers."""

    def __init__(self, folder: Path) -> None:
        self.endpoint = f"tcp://127.0.0.1:{free_ports(1)[0]}"
        self.workers = f"ipc://{folder}/workers.sock"
        self.proxy = Proxy()
        settings = ProxySettings(subscribers=self.endpoint, workers=self.workers)
        asyncio.run(self.proxy.bind(settings))
        self.proxy.start()
        self.context = zmq.Context()
        self.subscribers: list[zmq.Socket[bytes]] = []
        self.worker = self.context.socket(zmq.XPUB)
        self.worker.linger = 0
        self.worker.connect(self.workers)

    def subscriber(self, count: int, length: int) -> zmq.Socket[bytes]:
        one = self.context.socket(zmq.SUB)
        one.sndhwm = one.linger = 0
        one.connect(self.endpoint)
        for number in range(count):
            one.subscribe(f"{number:06}".ljust(length, "x"))
        one.subscribe("beat")
        self.subscribers.append(one)
        return one

    def gets(self, one: zmq.Socket[bytes]) -> bool:
        """Whether a message of now reaches a subscriber."""
        self.worker.send_multipart([b"beat", b""])
        return bool(one.poll(200))

    def close(self) -> None:
        self.context.destroy(linger=0)
        self.proxy.stop()


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Here]:
    made = Here(tmp_path)
    yield made
    made.close()


def test_a_subscriber_that_floods_with_subscriptions_is_cut_off_and_named_once(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "feedd.transport.subscription_guard.HOLD_S", 600.0
    )  # or it would come again
    honest = here.subscriber(HONEST, 60)
    eventually(lambda: here.gets(honest))
    with structlog.testing.capture_logs() as lines:
        for number in (1, 2):
            here.subscriber(2 * BURST_BYTES // 250, 240)
            eventually(lambda number=number: here.proxy.guard.cut == number)
    (line,) = [line for line in lines if line["event"].startswith("cut off")]
    assert line["event"] == "cut off 127.0.0.1"
    while honest.poll(0):
        honest.recv_multipart()
    eventually(lambda: here.gets(honest))


def test_a_cut_off_subscriber_is_released_after_a_while_and_cut_off_again(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("feedd.transport.subscription_guard.HOLD_S", 0.2)
    greedy = here.subscriber(2 * BURST_BYTES // 250, 240)
    eventually(lambda: greedy.poll(0) or here.proxy.guard.cut >= 2)  # polled, it connects again


def test_only_the_proxys_own_subscriptions_reach_a_worker(here: Here) -> None:
    subscriber = here.subscriber(100, 20)
    eventually(lambda: here.gets(subscriber))
    received: list[bytes] = []

    def both() -> bool:
        while here.worker.poll(0):
            received.append(here.worker.recv())
        return len(received) >= 2

    eventually(both)
    while here.worker.poll(300):
        received.append(here.worker.recv())
    assert received == [b"\x01", b"\x01\x00proxy.proxy"]


def test_a_watched_proxy_that_never_started_still_closes() -> None:
    proxy = Proxy()
    HistoryService(proxy).stop()
    proxy.stop()


PROXY = """
import asyncio, resource, sys, time
from feedd.config.settings import ProxySettings
from feedd.runtime.logs.setup import configure
from feedd.transport.proxy import Proxy
from pathlib import Path
configure(Path(sys.argv[3]), "proxy")
proxy = Proxy()
asyncio.run(proxy.bind(ProxySettings(subscribers=sys.argv[1], workers=sys.argv[2])))
resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
proxy.start()
print("up", flush=True)
sys.stdin.read()
proxy.stop()
"""


@pytest.mark.process
def test_a_proxy_without_descriptors_refuses_strangers_idly_and_serves_on(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    endpoint, workers = f"tcp://127.0.0.1:{port}", f"ipc://{tmp_path}/w.sock"
    child = subprocess.Popen(
        [PYTHON, "-c", PROXY, endpoint, workers, str(tmp_path)],
        cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert child.stdin
    assert child.stdout
    strangers: list[socket.socket] = []
    try:
        assert child.stdout.readline() == b"up\n"
        context = zmq.Context()
        worker = context.socket(zmq.PUB)
        worker.connect(workers)
        subscriber = PlainSubscriber(endpoint, "beat")
        beat = [b"beat", b"\xa0"]
        eventually(lambda: worker.send_multipart(beat) or subscriber.receive(0.2))
        strangers += [socket.create_connection(("127.0.0.1", port)) for _ in range(100)]
        log = tmp_path / "proxy.log"
        eventually(lambda: log.exists() and "no file descriptor is left" in log.read_text())
        process = psutil.Process(child.pid)
        before = sum(process.cpu_times()[:2])
        time.sleep(2)  # libzmq alone would take all of it: those that wait are not accepted
        assert sum(process.cpu_times()[:2]) - before < 1.0
        while subscriber.receive(0):
            pass
        for _ in range(500):
            worker.send_multipart(beat)
        assert all(subscriber.receive() for _ in range(500))
        for one in strangers:
            one.close()
        late = PlainSubscriber(endpoint, "beat")
        eventually(lambda: worker.send_multipart(beat) or late.receive(0.2))
        late.close()
        subscriber.close()
        context.destroy(linger=0)
    finally:
        for one in strangers:
            one.close()
        child.stdin.close()
        child.wait(60)
        child.stdout.close()


@pytest.mark.process
def test_a_process_takes_as_many_descriptors_as_it_may() -> None:
    code = """
import resource
from feedd.runtime.process import raise_open_files
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
raise_open_files()
print(resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard))
"""
    done = subprocess.run(
        [PYTHON, "-c", code], cwd=REPOSITORY, check=True, capture_output=True, text=True
    )
    assert done.stdout == "True\n"
