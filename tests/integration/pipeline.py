"""Proxy, exchange and feeds in real processes, without supervisord."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import msgspec
import yaml
from conftest import PYTHON, REPOSITORY, PlainSubscriber, clean_environment, free_ports

from feedd.embedded.tape import read
from feedd.venues.binance import raw_recording

Event = tuple[int, float, float]


class Pipeline:
    """Proxy, exchange and feeds without supervisord, in one folder and on free ports."""

    def __init__(self, folder: Path, symbols: list[str], **exchange: Any) -> None:
        self.folder = folder
        self.symbols = symbols
        proxy, port, *self.feed_ports = free_ports(2 + len(symbols))
        self.endpoint = f"tcp://127.0.0.1:{proxy}"
        self._config = folder / "feedd.yaml"
        self._config.write_text(yaml.safe_dump({
            "symbols": [{"symbol": symbol, "port": port}
                        for symbol, port in zip(symbols, self.feed_ports, strict=True)],
            "channels": ["quote", "trade"],
            "proxy": {
                "subscribers": self.endpoint,
                "workers": f"ipc://{folder}/w.sock",
                "history": f"ipc://{folder}/h.sock",
            },
            "run_dir": str(folder / "run"),
            "embedded_exchange": {"port": port, **exchange},
        }))  # fmt: skip
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, worker: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [PYTHON, f"workers/{worker}.py", *arguments, "--config", str(self._config)]
        process = subprocess.Popen(
            [*command, "--log-dir", str(self.folder / "logs")],
            cwd=REPOSITORY, env=clean_environment(),
        )  # fmt: skip
        self.processes[arguments[0] if arguments else worker] = process
        return process

    def start_all(self) -> None:
        self.start("proxy")
        self.start("exchange")
        for symbol in self.symbols:
            self.start("feed", symbol)

    def stop(self) -> None:
        for process in reversed(self.processes.values()):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def recorded_events(path: Path, seconds: float | None = None) -> dict[str, list[Event]]:
    """Return the file's events: id, and price and size, or bid and ask."""
    events: dict[str, list[Event]] = {"quote": [], "trade": []}
    decode = msgspec.json.Decoder().decode
    start_ns = None
    for row in read(path, raw_recording):
        start_ns = start_ns or row.local_ns
        if seconds is not None and row.local_ns - start_ns > seconds * 1e9:
            break
        if row.stream.endswith("@bookTicker"):
            data = decode(row.data)
            events["quote"].append((data["u"], float(data["b"]), float(data["a"])))
        elif row.stream.endswith("@trade"):
            data = decode(row.data)
            events["trade"].append((data["t"], float(data["p"]), float(data["q"])))
    return events


def receive(
    subscriber: PlainSubscriber, wanted: dict[tuple[str, str], int], timeout_s: float
) -> dict[tuple[str, str], list[Event]]:
    """Return events by symbol and channel until all are there; checks `seq` and `session`."""
    events: dict[tuple[str, str], list[Event]] = {key: [] for key in wanted}
    deadline = time.monotonic() + timeout_s
    while any(len(events[key]) < count for key, count in wanted.items()):
        message = subscriber.receive(45)  # processes have to start first
        assert message is not None, f"silence after { ({k: len(v) for k, v in events.items()}) }"
        assert time.monotonic() < deadline
        topic, payload = message
        channel = topic.partition(".")[0]
        if channel == "status":
            assert payload["gap"] is None
            assert payload["rejected"] == 0
            continue
        assert topic == f"{channel}.binanceusdm.{payload['symbol']}."
        seen = events[payload["symbol"], channel]
        keys = ("bid", "ask") if channel == "quote" else ("price", "size")
        seen.append((payload["id"], payload[keys[0]], payload[keys[1]]))
        assert payload["seq"] == len(seen)
    return events
