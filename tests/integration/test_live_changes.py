"""Symbols that come and go under the real supervisord, while the others deliver."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from conftest import PYTHON, Project, clean_environment, eventually

BTC = "feed-binanceusdm-BTC-USDT-USDT"
ETH = "feed-binanceusdm-ETH-USDT-USDT"
SOL = "feed-binanceusdm-SOL-USDT-USDT"
XRP = "feed-binanceusdm-XRP-USDT-USDT"
NOSUCH = "feed-binanceusdm-NOSUCH-USDT-USDT"
Make = Callable[..., Project]


def file_of(project: Project) -> str:
    """Write the configuration as a person would, and return it."""
    text = project.config_path.read_text()
    head, _, rest = text.partition("symbols:\n")
    text = f"# mine\n{head}symbols:   # two\n{rest}# end"
    project.config_path.write_text(text)
    project.config_path.chmod(0o640)
    return text


def rows(project: Project) -> dict[str, dict[str, Any]]:
    """Return what `feedd status --json` says of each process."""
    report = json.loads(project.feedd("status", "--json").stdout)
    return {row["name"]: row for row in report["processes"]}


def lives(project: Project) -> dict[str, tuple[Any, ...]]:
    """Return the pid, port and session of each process; a feed that hasn't spoken has no session."""

    def all_spoken() -> dict[str, dict[str, Any]]:
        found = rows(project)
        feeds = [row for row in found.values() if row["port"] is not None]
        return found if all(row["status"] for row in feeds) else {}

    return {
        name: (row["pid"], row["port"], (row["status"] or {}).get("session"))
        for name, row in eventually(all_spoken).items()
    }


def feedd_at_once(project: Project, *commands: tuple[str, ...]) -> list[tuple[int, str]]:
    """Run commands at the same time; return the exit code and the output of each."""
    processes = [
        subprocess.Popen(
            [PYTHON, "-m", "feedd.cli", *command], cwd=project.root, env=clean_environment(),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for command in commands
    ]  # fmt: skip
    outputs = [process.communicate(timeout=100)[0] for process in processes]
    return [(p.returncode, output) for p, output in zip(processes, outputs, strict=True)]


def test_a_symbol_is_added_and_removed_and_comes_back_and_no_other_notices(
    make_project: Make,
) -> None:
    project = make_project(symbols=["BTC/USDT", "ETH/USDT"])
    before_file = file_of(project)
    assert project.feedd("start").returncode == 0
    before = lives(project)
    added = project.feedd("add", "SOL/USDT")
    assert added.returncode == 0, added.stdout + added.stderr
    assert f"started {SOL} on port {project.base_port + 2}" in added.stdout
    assert "SOL/USDT:USDT is live" in added.stdout
    with_symbol = before_file.replace("- ETH/USDT\n", "- ETH/USDT\n- SOL/USDT:USDT\n")
    assert project.config_path.read_text() == with_symbol

    again = project.feedd("add", "SOL/USDT:USDT")
    assert again.returncode == 78
    assert "is in" in again.stderr
    assert "already" in again.stderr
    assert project.config_path.read_text() == with_symbol

    now = lives(project)
    assert now.pop(SOL)[1] == project.base_port + 2
    assert now == before

    removed = project.feedd("remove", SOL)
    assert removed.returncode == 0, removed.stderr
    assert f"Port {project.base_port + 2} stays its own" in removed.stdout
    assert project.config_path.read_text() == before_file
    assert project.config_path.stat().st_mode & 0o777 == 0o640
    assert lives(project) == before
    assert SOL not in project.pids()

    assert project.feedd("add", "XRP/USDT").returncode == 0
    came_back = project.feedd("add", "SOL/USDT", "--channels", "quote,trade")
    assert came_back.returncode == 0, came_back.stderr
    now = lives(project)
    assert now.pop(SOL)[1] == project.base_port + 2
    assert now.pop(XRP)[1] == project.base_port + 3
    assert now == before


def test_a_symbol_that_can_not_work_leaves_the_file_the_ports_and_the_processes_as_they_were(
    make_project: Make,
) -> None:
    project = make_project(symbols=["BTC/USDT", "ETH/USDT"])
    file = file_of(project)
    assert project.feedd("start").returncode == 0
    before = lives(project)
    ports = json.loads((project.root / "run" / "ports.json").read_text())
    refused = project.feedd("add", "NOSUCH/USDT")
    assert refused.returncode == 1
    assert "binanceusdm does not list NOSUCH/USDT:USDT" in refused.stderr
    assert "is as it was" in refused.stderr
    for arguments, said in [
        (["SOL/USDT", "--exchange", "binanceusd"], "is it binanceusdm"),
        (["SOL/USDT", "--channels", "quote,trades"], "trades is none of"),
        (["BTC/USDT", "--exchange", "binance", "--channels", "mark"], "has no mark of BTC/USDT"),
        (["SOL/USDT", "--port", str(project.base_port)], f"both {BTC}'s and {SOL}'s"),
    ]:
        wrong = project.feedd("add", *arguments)
        assert (wrong.returncode, said in wrong.stderr) == (78, True), wrong.stderr
    assert project.config_path.read_text() == file
    assert json.loads((project.root / "run" / "ports.json").read_text()) == ports
    assert lives(project) == before
    assert project.pids().keys() == before.keys()


def test_what_a_person_wrote_while_an_addition_failed_stays(make_project: Make) -> None:
    project = make_project(symbols=["BTC/USDT", "ETH/USDT"])
    file = file_of(project)
    assert project.feedd("start").returncode == 0
    process = subprocess.Popen(
        [PYTHON, "-m", "feedd.cli", "add", "NOSUCH/USDT"], cwd=project.root,
        env=clean_environment(), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    eventually(lambda: "NOSUCH" in project.config_path.read_text())
    eventually(lambda: NOSUCH in project.pids())
    text = project.config_path.read_text()
    project.config_path.write_text(f"# a person's\n{text}\n# more")
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "was changed meanwhile" in said
    assert project.config_path.read_text() == f"# a person's\n{file}\n# more"
    assert NOSUCH not in project.pids()


def test_five_that_are_added_at_once_all_run_and_no_other_notices(make_project: Make) -> None:
    project = make_project(symbols=["BTC/USDT", "ETH/USDT"], channels=["quote"])
    assert project.feedd("start").returncode == 0
    before = lives(project)
    new = ["SOL", "XRP", "ADA", "BNB", "DOGE"]
    commands = [("add", f"{symbol}/USDT") for symbol in new]
    done = feedd_at_once(project, *commands, ("add", "NOSUCH/USDT"))
    assert [code for code, _ in done] == [0] * 5 + [1], done
    names = {f"feed-binanceusdm-{symbol}-USDT-USDT" for symbol in new}
    now = lives(project)
    assert {name: now[name] for name in before} == before
    assert now.keys() - before.keys() == names
    assert len({now[name][1] for name in now if now[name][1]}) == 7
    lines = project.config_path.read_text().splitlines()
    assert sorted(line for line in lines if line.startswith("- ")) == sorted(
        ["- quote", "- BTC/USDT", "- ETH/USDT", *(f"- {symbol}/USDT:USDT" for symbol in new)]
    )
    assert project.pids().keys() == now.keys()


def test_an_addition_leaves_alone_what_is_stopped_and_what_is_not_applied_yet(
    make_project: Make,
) -> None:
    project = make_project(symbols=["BTC/USDT", "ETH/USDT"])
    assert project.feedd("start").returncode == 0
    before = lives(project)
    project.supervisorctl("stop", ETH)
    project.configure(symbols=["BTC/USDT", "ETH/USDT", "XRP/USDT"])
    added = project.feedd("add", "SOL/USDT")
    assert added.returncode == 0, added.stderr
    processes = project.daemon.processes()
    assert processes[ETH]["statename"] == "STOPPED"
    assert processes[BTC]["pid"] == before[BTC][0]
    assert XRP not in processes
    started = project.feedd("start")
    assert started.returncode == 0, started.stderr
    now = lives(project)
    assert (now["proxy"], now["exchange"], now[BTC]) == (
        before["proxy"], before["exchange"], before[BTC],
    )  # fmt: skip
    assert {XRP, SOL, ETH} <= now.keys()
    assert now[SOL][0] == processes[SOL]["pid"]


def test_an_edited_file_and_a_start_stop_and_start_only_what_changed(make_project: Make) -> None:
    project = make_project(symbols=["BTC/USDT", "ETH/USDT"])
    assert project.feedd("start").returncode == 0
    before = lives(project)
    project.configure(
        symbols=["SOL/USDT", "ETH/USDT", {"symbol": "BTC/USDT", "port": project.base_port}]
    )
    assert project.feedd("start").returncode == 0
    now = lives(project)
    for name in ("proxy", "exchange", ETH):
        assert now[name] == before[name]
    assert now[SOL][1] == project.base_port + 2


def test_without_supervisord_only_the_file_is_changed(make_project: Make) -> None:
    project = make_project(symbols=["BTC/USDT"])
    project.config_path.write_text("symbols: [BTC/USDT, {symbol: BTC/USDT, exchange: bybit}]\r\n")
    link = project.root / "config" / "link.yaml"
    link.symlink_to(project.config_path.name)
    feedd = ("--config", str(link))
    added = project.feedd(*feedd, "add", "ETH/USDT:USDT", "--exchange", "bybit", "--port", "6000")
    assert added.returncode == 0, added.stderr
    assert "make start starts it" in added.stdout
    assert link.is_symlink()
    assert project.config_path.read_bytes() == (
        b"symbols: [BTC/USDT, {symbol: BTC/USDT, exchange: bybit}, "
        b"{symbol: ETH/USDT:USDT, exchange: bybit, port: 6000}]\r\n"
    )
    refused = project.feedd(*feedd, "remove", "XRP/USDT")
    assert (refused.returncode, "the configuration has BTC/USDT:USDT" in refused.stderr) == (78, True)
    both = project.feedd(*feedd, "remove", "BTC/USDT")
    assert both.returncode == 0, both.stderr
    assert project.feedd(*feedd, "remove", "feed-bybit-BTC-USDT").returncode == 0
    last = project.feedd(*feedd, "remove", "ETH/USDT:USDT")
    assert (last.returncode, "a configuration needs one" in last.stderr) == (78, True)
    assert Path(project.config_path).read_bytes() == (
        b"symbols: [{symbol: ETH/USDT:USDT, exchange: bybit, port: 6000}]\r\n"
    )
    assert os.listdir(project.root / "config") == ["feedd.yaml", "link.yaml"]
