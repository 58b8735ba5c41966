"""The audit of a real run: exchange, workers and subscribers in processes."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from chaos.audit import LENIENT
from chaos.frame import last_sent_ns
from conftest import PYTHON, Project, clean_environment, eventually

pytestmark = pytest.mark.process

FEED = "binanceusdm.BTC/USDT:USDT."
PROGRAM = "feed-binanceusdm-BTC-USDT-USDT"


def record(project: Project, name: str, *options: str) -> subprocess.Popen[bytes]:
    with (project.root / name).open("wb") as file:
        return subprocess.Popen(
            [PYTHON, "-m", "feedd", "tail", "--json", *options], cwd=project.root, stdout=file,
            stderr=subprocess.PIPE, env=clean_environment(),
        )  # fmt: skip


def trades(path: Path, what: str = f"trade.{FEED}") -> list[int]:
    """Return the sessions of the trades recorded so far."""
    whole = [line for line in path.read_text().split("\n")[:-1] if f'"topic":"{what}"' in line]
    return [json.loads(line)["payload"]["session"] for line in whole if '"payload"' in line]


def until(paths: list[Path], enough: Callable[[list[int]], bool]) -> None:
    """Wait until enough trades are recorded in each file."""
    eventually(lambda: all(enough(trades(path)) for path in paths), 60)


@pytest.mark.timeout(240)  # of a machine that does other things too
def test_a_recording_over_a_restart_passes_and_one_trade_less_does_not(
    make_project: Callable[..., Project],
) -> None:
    channels = ["ticker", "quote", "trade", "book", "candle", "mark", "liquidation"]
    project = make_project(
        channels=channels, embedded_exchange={"truth_log": "run/truth.jsonl", "rate": 50}
    )
    assert project.feedd("start").returncode == 0
    names = {"client.jsonl": [], "plain.jsonl": ["--plain"]}
    recorders = [record(project, name, *options) for name, options in names.items()]
    try:
        paths = [project.root / name for name in names]
        until(paths, lambda sessions: len(sessions) > 50)
        project.supervisorctl("restart", PROGRAM)
        until(paths, lambda sessions: sessions.count(sessions[-1]) > 50 and len(set(sessions)) == 2)
    finally:
        for recorder, number in zip(recorders, (signal.SIGINT, signal.SIGTERM), strict=True):
            recorder.send_signal(number)
            _, said = recorder.communicate(timeout=45)
            assert recorder.returncode == 0, said
            assert b"wrote" in said
    ended_ns = time.time_ns()
    eventually(lambda: last_sent_ns(project.root / "run" / "truth.jsonl") > ended_ns)
    for name in names:
        audit = project.feedd("audit", "run/truth.jsonl", name, *LENIENT)
        assert audit.returncode == 0, audit.stdout + audit.stderr
        for channel in ("quote", "trade", "book", "ticker", "mark", "candle"):
            assert f"{channel}.{FEED}" in audit.stdout
    path = project.root / "client.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    places = [at for at, line in enumerate(lines) if f'"topic":"trade.{FEED}","payload"' in line]
    del lines[places[20]]
    path.write_text("".join(lines))
    audit = project.feedd("audit", "run/truth.jsonl", "client.jsonl", *LENIENT)
    assert audit.returncode == 1
    assert f"trade.{FEED}  missing: of seq" in audit.stdout
