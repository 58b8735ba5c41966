"""The history service beside a real proxy: its answers, and that no client can overload it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgpack
import psutil
import pytest
import zmq
from conftest import PYTHON, REPOSITORY, Project, clean_environment, eventually, free_ports
from integration.history_requests import asked, received, replayed

from feedd.config.settings import ProxySettings
from feedd.errors import EndpointInUseError
from feedd.transport import history_service as module
from feedd.transport.history_service import HistoryService
from feedd.transport.message_rings import MessageRings
from feedd.transport.proxy import Proxy
from feedd.transport.sockets import PROXY_MARK

A, B = "quote.x.A.", "quote.x.B."
Make = Callable[..., Project]


def payload(session: int, seq: int, size: int = 0) -> bytes:
    return msgpack.packb({"session": session, "seq": seq, "pad": b"\0" * size})


class Line:
    """A proxy with its history, a worker's socket, and any number of requesters."""

    def __init__(self, folder: Path, rings: MessageRings | None = None) -> None:
        self.endpoints = ProxySettings(
            subscribers=f"ipc://{folder}/s.sock",
            workers=f"ipc://{folder}/w.sock",
            history=f"tcp://127.0.0.1:{free_ports(1)[0]}",
        )
        self.proxy = Proxy()
        self.history = HistoryService(self.proxy, rings)
        asyncio.run(self.proxy.bind(self.endpoints))
        asyncio.run(self.history.bind(self.endpoints.history))
        self.history.start()
        self.context = zmq.Context()
        self.sockets: list[zmq.Socket[bytes]] = []
        self.worker = self.socket(zmq.XPUB, self.endpoints.workers)
        self.proxy.start()
        while not self.worker.recv()[1:].startswith(PROXY_MARK):
            pass

    def socket(self, kind: int, endpoint: str, unread: int = 0) -> zmq.Socket[bytes]:
        made: zmq.Socket[bytes] = self.context.socket(kind)
        made.linger = 0
        made.sndhwm, made.rcvhwm = 0, unread
        made.connect(endpoint)
        self.sockets.append(made)
        return made

    def asker(self) -> zmq.Socket[bytes]:
        return self.socket(zmq.DEALER, self.endpoints.history)

    def publish(self, topic: str, *seqs: int, session: int = 1, size: int = 0) -> None:
        for seq in seqs:
            self.worker.send_multipart([topic.encode(), payload(session, seq, size)])

    def last_is(self, asker: zmq.Socket[bytes], topic: str, seq: int) -> None:
        """Wait until the history knows a message."""
        eventually(lambda: replayed(asker, topic, 1, 0)["high"] == seq, what=f"{topic} {seq}")

    def close(self) -> None:
        self.context.destroy(linger=0)
        self.history.stop()
        self.proxy.stop()


@pytest.fixture
def make_line(tmp_path: Path) -> Iterator[Callable[..., Line]]:
    lines: list[Line] = []

    def make(rings: MessageRings | None = None) -> Line:
        lines.append(Line(tmp_path, rings))
        return lines[-1]

    yield make
    for line in lines:
        line.close()


def test_a_replay_returns_the_published_bytes(make_line: Callable[..., Line]) -> None:
    line = make_line()
    dealer, req = line.asker(), line.socket(zmq.REQ, line.endpoints.history)
    line.publish(A, *range(1, 101))
    line.publish(B, 1, 2)
    line.last_is(dealer, B, 2)
    snapshot = asked(req, op="snapshot", topics=["quote."], id="one")
    assert snapshot == {
        "op": "snapshot",
        "id": "one",
        "messages": [[A.encode(), payload(1, 100)], [B.encode(), payload(1, 2)]],
        "complete": True,
    }
    replay = replayed(req, A, 40, 60)
    assert replay["messages"] == [[A.encode(), payload(1, seq)] for seq in range(40, 61)]
    assert (replay["low"], replay["high"]) == (1, 100)


def test_the_first_message_after_the_mark_is_kept_and_the_frames_before_a_request_come_back(
    make_line: Callable[..., Line],
) -> None:
    line = make_line()
    line.publish(A, 1)
    asker = line.asker()
    line.last_is(asker, A, 1)
    asker.send_multipart([b"one", b"", msgpack.packb({"op": "snapshot", "topics": [A]})])
    *envelope, answer = asker.recv_multipart()
    assert envelope == [b"one", b""]
    assert msgpack.unpackb(answer)["messages"] == [[A.encode(), payload(1, 1)]]


def test_after_an_overflow_the_low_bound_excludes_the_lost_messages(
    make_line: Callable[..., Line],
) -> None:
    line = make_line(MessageRings(per_topic=50))
    asker = line.asker()
    line.publish(A, *range(1, 201))
    line.last_is(asker, A, 200)
    replay = replayed(asker, A, 100, 153)
    assert (replay["low"], replay["high"]) == (151, 200)
    assert [msgpack.unpackb(p)["seq"] for _, p in replay["messages"]] == [151, 152, 153]


def test_a_client_that_reads_no_responses_disturbs_no_other(make_line: Callable[..., Line]) -> None:
    line = make_line()
    quick = line.asker()
    slow = [line.socket(zmq.DEALER, line.endpoints.history, unread=1) for _ in range(4)]
    line.publish(A, *range(1, 2001), size=4000)
    line.last_is(quick, A, 2000)
    before = psutil.Process().memory_info().rss
    request = {"op": "replay", "topic": A, "session": 1, "from": 1, "to": 2000}
    for _ in range(60):  # 1,000 MB of answers
        for one in slow:
            one.send(msgpack.packb(request))
    eventually(lambda: line.history._unsent > 150, 60)
    assert replayed(quick, A, 1990, 1991)["high"] == 2000
    assert psutil.Process().memory_info().rss - before < 180e6
    line.publish(A, 2001)
    line.last_is(quick, A, 2001)
    assert line.history.runs


def test_a_flood_of_bad_requests_loses_no_message(make_line: Callable[..., Line]) -> None:
    line = make_line()
    subscriber = line.socket(zmq.SUB, line.endpoints.subscribers)
    subscriber.subscribe("")
    eventually(lambda: line.publish(B, 1) or subscriber.poll(10), what="subscribed")
    flooding = line.asker()
    for number in range(20_000):
        flooding.send((b"\xc1", b"\x91" * 100, msgpack.packb({"op": "x"}), b"")[number % 4])
        if number < 2000:
            line.publish(A, number + 1)
    seen = 0
    while seen < 2000:
        assert subscriber.poll(45_000), f"only {seen} came"
        topic, body = subscriber.recv_multipart()
        if topic == A.encode():
            seen += 1
            assert msgpack.unpackb(body)["seq"] == seen
    quick = line.asker()
    line.last_is(quick, A, 2000)
    assert len(replayed(quick, A, 1, 2000)["messages"]) == 2000
    assert "error" in received(flooding)


def test_an_oversized_request_ends_its_connection_alone(make_line: Callable[..., Line]) -> None:
    line = make_line()
    asker, huge = line.asker(), line.asker()
    line.publish(A, 1)
    line.last_is(asker, A, 1)
    huge.send(b"\0" * (module.REQUEST_BYTES + 1))
    assert not huge.poll(500)
    assert replayed(asker, A, 1, 1)["high"] == 1


def test_untrusted_peers_and_invalid_messages_do_not_end_the_history(
    make_line: Callable[..., Line],
) -> None:
    line = make_line()
    asker = line.asker()
    port = int(line.endpoints.history.rpartition(":")[2])
    for junk in (b"GET / HTTP/1.1\r\n\r\n", os.urandom(500), b"\xff" + b"\0" * 8 + b"\x7f"):
        with socket.create_connection(("127.0.0.1", port)) as stranger:
            stranger.sendall(junk)
    for frames in ([b"one"], [b"1", b"2", b"3"], [A.encode(), b"\xc1"], [b"", b""]):
        line.worker.send_multipart(frames)
    line.publish(A, 1)
    line.last_is(asker, A, 1)
    asker.send_multipart([b""] * 50)
    assert replayed(asker, A, 1, 1)["high"] == 1
    assert line.history._rings.not_kept.undecodable == 4


def test_a_history_that_falls_behind_reports_the_messages_it_lost(
    make_line: Callable[..., Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("feedd.transport.sockets.HIGH_WATER_MARK", 1000)
    rings = HeldUpRings()
    line = make_line(rings)
    subscriber = line.socket(zmq.SUB, line.endpoints.subscribers)
    subscriber.subscribe("")
    eventually(lambda: line.publish(B, 1) or subscriber.poll(10), what="subscribed")
    seen: list[int] = []
    for first in range(1, 20_001, 100):  # fewer at a time than the subscriber may leave unread
        line.publish(A, *range(first, first + 100))
        while len(seen) < first + 99:
            assert subscriber.poll(45_000), f"only {len(seen)} came"
            topic, body = subscriber.recv_multipart()
            if topic == A.encode():
                seen.append(msgpack.unpackb(body)["seq"])
    rings.go_on.set()
    eventually(lambda: line.publish(A, 20_001) or line.history._rings.topics == 2)
    asker = line.asker()
    eventually(lambda: line.publish(A, 20_002) or replayed(asker, A, 1, 0)["high"] == 20_002, 60)
    assert seen == list(range(1, 20_001))
    held = [
        msgpack.unpackb(p)["seq"]
        for first in range(1, 20_003, 2000)
        for _, p in replayed(asker, A, first, first + 1999)["messages"]
    ]
    assert held == sorted(set(held))
    assert len(held) < 10_000


class HeldUpRings(MessageRings):
    """Rings that block until they are released."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()

    def add(self, topic: bytes, payload: bytes) -> None:
        self.go_on.wait(60)
        super().add(topic, payload)


def test_an_endpoint_in_use_is_retried_and_then_named(
    make_line: Callable[..., Line], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = make_line()
    monkeypatch.setattr("feedd.runtime.bind_retry.TRIES", 2)
    monkeypatch.setattr("feedd.runtime.bind_retry.PAUSE_S", 0.01)
    proxy = Proxy()
    history = HistoryService(proxy)
    with pytest.raises(EndpointInUseError, match=str(line.endpoints.history)):
        asyncio.run(history.bind(line.endpoints.history))
    history.stop()
    proxy.stop()


@pytest.mark.process
def test_an_error_in_the_history_ends_the_proxys_process_and_is_logged(tmp_path: Path) -> None:
    config = tmp_path / "feedd.yaml"
    config.write_text(
        f"symbols: [BTC/USDT]\nrun_dir: {tmp_path}\nproxy: {{subscribers: 'ipc://{tmp_path}/s', "
        f"workers: 'ipc://{tmp_path}/w', history: 'ipc://{tmp_path}/h'}}\n"
    )
    broken = (
        "import runpy, sys; from feedd.transport.message_rings import MessageRings;"
        "MessageRings.add = lambda *_: 1 / 0;"
        f"sys.argv = ['proxy.py', '--config', '{config}'];"
        "runpy.run_path('workers/proxy.py', run_name='__main__')"
    )
    with (
        subprocess.Popen(
            [PYTHON, "-c", broken], cwd=REPOSITORY, env=clean_environment(), stderr=subprocess.PIPE
        ) as process,
        zmq.Context() as context,
        context.socket(zmq.PUB) as worker,
    ):
        worker.linger = 0
        worker.connect(f"ipc://{tmp_path}/w")
        try:
            eventually(lambda: worker.send_multipart([b"a", b"b"]) or process.poll() is not None)
        finally:
            process.kill()
        assert process.returncode not in {0, None}
        said = process.stderr.read().decode() if process.stderr else ""
    assert "ZeroDivisionError" in said
    assert "the history service has ended" in said


@contextmanager
def asker_of(project: Project) -> Iterator[zmq.Socket[bytes]]:
    """Request from the history of a project's proxy; use a new socket after a restart."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as asker:
        asker.linger = 0
        asker.connect(f"ipc://{project.root}/run/history.sock")
        yield asker


def test_a_restarted_proxy_starts_with_an_empty_history(make_project: Make) -> None:
    project = make_project(channels=["quote"])
    done = project.feedd("start")
    assert done.returncode == 0, done.stdout + done.stderr
    topic = "quote.binanceusdm.BTC/USDT:USDT."
    with asker_of(project) as asker:
        (message,) = asked(asker, op="snapshot", topics=["quote."])["messages"]
        session = msgpack.unpackb(message[1])["session"]
        assert message[0] == topic.encode()
        before = replayed(asker, topic, 1, 10, session)
        assert before["low"] == 1
        assert [msgpack.unpackb(p)["seq"] for _, p in before["messages"]] == list(
            range(1, min(before["high"], 10) + 1)
        )
    pid = project.pids()["proxy"]
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: project.pids()["proxy"] not in {0, pid})
    with asker_of(project) as asker:
        eventually(lambda: (replayed(asker, topic, 1, 10, session)["low"] or 0) > 1)
        # The resumed worker's messages all arrive again: its next status within a second.
        eventually(lambda: asked(asker, op="snapshot", topics=["status."])["messages"])
    assert "the history" not in project.log("proxy")
