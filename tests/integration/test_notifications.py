"""Notifications of a running project, to a real HTTP server that fails at first."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psutil
import pytest
from conftest import Project, eventually, free_ports

TOKEN = "T0SECRET-B0SECRET-xYzSECRETxYz"
FEED = "binanceusdm.BTC/USDT:USDT."


class Receiver:
    """A webhook that answers 500, then late, then 429, and then accepts."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.refused: list[int] = []
        self.accepted: list[dict[str, Any]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.times.append(time.monotonic())
                status = receiver.answer(body)
                self.send_response(status)
                if status == 429:
                    self.send_header("Retry-After", "3")
                self.end_headers()
                self.wfile.write(self.path.encode())  # so that a log of the answer has the token

            def log_message(self, *_: Any) -> None:
                """Print nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hooks/{TOKEN}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def answer(self, body: dict[str, Any]) -> int:
        if len(self.refused) < 3:
            status = (500, 503, 429)[len(self.refused)]
            self.refused.append(status)
            if status == 503:
                time.sleep(2.0)
            return status
        self.accepted.append(body)
        return 200

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.mark.process
def test_a_killed_worker_is_notified_although_the_webhook_fails_at_first(
    make_project: Callable[..., Project], receiver: Receiver
) -> None:
    (port,) = free_ports(1)
    project = make_project(gateway={"port": port, "webhook": {"settle_s": 1.0}})
    dotenv = project.root / ".env"
    dotenv.write_text(f"FEEDD_WEBHOOK_URL={receiver.url}\n")
    dotenv.chmod(0o600)
    checked = project.feedd("config", "check")
    started = project.feedd("start")
    assert started.returncode == 0, started.stderr
    worker = "feed-binanceusdm-BTC-USDT-USDT"

    def status() -> dict[str, Any]:
        url = f"http://127.0.0.1:{port}/api/status"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)  # type: ignore[no-any-return]

    eventually(lambda: status()["health"] == "healthy")
    assert receiver.times == [], "a start is no change"
    os.kill(project.pids()[worker], signal.SIGKILL)

    def notified() -> list[dict[str, Any]]:
        return [one for body in receiver.accepted for one in body["notifications"]]

    eventually(lambda: {one["kind"] for one in notified()} >= {"feed", "restart"})
    assert receiver.refused == [500, 503, 429]
    # The back-off after 500 and 503, and the time that 429 asks for.
    pauses_s = [b - a for a, b in zip(receiver.times, receiver.times[1:], strict=False)]
    assert pauses_s[0] >= 1.0
    assert pauses_s[1] >= 2.0 + 2.0
    assert pauses_s[2] >= 3.0
    (restart,) = [one for one in notified() if one["kind"] == "restart"]
    assert (restart["name"], restart["count"], restart["symbol"]) == (FEED, 1, "BTC/USDT:USDT")
    feed = [one for one in notified() if one["kind"] == "feed"]
    assert feed[-1]["outcome"] in {"past", "resolved"}
    first = receiver.accepted[0]
    assert (first["version"], first["undelivered"]) == (1, 0)
    assert "restarted: binanceusdm BTC/USDT:USDT" in first["text"]
    eventually(lambda: "accepts notifications again" in project.log("gateway"))

    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        metrics = answer.read().decode()
    assert "feedd_gateway_webhook_failures_total 3.0" in metrics

    assert "accepts no notification: HTTP 500" in project.log("gateway")
    seen = [checked.stdout + checked.stderr, started.stdout + started.stderr, str(status())]
    seen += [
        path.read_text(errors="replace")
        for folder in ("logs", "run")
        for path in (project.root / folder).rglob("*")
        if path.is_file()
    ]
    seen += [str(psutil.Process(pid).cmdline()) for pid in project.pids().values() if pid]
    for text in seen:
        assert "SECRET" not in text
