"""`feedd demo --faults`: every fault is announced, and its outcome follows."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable

import pytest
from conftest import PYTHON, Project
from test_commands import lines_until, popen

from feedd.config.load import load_config
from feedd.operation.demo_faults import play_faults

pytestmark = pytest.mark.process

Make = Callable[..., Project]
SYMBOLS = ["BTC/USDT", "ETH/USDT", "SOL/USDT"]
LIVE_AGAIN = r"OUTCOME after [\d.]+ s: {}/USDT:USDT is live again"
OUTCOMES = (
    LIVE_AGAIN.format("BTC") + r", pid \d+ became \d+; .* NewSession; the 5 other processes kept",
    LIVE_AGAIN.format("ETH") + r"; ",
    r"OUTCOME after [\d.]+ s: \d+ trades were requested again and inserted",
    r"OUTCOME after [\d.]+ s: .*reported as a gap: .*trade after \d+ and before \d+",
    r"OUTCOME after [\d.]+ s: BTC/USDT:USDT was stale after [\d.]+ s, and is live again",
    r"OUTCOME after [\d.]+ s: pid \d+ became \d+, all 3 symbols arrive again",
)


def test_a_worker_that_is_killed_recovers_in_the_demo_and_ctrl_c_leaves_nothing(
    make_project: Make,
) -> None:
    project = make_project(symbols=SYMBOLS)
    process = popen(
        project.root, PYTHON, "-m", "feedd", "--config", str(project.config_path), "demo",
        "--faults",
    )  # fmt: skip
    lines = lines_until(process, lambda lines: bool(lines) and lines[-1].startswith("OUTCOME"))
    announced = next(n for n, line in enumerate(lines) if line.startswith("FAULT 1 of 6: kill -9"))
    assert any(line.startswith("[1] ") for line in lines[:announced])  # ticks before it
    assert re.match(OUTCOMES[0], lines[-1]), lines
    os.killpg(process.pid, signal.SIGINT)
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0, rest
    assert "nothing was left behind" in rest
    assert project.left_behind() == []


def test_each_fault_has_its_outcome(make_project: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make_project(symbols=SYMBOLS)
    assert project.feedd("start").returncode == 0
    monkeypatch.chdir(project.root)
    lines: list[str] = []

    def outcomes() -> list[str]:
        return [line for line in lines if line.startswith("OUTCOME")]

    play_faults(
        load_config(project.config_path), project.daemon,
        lambda: len(outcomes()) == len(OUTCOMES), lines.append, pause_s=0.5,
    )  # fmt: skip
    assert sum(line.startswith("FAULT") for line in lines) == len(OUTCOMES)
    for pattern, outcome in zip(OUTCOMES, outcomes(), strict=True):
        assert re.match(pattern, outcome), "\n".join(lines)


def test_without_an_embedded_exchange_the_faults_are_refused(make_project: Make) -> None:
    project = make_project()
    config = project.root / "config" / "live.yaml"
    config.write_text("symbols: [BTC/USDT]\n")
    refused = project.feedd("--config", str(config), "demo", "--faults")
    assert refused.returncode == 78
    assert "no embedded_exchange with live feeds" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
