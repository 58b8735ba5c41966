"""The demo and the scripts that a person runs."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from conftest import PYTHON, REPOSITORY, Project, clean_environment, eventually, free_ports

from feedd.supervision.folder_processes import pid_runs

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
        preexec_fn=_take_hangups,  # noqa: PLW1509  no thread of this process holds a lock
    )  # fmt: skip


def _take_hangups() -> None:
    """Undo what `nohup` passes on to every process that the tests start."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


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
    taken, *_ = free_ports(2)
    project = make_project(symbols=SYMBOLS, gateway={"port": taken})
    with socket.create_server(("127.0.0.1", taken)):  # another program's, like many a newcomer's
        process = demo(project)
        lines = lines_until(process, three_symbols)
    assert any("all is healthy" in line for line in lines)
    assert lines[0].startswith("This is a demo with invented prices")
    moved = re.fullmatch(
        rf"Port {taken} is in use: the page of this demo is at port (\d+)\.", lines[1]
    )
    assert moved, lines
    page = f"http://127.0.0.1:{moved[1]}"
    assert f"page: {page}" in lines
    with urllib.request.urlopen(f"{page}/healthz", timeout=10) as answer:
        assert answer.status == 200
    first = next(index for index, line in enumerate(lines) if TICK.fullmatch(line))
    assert lines[first - 1].startswith("(invented prices")
    os.killpg(process.pid, signal.SIGINT)
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0, rest
    assert "nothing was left behind" in rest
    assert project.left_behind() == []
    assert list(project.root.glob("run/*.yaml")) == []


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
        assert stopped.stdout == f"stopped scripts/run_feed_handler.sh BTC/USDT (pid {feed.pid})\n"
        output, _ = feed.communicate(timeout=60)
        first, second, *logged = output.splitlines()
        assert first.endswith(f"to print it: .venv/bin/python scripts/test_feed.py {endpoint}")
        assert second.startswith("(invented prices")
        assert any(line.endswith("state=live") or " state=live " in line for line in logged)
        assert not any(line.startswith("{") for line in logged)
        assert project.left_behind() == []
    finally:
        if feed.poll() is None:
            os.killpg(feed.pid, signal.SIGKILL)
            feed.communicate()


def test_the_foreground_feed_prints_an_error_once(make_project: Make) -> None:
    project = make_project()
    environment = {"ZMQ_FEED_HANDLER_URL": "tcp://192.0.2.1:5555"}
    done = project.run(PYTHON, "-m", "feedd.operation.one_feed", **environment)
    assert done.returncode == 78
    assert (done.stdout + done.stderr).count("can't be bound: Cannot") == 2  # its state, its error
    assert " error " in done.stdout
    unknown = project.run(PYTHON, "-m", "feedd.operation.one_feed", "XRP/USDT")
    assert unknown.returncode == 78
    assert unknown.stderr.count("\n") == 1
    assert unknown.stdout == ""
    shown = project.run(PYTHON, "-m", "feedd.operation.one_feed", "--help")
    assert "SYMBOL" in shown.stdout
    assert project.left_behind() == []


def attached_to(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """Return the processes that a load test has started, once it has started all."""

    def three() -> list[psutil.Process] | None:
        children = psutil.Process(process.pid).children()
        ready = [child for child in children if "workers" in " ".join(child.cmdline())]
        return ready if len(ready) == 3 else None

    found: list[psutil.Process] = eventually(three)
    return found


@pytest.mark.parametrize("number", ["INT", "TERM", "HUP", "KILL"])
def test_a_load_test_that_a_signal_ends_leaves_no_process_and_no_folder(
    tmp_path: Path, number: str
) -> None:
    process = popen(
        REPOSITORY, PYTHON, "scripts/load_test_feed_handler.py", "--rate", "20", "--seconds", "99",
        TMPDIR=str(tmp_path),
    )  # fmt: skip
    children = attached_to(process)
    process.send_signal(getattr(signal, f"SIG{number}"))
    output, _ = process.communicate(timeout=60)
    assert "Traceback" not in output
    eventually(lambda: not any(pid_runs(child.pid) for child in children))
    if number != "KILL":
        assert list(tmp_path.iterdir()) == []


def test_a_conformance_run_that_a_signal_ends_leaves_no_client(tmp_path: Path) -> None:
    client = tmp_path / "client.py"
    client.write_text("import time\ntime.sleep(600)\n")
    for number in (signal.SIGTERM, signal.SIGKILL):
        run = popen(tmp_path, PYTHON, "-m", "feedd", "conformance", "--", PYTHON, str(client))
        children = eventually(lambda pid=run.pid: psutil.Process(pid).children())
        run.send_signal(number)
        run.communicate(timeout=60)
        eventually(lambda pids=[c.pid for c in children]: not any(map(pid_runs, pids)))


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
