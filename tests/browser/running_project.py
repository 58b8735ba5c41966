"""A demo-like project with a gateway, which all tests of a module share."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from browser.chromium import writes_pictures
from conftest import Project, eventually, free_ports

BTC, ETH, SOL = "BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT"
HISTORY_S = 240.0  # before a picture of the documents
SILENT_S = 45.0  # at its end: then SOL is stale
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><b>bold</b>"


def feed_of(symbol: str) -> str:
    return f"binanceusdm.{symbol}."


class Watched:
    """A project that runs, and the addresses of its gateway and its exchange."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.address = f"http://127.0.0.1:{project.settings['gateway']['port']}"
        self._exchange = f"http://127.0.0.1:{project.settings['embedded_exchange']['port']}"

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.address}{path}", timeout=20) as answer:
            return json.load(answer)

    def fault(self, fault: str, **settings: Any) -> None:
        """Start a fault of the exchange."""
        body = json.dumps({"fault": fault, **settings}).encode()
        with urllib.request.urlopen(f"{self._exchange}/embedded/faults", body, timeout=20):
            pass

    def kill_until(self, symbol: str, condition: Callable[[], bool]) -> None:
        """Kill the worker of a symbol whenever it runs, until a condition holds."""
        rows = self.get("/api/overview")["processes"]
        (name,) = [one["name"] for one in rows if one["symbol"] == symbol]

        def holds() -> bool:
            if condition():
                return True
            pid = self.project.pids()[name]
            if pid:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return False

        eventually(holds, what=f"{name} is killed until the page shows it")


@contextmanager
def running(root: Path) -> Iterator[Watched]:
    """Start three symbols on the embedded exchange."""
    project = Project(
        root, symbols=[BTC, ETH, SOL], channels=["ticker", "quote", "trade", "book", "candle"],
        source="native", gateway={"port": free_ports(1)[0]}, recorder={},
        embedded_exchange={"rate": 10},
    )  # fmt: skip
    try:
        started = project.feedd("start")
        assert started.returncode == 0, started.stdout + started.stderr
        watched = Watched(project)
        if writes_pictures():
            time.sleep(HISTORY_S - SILENT_S)
            watched.fault("mute", symbol=SOL)
            time.sleep(SILENT_S)
        yield watched
    finally:
        project.close()
