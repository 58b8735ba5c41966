"""Add and remove symbols under the real supervisord while the others publish."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Callable
from typing import Any

import psutil
import pytest
from conftest import PYTHON, PlainSubscriber, Project, clean_environment, eventually

from feedd.runtime import locks
from feedd.topics import program_name

pytestmark = pytest.mark.process

BTC = "feed-binanceusdm-BTC-USDT-USDT"
ETH = "feed-binanceusdm-ETH-USDT-USDT"
SOL = "feed-binanceusdm-SOL-USDT-USDT"
XRP = "feed-binanceusdm-XRP-USDT-USDT"
Make = Callable[..., Project]


def file_of(project: Project) -> str:
    """Write the configuration as a person would, and return it."""
    text = project.config_path.read_text()
    head, _, rest = text.partition("symbols:\n")
    text = f"# mine\n{head}symbols:   # two\n{rest}# end"
    project.config_path.write_text(text)
    project.config_path.chmod(0o640)
    return text


def lives(project: Project) -> dict[str, tuple[Any, ...]]:
    """Return the pid of each process, and of each feed also its port and its session.

    The session is read from the port itself, not from feedd's own files.
    """
    pids = project.pids()
    ports = given_ports(project)
    feeds = [name for name in pids if name.startswith("feed-")]
    subscribers = {
        name: PlainSubscriber(f"tcp://127.0.0.1:{ports[name]}", "status.") for name in feeds
    }
    found: dict[str, tuple[Any, ...]] = {name: (pid,) for name, pid in pids.items()}
    for name, subscriber in subscribers.items():
        try:
            message = subscriber.receive()
        finally:
            subscriber.close()
        assert message is not None, f"{name} is silent on port {ports[name]}"
        _, exchange, symbol, _ = message[0].split(".")
        assert program_name(exchange, symbol) == name
        found[name] = (pids[name], ports[name], message[1]["session"])
    return found


def given_ports(project: Project) -> dict[str, int]:
    (ports,) = json.loads((project.root / "run" / "ports.json").read_text()).values()
    return dict(ports)


def feedd_at_once(project: Project, *commands: tuple[str, ...]) -> list[tuple[int, str]]:
    """Run commands that change the running programs at the same time.

    Returns the exit code and the output of each.
    """
    with locks.command_lock(project.root):
        processes = [
            subprocess.Popen(
                [PYTHON, "-m", "feedd", *command], cwd=project.root, env=clean_environment(),
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            )
            for command in commands
        ]  # fmt: skip
        for process in processes:
            eventually(lambda process=process: waits_for_the_lock_or_has_ended(process))
    outputs = [process.communicate(timeout=100)[0] for process in processes]
    return [(p.returncode, output) for p, output in zip(processes, outputs, strict=True)]


def waits_for_the_lock_or_has_ended(process: subprocess.Popen[str]) -> bool:
    if process.poll() is not None:
        return True
    files = psutil.Process(process.pid).open_files()
    return any(file.path.endswith("command.lock") for file in files)


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
    assert f"Port {project.base_port + 2} stays reserved for it" in removed.stdout
    assert project.config_path.read_text() == before_file
    assert project.config_path.stat().st_mode & 0o777 == 0o640
    assert lives(project) == before
    assert SOL not in project.pids()

    # A manually stopped program and a pending edit wait for a start.
    project.supervisorctl("stop", ETH)
    text = project.config_path.read_text().replace("- ETH/USDT\n", "- XRP/USDT\n- ETH/USDT\n")
    project.config_path.write_text(text)
    came_back = project.feedd("add", "SOL/USDT", "--channels", "quote,trade")
    assert came_back.returncode == 0, came_back.stderr
    item = "- {symbol: SOL/USDT:USDT, channels: [quote, trade]}\n"
    assert project.config_path.read_text() == text.replace("ETH/USDT\n", f"ETH/USDT\n{item}")
    processes = project.daemon.processes()
    assert processes[ETH]["statename"] == "STOPPED"
    assert processes.keys() == before.keys() | {SOL}

    started = project.feedd("start")
    assert started.returncode == 0, started.stderr
    now = lives(project)
    for name in ("proxy", "exchange", BTC):
        assert now[name] == before[name]
    assert now[SOL][:2] == (processes[SOL]["pid"], project.base_port + 2)
    assert now[ETH][1] == before[ETH][1]
    assert now[XRP][1] == project.base_port + 3
    assert now.keys() == before.keys() | {SOL, XRP}


def test_a_symbol_that_can_not_work_leaves_the_file_the_ports_and_the_processes_as_they_were(
    make_project: Make,
) -> None:
    project = make_project(symbols=["BTC/USDT", "ETH/USDT"])
    file = file_of(project)
    assert project.feedd("start").returncode == 0
    before = lives(project)
    ports = given_ports(project)
    refused = project.feedd("add", "NOSUCH/USDT")
    assert refused.returncode == 65
    assert "binanceusdm does not list NOSUCH/USDT:USDT" in refused.stderr
    assert "is unchanged" in refused.stderr
    for arguments, said in [
        (["SOL/USDT", "--exchange", "binanceusd"], "is it binanceusdm"),
        (["BTC/USDT", "--exchange", "binance", "--channels", "mark"], "has no mark of BTC/USDT"),
        (["SOL/USDT", "--channels", "quote,"], "'' is not one of ticker, quote"),
        (["SOL/USDT", "--port", str(project.base_port)], f"both {BTC}'s and {SOL}'s"),
    ]:
        wrong = project.feedd("add", *arguments)
        assert (wrong.returncode, said in wrong.stderr) == (78, True), wrong.stderr
    assert project.config_path.read_text() == file
    assert given_ports(project) == ports
    assert lives(project) == before

    # A port that another process holds is refused before anything is written.
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = str(holder.getsockname()[1])
        held = project.feedd("add", "SOL/USDT", "--port", port)
    assert held.returncode == 1
    assert f"127.0.0.1:{port} is held by pid {os.getpid()} (" in held.stderr
    assert project.config_path.read_text() == file

    # An edit made while an addition fails is kept: the port is taken before the worker binds it.
    process = subprocess.Popen(
        [PYTHON, "-m", "feedd", "add", "SOL/USDT", "--port", port], cwd=project.root,
        env=clean_environment(), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    eventually(lambda: "SOL" in project.config_path.read_text())
    with socket.create_server(("127.0.0.1", int(port))):
        eventually(lambda: project.pids().get(SOL))
        text = project.config_path.read_text()
        project.config_path.write_text(f"# a person's\n{text}\n# more")
        _, said = process.communicate(timeout=90)
    assert process.returncode == 1
    assert "was changed meanwhile" in said
    assert project.config_path.read_text() == f"# a person's\n{file}\n# more"
    assert lives(project) == before


def test_five_that_are_added_at_once_all_run_and_no_other_notices(make_project: Make) -> None:
    project = make_project(symbols=["BTC/USDT", "ETH/USDT"], channels=["quote"])
    assert project.feedd("start").returncode == 0
    before = lives(project)
    new = ["SOL", "XRP", "ADA", "BNB", "DOGE"]
    commands = [("add", f"{symbol}/USDT") for symbol in new]
    # A start that read the file earlier must not stop what they add.
    done = feedd_at_once(project, *commands, ("add", "NOSUCH/USDT"), ("start",))
    assert [code for code, _ in done[:6]] == [0] * 5 + [65], done
    names = {f"feed-binanceusdm-{symbol}-USDT-USDT" for symbol in new}
    now = lives(project)
    assert {name: now[name] for name in before} == before
    assert now.keys() - before.keys() == names
    assert len({now[name][1] for name in (BTC, ETH, *names)}) == 7
    lines = project.config_path.read_text().splitlines()
    assert sorted(line for line in lines if line.startswith("- ")) == sorted(
        ["- quote", "- BTC/USDT", "- ETH/USDT", *(f"- {symbol}/USDT:USDT" for symbol in new)]
    )
    assert project.pids().keys() == now.keys()


def test_without_supervisord_only_the_file_is_changed(make_project: Make) -> None:
    project = make_project(symbols=["BTC/USDT"])
    project.config_path.write_bytes(
        b"symbols: [BTC/USDT, {symbol: BTC/USDT:USDT, exchange: bybit}]\r\n"
    )
    link = project.root / "config" / "link.yaml"
    link.symlink_to(project.config_path.name)

    def feedd(*arguments: str) -> tuple[int, str]:
        done = project.feedd(*arguments, FEEDD_CONFIG="config/link.yaml")
        return done.returncode, done.stdout + done.stderr

    added = feedd("add", "ETH/USDT:USDT", "--exchange", "bybit", "--port", "6000")
    assert added[0] == 0, added
    assert "feedd start starts it" in added[1]
    assert project.config_path.read_bytes() == (
        b"symbols: [BTC/USDT, {symbol: BTC/USDT:USDT, exchange: bybit}, "
        b"{symbol: ETH/USDT:USDT, exchange: bybit, port: 6000}]\r\n"
    )
    for arguments, code, said in [
        (["XRP/USDT"], 78, "no feed is XRP/USDT; the configuration has BTC/USDT:USDT"),
        (["BTC/USDT:USDT"], 78, f"may be {BTC} or feed-bybit-BTC-USDT-USDT; name one"),
        (["ETH/USDT:USDT", "--exchange", "binance"], 78, "no feed is ETH/USDT:USDT on binance"),
        (["BTC/USDT:USDT", "--exchange", "bybit"], 0, "removed BTC/USDT:USDT"),
        ([BTC], 0, "removed BTC/USDT:USDT"),
        (["ETH/USDT:USDT"], 78, "a configuration needs one"),
    ]:
        done = feedd("remove", *arguments)
        assert (done[0], said in done[1]) == (code, True), done
    assert link.is_symlink()
    assert project.config_path.read_bytes() == (
        b"symbols: [{symbol: ETH/USDT:USDT, exchange: bybit, port: 6000}]\r\n"
    )
