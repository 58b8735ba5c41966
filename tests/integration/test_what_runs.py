"""Commands act on what runs, or ran last, whatever became of the file on disk."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import PYTHON, Project, clean_environment, eventually

Make = Callable[..., Project]
BTC, ETH = "feed-binanceusdm-BTC-USDT-USDT", "feed-binanceusdm-ETH-USDT-USDT"
SOL = "feed-binanceusdm-SOL-USDT-USDT"


def demo_beside(project: Project) -> Path:
    """Write a second configuration, of the same ports, beside the default one; return it."""
    path = project.root / "config" / "demo.yaml"
    path.write_text(yaml.safe_dump({**project.settings, "symbols": ["ETH/USDT"]}))
    return path


def running(project: Project) -> set[str]:
    return {name for name in project.pids() if name.startswith("feed-")}


def kill_supervisord(project: Project) -> None:
    pid = project.daemon.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not project.left_behind(), 30)


def stop(project: Project) -> None:
    assert project.feedd("stop").returncode == 0


@pytest.mark.parametrize(
    ("end", "command"), [(stop, "start"), (stop, "restart"), (kill_supervisord, "restart")]
)
def test_the_configuration_that_ran_last_is_continued_and_not_the_default(
    make_project: Make, end: Callable[[Project], None], command: str
) -> None:
    project = make_project()
    demo = demo_beside(project)
    assert project.feedd("start", "--config", str(demo)).returncode == 0
    end(project)
    again = project.feedd(command)
    assert again.returncode == 0, again.stderr
    assert again.stdout.splitlines()[0].startswith(f"continuing with {demo}")
    assert running(project) == {ETH}


def test_where_the_last_file_is_missing_a_start_names_both_and_a_given_one_is_started(
    make_project: Make,
) -> None:
    project = make_project()
    demo = demo_beside(project)
    assert project.feedd("start", "--config", str(demo)).returncode == 0
    assert project.feedd("stop").returncode == 0
    demo.unlink()
    for command in ("start", "restart", "render"):
        refused = project.feedd(command)
        assert refused.returncode == 78
        assert f"{demo} ran here last, and is missing" in refused.stderr
        assert "config/feedd.yaml" in refused.stderr
        assert project.daemon.pid is None
    assert project.feedd("status").returncode == 2
    asked = project.feedd("start", "--config", "config/feedd.yaml")
    assert asked.returncode == 0
    assert "continuing" not in asked.stdout
    assert running(project) == {BTC}


def test_another_configuration_is_refused_and_both_are_named(make_project: Make) -> None:
    project = make_project()
    demo = demo_beside(project)
    assert project.feedd("start").returncode == 0
    for command in ("start", "status", "restart"):
        refused = project.feedd(command, "--config", str(demo))
        assert refused.returncode == 78
        assert f"runs here on {project.config_path}, not on {demo}" in refused.stderr
    rendered = project.feedd("render", "--config", str(demo))
    assert rendered.returncode == 78
    assert str(project.config_path) in rendered.stderr
    missing = project.feedd("status", "--config", "nope.yaml")
    assert missing.returncode == 78
    assert "nope.yaml: no such file" in missing.stderr
    assert "runs here" not in missing.stderr


def lines_of(project: Project, *command: str) -> str:
    """Return what a command prints within some seconds, and end it."""
    done = project.run("timeout", "-s", "INT", "4", PYTHON, "-u", "-m", "feedd", *command)
    assert "Traceback" not in done.stderr
    return str(done.stdout + done.stderr)


def test_what_runs_is_used_while_its_file_is_broken_or_gone(make_project: Make) -> None:
    project = make_project()
    assert project.feedd("start").returncode == 0
    project.config_path.write_text("symbols:\n\t- BTC/USDT\n")
    use_what_runs(project, "not valid YAML")
    project.config_path.unlink()
    use_what_runs(project, "no such file")
    assert project.feedd("stop").stdout == "stopped\n"


def use_what_runs(project: Project, why: str) -> None:
    """Run the commands that need no file; `why` it can't be read is in a notice."""
    kept = project.root / why
    status = project.feedd("status", "--json")
    assert status.returncode == 0, status.stderr
    (notice,) = [one for one in json.loads(status.stdout)["notices"] if "feedd.yaml" in one]
    assert why in notice
    followed = [("tail", "ticker."), ("top",), ("record", "--dir", str(kept))]
    with ThreadPoolExecutor() as at_once:
        tail, top, _ = at_once.map(lambda command: lines_of(project, *command), followed)
    assert "ticker.binanceusdm.BTC/USDT:USDT." in tail
    assert "live" in top
    assert list(kept.rglob("*.feedd"))
    logs = project.feedd("logs", "--no-follow", "BTC/USDT")
    assert logs.returncode == 0
    assert why not in logs.stderr

    # A worker that ends while the file is broken starts again, by itself and by a command.
    pid = project.pids()[BTC]
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: project.pids()[BTC] not in {0, pid})
    restarted = project.feedd("restart", "BTC/USDT")
    assert restarted.returncode == 0, restarted.stderr
    refused = project.feedd("start")
    assert refused.returncode == 78
    assert why in refused.stderr
    assert running(project) == {BTC}


def test_an_edit_that_was_not_applied_is_shown_and_changes_nothing_yet(make_project: Make) -> None:
    project = make_project()
    assert project.feedd("start").returncode == 0
    project.configure(symbols=["BTC/USDT:USDT", "ETH/USDT:USDT"], channels=["quote"])
    pid = project.pids()[BTC]
    os.kill(pid, signal.SIGKILL)  # a crash applies no edit either

    def live() -> dict[str, Any] | None:
        done = project.feedd("status", "--json")
        report: dict[str, Any] = json.loads(done.stdout)
        return report if done.returncode == 0 else None

    eventually(lambda: project.pids()[BTC] not in {0, pid})
    report = eventually(live)
    feeds = {row["name"]: row for row in report["processes"] if row["exchange"]}
    assert set(feeds) == {BTC}
    assert set(feeds[BTC]["channels"]) == {"ticker", "quote", "trade"}
    assert any("changed, and not applied yet" in notice for notice in report["notices"])

    shown = project.root / "shown"
    with shown.open("w") as file:
        top = subprocess.Popen(
            [PYTHON, "-u", "-m", "feedd", "top", "--wide"], cwd=project.root, stdout=file,
            env=clean_environment(),
        )  # fmt: skip
    try:
        eventually(lambda: BTC in shown.read_text())
        added = project.feedd("add", "SOL/USDT")  # which applies nothing but itself
        assert added.returncode == 0, added.stderr
        assert running(project) == {BTC, SOL}
        eventually(lambda: SOL in shown.read_text())
        assert ETH not in shown.read_text()
    finally:
        top.terminate()
        top.wait()
    assert project.feedd("start").returncode == 0
    assert running(project) == {BTC, ETH, SOL}
    report = eventually(live)
    assert not any("not applied" in notice for notice in report["notices"])


def test_a_demo_that_ended_is_not_continued(make_project: Make) -> None:
    project = make_project()
    demo_beside(project)
    with subprocess.Popen(
        [PYTHON, "-u", "-m", "feedd", "demo"], cwd=project.root, stdout=subprocess.PIPE, text=True,
        env=clean_environment(),
    ) as demo:  # fmt: skip
        assert demo.stdout is not None
        assert any(line.startswith("Ctrl-C ends") for line in demo.stdout)
        demo.send_signal(signal.SIGINT)
        assert "nothing was left behind" in demo.stdout.read()
    started = project.feedd("start")
    assert started.returncode == 0, started.stderr
    assert "continuing" not in started.stdout
    assert running(project) == {BTC}
    shutil.rmtree(project.root / "config")
    assert project.feedd("status").returncode == 0
