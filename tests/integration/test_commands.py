"""The demo and the scripts that a person runs."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import PYTHON, REPOSITORY, Project, clean_environment, eventually

pytestmark = pytest.mark.process

Make = Callable[..., Project]
SYMBOLS = ["BTC/USDT", "ETH/USDT", "SOL/USDT"]
TICK = re.compile(r"\[\d+\] (\S+) Price: \$[\d,.]+ \| Bid: \S+ \| Ask: \S+ \| Volume: \S+")


def lines_until(process: subprocess.Popen[str], enough: Callable[[list[str]], bool]) -> list[str]:
    """Return a process's output until it suffices; fail after 90 s."""
    lines: list[str] = []
    assert process.stdout is not None
    deadline = time.monotonic() + 90
    while not enough(lines):
        line = process.stdout.readline()
        assert line, lines
        assert time.monotonic() < deadline, lines
        lines.append(line.rstrip("\n"))
    return lines


def popen(folder: Path, *command: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True, env={**clean_environment(), **environment},
    )  # fmt: skip


def demo(project: Project) -> subprocess.Popen[str]:
    return popen(
        project.root, PYTHON, "-m", "feedd", "--config", str(project.config_path), "demo",
        BINANCE_API_KEY="not for the demo", BINANCE_SECRET="x",
    )  # fmt: skip


def three_symbols(lines: list[str]) -> bool:
    return len({match[1] for line in lines if (match := TICK.fullmatch(line))}) == 3


def test_the_demo_prints_ticks_of_three_symbols_and_leaves_nothing_behind(
    make_project: Make,
) -> None:
    project = make_project(symbols=SYMBOLS)
    process = demo(project)
    lines = lines_until(process, three_symbols)
    assert any("all is healthy" in line for line in lines)
    assert lines[0].startswith("This is a demo with invented prices")
    first = next(index for index, line in enumerate(lines) if TICK.fullmatch(line))
    assert lines[first - 1].startswith("(invented prices")
    os.killpg(process.pid, signal.SIGINT)
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0, rest
    assert "nothing was left behind" in rest
    assert project.left_behind() == []


def test_a_demo_that_is_killed_takes_everything_with_it(make_project: Make) -> None:
    project = make_project(symbols=SYMBOLS)
    process = demo(project)
    lines_until(process, three_symbols)
    process.kill()
    process.communicate()
    eventually(lambda: not project.left_behind(), what="the demo's processes outlived it")


def test_a_demo_beside_a_running_feedd_is_refused(make_project: Make) -> None:
    project = make_project()
    assert project.feedd("start").returncode == 0
    refused = project.feedd("--config", str(project.config_path), "demo")
    assert refused.returncode == 78
    assert "feedd stop" in refused.stderr


def test_one_feed_runs_by_hand_and_its_ticks_are_printed(make_project: Make) -> None:
    project = make_project(embedded_exchange={"rate": 100})
    # The script works in its own folder.
    (project.root / "scripts").mkdir()
    for name in ("run_feed_handler.sh", "stop_all.sh"):
        (project.root / "scripts" / name).write_text((REPOSITORY / "scripts" / name).read_text())
    (project.root / ".venv").symlink_to(Path(PYTHON).parent.parent)
    (project.root / "Makefile").write_text(".venv/.feedd:\n")
    endpoint = "tcp://127.0.0.1:" + str(project.base_port)
    feed = popen(project.root, "bash", "scripts/run_feed_handler.sh", "BTC/USDT",
                 ZMQ_FEED_HANDLER_URL=endpoint)  # fmt: skip
    try:
        shown = project.run(
            PYTHON, str(REPOSITORY / "scripts/test_feed.py"), "--count", "3",
            ZMQ_FEED_HANDLER_URL=endpoint,
        )  # fmt: skip
        lines = shown.stdout.splitlines()
        assert lines[0] == f"listening to {endpoint}"
        assert lines[1].startswith("(invented prices")
        ticks = [match for line in lines if (match := TICK.fullmatch(line))]
        assert [match[1] for match in ticks] == ["BTC/USDT:USDT"] * 3
        assert ticks[0][0].startswith("[1] ")
        stopped = project.run("bash", "scripts/stop_all.sh")
        assert "stopped a feed without supervisord" in stopped.stdout
        feed.communicate(timeout=60)
        assert project.left_behind() == []
    finally:
        if feed.poll() is None:
            os.killpg(feed.pid, signal.SIGKILL)
            feed.communicate()


def test_the_load_test_measures_and_judges() -> None:
    done = subprocess.run(
        [PYTHON, "scripts/load_test_feed_handler.py", "--rate", "300", "--seconds", "3"],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=150, check=False,
        env=clean_environment(),
    )  # fmt: skip
    assert "dropped  0 of " in done.stdout, done.stdout + done.stderr
    assert re.search(r"p50 [\d.]+ ms   p99 [\d.]+ ms   p99.9 [\d.]+ ms", done.stdout)
    assert done.stdout.splitlines()[-1] in {"PASS", "FAIL"}
    assert (done.returncode == 0) == (done.stdout.splitlines()[-1] == "PASS")


def test_a_demo_stopped_from_elsewhere_reports_it_and_exits(make_project: Make) -> None:
    project = make_project(symbols=SYMBOLS)
    process = demo(project)
    lines_until(process, three_symbols)
    stopped = project.feedd("stop")
    assert stopped.returncode == 0, stopped.stderr
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "stopped from elsewhere" in rest
