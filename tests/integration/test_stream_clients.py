"""`/stream` of a running system, read by curl, Node, a WebSocket, and a client that stalls."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from conftest import (
    REPOSITORY,
    PlainSubscriber,
    Project,
    clean_environment,
    eventually,
    free_ports,
    skip_outside_ci,
)

pytestmark = pytest.mark.process

NODE_CLIENT = REPOSITORY / "examples" / "node" / "stream.mjs"
SYMBOLS = ["BTC/USDT:USDT", "ETH/USDT:USDT"]
STALL_BYTES = 7 << 20  # of JSON: more than queue and sockets hold
LONGEST_S = 90.0

Key = tuple[str, int]  # topic and session
Wire = dict[Key, dict[int, dict[str, Any]]]  # messages by their seq


class Truth(threading.Thread):
    """What a subscriber without feedd's code receives from the proxy."""

    def __init__(self, endpoint: str) -> None:
        super().__init__()
        self._subscriber = PlainSubscriber(endpoint)
        self._ended = threading.Event()
        self.messages: Wire = defaultdict(dict)

    def run(self) -> None:
        while not self._ended.is_set():
            found = self._subscriber.receive(0.1)
            if found is not None:
                topic, message = found
                self.messages[topic, message["session"]][message["seq"]] = message

    def stop(self) -> None:
        self._ended.set()
        self.join()
        self._subscriber.close()


def of_lines(text: str) -> list[dict[str, Any]]:
    """Return the messages of server-sent events; the last may be cut off."""
    whole, _, _ = text.rpartition("\n\n")
    lines = [line for line in whole.split("\n\n") if line.startswith("data: ")]
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def check_whole(got: list[dict[str, Any]], truth: Wire, *, strings: bool) -> dict[str, int]:
    """Fail unless got is what was published: each in its place, delivered or in a `missed`.

    Returns how many messages were delivered and missed.
    """
    place: dict[Key, int] = {}  # the seq that comes next
    counts = {"delivered": 0, "missed": 0}
    for one in got:
        assert one["type"] != "gap", one
        if one["type"] == "missed":
            assert one["count"] == sum(lost["count"] for lost in one["topics"].values())
            counts["missed"] += one["count"]
            for topic, lost in one["topics"].items():
                key = topic, int(lost["session"])
                assert lost["count"] == lost["to_seq"] - lost["from_seq"] + 1
                assert lost["from_seq"] == place.get(key, lost["from_seq"])
                assert set(range(lost["from_seq"], lost["to_seq"] + 1)) <= truth[key].keys()
                place[key] = lost["to_seq"] + 1
        elif "seq" in one:
            key = one["topic"], int(one["session"])
            assert one["seq"] == place.get(key, one["seq"]), one
            place[key] = one["seq"] + 1
            counts["delivered"] += 1
            if one["origin"] == "live":
                assert_same(one, truth[key][one["seq"]], strings=strings)
    return counts


def assert_same(one: dict[str, Any], wire: dict[str, Any], *, strings: bool) -> None:
    wide = ("received_ns", "published_ns", "session", "id") if strings else ()
    for key, value in wire.items():
        expected = value if value is None or key not in wide else str(value)
        if one["type"] == "status" and strings and key == "next_seq":
            expected = {topic: str(seq) for topic, seq in value.items()}
        assert one[key] == expected, key


class StalledClient:
    """A real socket that requests the stream, and does not read it before `rest`."""

    def __init__(self, port: int, query: str) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.connect(("127.0.0.1", port))
        self._socket.sendall(f"GET /stream?{query} HTTP/1.0\r\n\r\n".encode())

    def rest(self, done: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        """Read until a message for which `done` holds."""
        self._socket.settimeout(LONGEST_S)
        lines: list[bytes] = []
        with self._socket.makefile("rb") as file:
            for line in file:
                lines.append(line)
                if line.startswith(b"data: ") and done(json.loads(line[6:])):
                    break
        self._socket.close()
        return of_lines(b"".join(lines).decode() + "\n\n")


async def read_websocket(
    port: int, until: Callable[[list[dict[str, Any]], int], bool], got: list[dict[str, Any]]
) -> None:
    size = 0
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"http://127.0.0.1:{port}/stream?topic=&topic=status.") as websocket,
    ):
        async for frame in websocket:
            size += len(frame.data)
            got.append(json.loads(frame.data))
            if until(got, size):
                return
    pytest.fail(f"closed: {websocket.close_code}")


@pytest.fixture
def system(make_project: Callable[..., Project]) -> tuple[Project, int]:
    """Return a running system with large books, and the gateway's port."""
    port = free_ports(1)[0]
    project = make_project(
        symbols=SYMBOLS, source="native", channels=["quote", "trade", "book"], book_depth=500,
        gateway={"port": port}, embedded_exchange={"rate": 1000},
    )  # fmt: skip
    started = project.feedd("start")
    assert started.returncode == 0, started.stdout + started.stderr
    return project, port


def test_clients_get_all_or_an_exact_count_of_what_they_missed(
    system: tuple[Project, int], tmp_path: Path
) -> None:
    """One that stalls gets the count and the ranges, and every other client gets everything."""
    project, port = system
    if shutil.which("node") is None:
        skip_outside_ci("node is missing: install nodejs")
    truth = Truth(project.endpoint)
    truth.start()
    time.sleep(1.0)  # the subscription reaches the proxy
    url = f"http://127.0.0.1:{port}"
    programs = {
        "curl": ["curl", "-sN", f"{url}/stream?topic=quote.&topic=status."],
        "node": ["node", str(NODE_CLIENT), url, "quote.", "trade."],
    }
    outputs = {name: tmp_path / f"{name}.out" for name in programs}
    running = []
    for name, command in programs.items():
        with outputs[name].open("wb") as output:
            running.append(
                subprocess.Popen(command, stdout=output, env=clean_environment(), cwd=tmp_path)
            )
    eventually(lambda: all(path.stat().st_size for path in outputs.values()), what="output")
    stalled = StalledClient(port, "topic=&ints=string")
    healthy: list[dict[str, Any]] = []

    def stalled_long(_got: list[dict[str, Any]], size: int) -> bool:
        return size > STALL_BYTES

    try:
        asyncio.run(asyncio.wait_for(read_websocket(port, stalled_long, healthy), LONGEST_S))
        last = max(one["published_ns"] for one in healthy if "published_ns" in one)
        slow = stalled.rest(lambda one: int(one.get("published_ns", 0)) > last)
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(10)
        time.sleep(0.5)  # what is on its way to the subscriber
        truth.stop()
    counts = check_whole(healthy, truth.messages, strings=False)
    assert counts["missed"] == 0
    assert counts["delivered"] > 1000
    counts = check_whole(slow, truth.messages, strings=True)
    assert counts["missed"] > 100
    by_curl = of_lines(outputs["curl"].read_text())
    assert {one["type"] for one in by_curl} >= {"quote", "status", "state", "ready", "heartbeat"}
    assert check_whole(by_curl, truth.messages, strings=False)["missed"] == 0
    lines = outputs["node"].read_text().split("\n")[:-1]
    by_node = [json.loads(line) for line in lines]
    assert {one["type"] for one in by_node} >= {"quote", "trade", "state", "ready", "heartbeat"}
    assert "lost" not in {one["type"] for one in by_node}
    assert check_whole(by_node, truth.messages, strings=True)["missed"] == 0
    assert len(by_node) > 1000
