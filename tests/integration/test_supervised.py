"""Under the real supervisord: one symbol at a time, mistakes that end a worker, crashes."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Project, eventually

from feedd.embedded.rest_page import API_KEY, API_SECRET

pytestmark = pytest.mark.process

BTC = "feed-binanceusdm-BTC-USDT-USDT"
ETH = "feed-binanceusdm-ETH-USDT-USDT"
SOL = "feed-binanceusdm-SOL-USDT-USDT"
Make = Callable[..., Project]


def states(project: Project) -> dict[str, str]:
    return {name: info["statename"] for name, info in project.daemon.processes().items()}


def settled(project: Project, name: str, state: str, for_s: float = 3.0) -> dict[str, Any]:
    """Wait until a process is in a state and stays there; return its record."""
    eventually(lambda: states(project).get(name) == state, what=f"{name} {state}")
    before = project.daemon.processes()[name]
    time.sleep(for_s)
    after = project.daemon.processes()[name]
    assert (after["statename"], after["start"]) == (state, before["start"])
    return after


def starts(project: Project, name: str) -> int:
    """Return how often supervisord started a process."""
    return (project.root / "logs" / "supervisord.log").read_text().count(f"spawned: '{name}'")


def test_one_symbol_is_stopped_started_and_restarted_and_no_other_notices(
    make_project: Make,
) -> None:
    project = make_project(symbols=["BTC/USDT", "ETH/USDT"])
    started = project.feedd("start")
    assert started.returncode == 0, started.stdout + started.stderr
    assert "all is healthy" in started.stdout
    pids = project.pids()
    assert pids.keys() == {"watchdog", "proxy", "exchange", BTC, ETH}

    assert "RUNNING" in project.supervisorctl("status", BTC).stdout
    project.supervisorctl("stop", BTC)
    assert states(project)[BTC] == "STOPPED"
    degraded = project.feedd("status")
    assert degraded.returncode == 1
    assert "feedd is degraded" in degraded.stdout
    project.supervisorctl("start", BTC)
    project.supervisorctl("restart", BTC)
    assert project.feedd("restart", "BTC/USDT").returncode == 0
    after = project.pids()
    assert after.pop(BTC) != pids.pop(BTC)
    assert after == pids

    # A look is short: on a busy machine one may miss a heartbeat.
    told = eventually(lambda: (done := project.feedd("status", "--json")).returncode == 0 and done)
    report = json.loads(told.stdout)
    assert report["health"] == "healthy"
    row = next(process for process in report["processes"] if process["name"] == ETH)
    assert (row["pid"], row["port"], row["state"]) == (pids[ETH], project.base_port + 1, "live")

    assert project.feedd("stop").returncode == 0
    assert project.left_behind() == []
    assert project.feedd("status").returncode == 2


def test_a_killed_worker_comes_back_with_a_new_session_and_no_other_pid_changes(
    make_project: Make,
) -> None:
    project = make_project(symbols=["BTC/USDT", "ETH/USDT"])
    assert project.feedd("start").returncode == 0
    subscriber = project.subscribe("ticker.binanceusdm.BTC/USDT:USDT.")
    session = subscriber.until(lambda *_: True)[0][1]["session"]
    pids = project.pids()
    os.kill(pids[BTC], signal.SIGKILL)
    messages = subscriber.until(lambda _, payload: payload["session"] != session)
    assert messages[-1][1]["session"] > session
    assert messages[-1][1]["seq"] == 1
    eventually(lambda: states(project)[BTC] == "RUNNING")
    after = project.pids()
    assert after.pop(BTC) != pids.pop(BTC)
    assert after == pids


def restarts(project: Project) -> dict[str, tuple[int, int]]:
    """Return each process' restarts since the start and in the last hour, without the 0s."""
    report = json.loads(project.feedd("status", "--json").stdout)
    counts = {p["name"]: (p["restarts"], p["restarts_last_hour"]) for p in report["processes"]}
    return {name: both for name, both in counts.items() if both != (0, 0)}


def test_status_counts_the_restarts_that_nobody_asked_for_also_the_watchdogs(
    make_project: Make,
) -> None:
    project = make_project()
    assert project.feedd("start").returncode == 0
    eventually(lambda: "watching" in project.log("watchdog"))
    assert project.feedd("restart", "BTC/USDT").returncode == 0
    assert restarts(project) == {}
    os.kill(project.pids()[BTC], signal.SIGKILL)
    eventually(lambda: restarts(project) == {BTC: (1, 1)})
    os.kill(project.pids()["watchdog"], signal.SIGKILL)
    eventually(lambda: restarts(project) == {BTC: (1, 1), "watchdog": (1, 1)})
    assert project.feedd("stop").returncode == 0
    assert project.feedd("start").returncode == 0
    assert restarts(project) == {}


def row_of(project: Project, name: str) -> dict[str, Any]:
    """Return a process' row of `feedd status --json`."""
    report = json.loads(project.feedd("status", "--json").stdout)
    return next(row for row in report["processes"] if row["name"] == name)


def killed(project: Project) -> None:
    os.kill(project.pids()[BTC], signal.SIGKILL)


def started_by_hand(project: Project) -> None:
    project.daemon.stop([BTC])
    time.sleep(0.5)  # longer than what follows from its end
    project.daemon.start([BTC])


@pytest.mark.parametrize("starts_anew", [killed, started_by_hand])
def test_a_restarted_worker_is_watched_before_the_watchdogs_next_check(
    starts_anew: Callable[[Project], None], make_project: Make
) -> None:
    project = make_project()
    assert project.feedd("start").returncode == 0
    watchdog = Path(f"/proc/{project.pids()['watchdog']}/fdinfo")
    beat = project.root / "run" / "watchdog.heartbeat"

    def watched(pid: int) -> bool:
        return any(f"\nPid:\t{pid}\n" in read_text(one) for one in watchdog.iterdir())

    def looked() -> int:
        return beat.stat().st_mtime_ns if beat.exists() else 0

    for _ in range(6):  # on a busy machine the next look may come first
        last = looked()
        eventually(lambda before=last: looked() != before)
        eventually(lambda: watched(project.pids()[BTC]))
        last, old = looked(), project.pids()[BTC]
        starts_anew(project)
        eventually(lambda before=old: project.pids()[BTC] not in {0, before})
        new = project.pids()[BTC]
        eventually(lambda before=last, pid=new: watched(pid) or looked() != before)
        if looked() == last:
            return
        eventually(lambda: states(project)[BTC] == "RUNNING")
    pytest.fail("nobody watched it before the next look")


def read_text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # closed meanwhile
        return ""


def test_adding_and_removing_a_symbol_leaves_the_others_as_they_were(make_project: Make) -> None:
    project = make_project(symbols=["BTC/USDT", "ETH/USDT"])
    assert project.feedd("start").returncode == 0
    pids = project.pids()
    project.configure(symbols=["ETH/USDT", "SOL/USDT"])
    changed = project.feedd("start")
    assert changed.returncode == 0, changed.stdout + changed.stderr
    assert f"started {SOL}; stopped {BTC}" in changed.stdout
    after = project.pids()
    assert after.keys() == {"watchdog", "proxy", "exchange", ETH, SOL}
    assert {name: after[name] for name in ("watchdog", "proxy", "exchange", ETH)} == {
        name: pids[name] for name in ("watchdog", "proxy", "exchange", ETH)
    }
    rows = json.loads(project.feedd("status", "--json").stdout)["processes"]
    ports = {row["name"]: row["port"] for row in rows}
    assert (ports[ETH], ports[SOL]) == (project.base_port + 1, project.base_port + 2)


def test_a_wrong_configuration_starts_nothing(make_project: Make) -> None:
    project = make_project(symbls=["BTC/USDT"])
    refused = project.feedd("start")
    assert refused.returncode == 78
    assert "symbls: unknown key" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert project.daemon.pid is None


def test_a_mistyped_exchange_leaves_what_runs_alone(make_project: Make) -> None:
    project = make_project()
    assert project.feedd("start").returncode == 0
    pids = project.pids()
    project.configure(exchange="binanceusd")
    refused = project.feedd("start")
    assert refused.returncode == 78
    assert "is it binanceusdm" in refused.stderr
    assert project.pids() == pids


def test_a_damaged_copy_of_the_configuration_ends_a_worker_for_good(make_project: Make) -> None:
    project = make_project(symbols=["BTC/USDT", "ETH/USDT"])
    assert project.feedd("start").returncode == 0
    pids = project.pids()
    (project.root / "run" / "applied").write_text("x")
    project.supervisorctl("restart", BTC)
    assert settled(project, BTC, "EXITED")["exitstatus"] == 78
    assert starts(project, BTC) == 2
    assert "run/applied: is damaged" in project.log(BTC)
    assert project.pids()[ETH] == pids[ETH]
    mended = project.feedd("start")
    assert mended.returncode == 0, mended.stderr
    assert project.pids()[ETH] == pids[ETH]


def test_an_unknown_symbol_ends_its_worker_for_good_before_it_binds(make_project: Make) -> None:
    project = make_project(symbols=["BTC/USDT", "NOSUCH/USDT"])
    refused = project.feedd("start")
    assert refused.returncode == 1
    assert "binanceusdm does not list NOSUCH/USDT:USDT" in refused.stderr
    name = "feed-binanceusdm-NOSUCH-USDT-USDT"
    assert settled(project, name, "EXITED")["exitstatus"] == 65
    assert starts(project, name) == 1
    assert '"publishing"' not in project.log(name)
    assert states(project)[BTC] == "RUNNING"


def test_a_refused_key_ends_the_workers_for_good_before_they_bind(make_project: Make) -> None:
    project = make_project()
    secret = "s3cr3t" * 10
    refused = project.feedd("start", BINANCE_API_KEY=API_KEY[::-1], BINANCE_SECRET=secret)
    assert refused.returncode == 1
    assert "refused the API key" in refused.stderr
    assert settled(project, BTC, "EXITED")["exitstatus"] == 77
    assert starts(project, BTC) == 1
    assert '"publishing"' not in project.log(BTC)
    for path in [*(project.root / "logs").iterdir(), *project.root.rglob("*.conf")]:
        assert secret not in path.read_text()


def test_half_a_key_and_an_open_env_file_are_refused(make_project: Make) -> None:
    project = make_project()
    half = project.feedd("config", "check", BINANCE_API_KEY="x")
    assert half.returncode == 77
    assert "BINANCE_SECRET is not" in half.stderr
    env = project.root / ".env"
    env.write_text("BINANCE_API_KEY=x\n")
    env.chmod(0o644)
    readable = project.feedd("config", "check")
    assert readable.returncode == 78
    assert "chmod 600 .env" in readable.stderr


@pytest.mark.parametrize(
    ("key", "named"),
    [
        (f"{API_KEY[:9]}\n{API_KEY[9:]}", "a line break (U+000A)"),
        (API_KEY + "\u200b", "zero width space (U+200B)"),
        (os.fsdecode(API_KEY.encode() + b"\xff"), "a byte that is not UTF-8 (0xFF)"),
    ],
)
def test_a_key_with_a_character_of_no_key_starts_nothing(
    make_project: Make, key: str, named: str
) -> None:
    project = make_project()
    refused = project.feedd("start", BINANCE_API_KEY=key, BINANCE_SECRET=API_SECRET)
    assert refused.returncode == 77
    assert refused.stderr == (
        f"feedd: BINANCE_API_KEY contains {named}, which no key contains; correct it, or unset it: "
        "public data needs no key\n"
    )
    assert project.daemon.pid is None


@pytest.mark.parametrize("source", ["ccxt", "native"])
def test_a_worker_uses_a_key_without_the_blanks_around_it(make_project: Make, source: str) -> None:
    project = make_project(source=source)
    variables = {"BINANCE_API_KEY": f" {API_KEY}\r\n", "BINANCE_SECRET": f"{API_SECRET}\n"}
    started = project.feedd("start", **variables)
    assert started.returncode == 0, started.stderr
    for name in variables:
        assert f"{name} has spaces around its value" in started.stdout
        assert f'"name":"{name}"' in project.log(BTC)


def test_a_port_in_use_is_named_before_anything_starts(make_project: Make) -> None:
    project = make_project()
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", project.base_port))
        holder.listen()
        refused = project.feedd("start")
    assert refused.returncode == 1
    held = f"tcp://127.0.0.1:{project.base_port} is held by pid {os.getpid()} ("
    assert held in refused.stderr
    assert "set base_port" in refused.stderr
    assert project.daemon.pid is None


@pytest.mark.parametrize(
    ("settings", "code", "error"),
    [
        ({"symbols": ["FOO/USDT:USDT", "ETH/USDT:USDT"]}, 65,
         "symbols[0]: binanceusdm does not list FOO/USDT:USDT among its"),
        ({"run_dir": "/proc/feedd"}, 78, "run_dir: /proc/feedd can't be made: No such file"),
        ({"symbols": ["${SYMBOL}", "ETH/USDT:USDT"]}, 78, "symbols[0]: ${SYMBOL} is not replaced"),
    ],
)  # fmt: skip
def test_a_check_of_the_configuration_finds_what_a_start_would_fail_at(
    make_project: Make, settings: dict[str, Any], code: int, error: str
) -> None:
    project = make_project(**settings)
    checked = project.feedd("config", "check")
    assert checked.returncode == code, checked.stdout
    line = r"feedd: config/feedd\.yaml:\d+: "
    assert re.match(line + re.escape(error), checked.stderr), checked.stderr
    assert checked.stderr.count("\n") == 1
    assert not (project.root / "run").exists()


def test_a_port_in_use_is_tried_again_and_then_named(make_project: Make) -> None:
    project = make_project()
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", project.base_port))
        holder.listen()
        assert project.feedd("render").returncode == 0
        project.daemon.spawn()  # as systemd may: without the check of `feedd start`
        held = f"held by pid {os.getpid()} ("
        eventually(lambda: row_of(project, BTC)["state"] == "blocked")
        assert held in row_of(project, BTC)["reason"]
        assert settled(project, BTC, "EXITED")["exitstatus"] == 69
        assert held in row_of(project, BTC)["reason"]
    assert starts(project, BTC) == 1
    assert project.log(BTC).count("waiting for the port") == 1
    freed = project.feedd("start")
    assert freed.returncode == 0, freed.stdout + freed.stderr


def test_a_worker_survives_an_exchange_outage_and_reports_it(make_project: Make) -> None:
    project = make_project(channels=["quote"])
    assert project.feedd("start").returncode == 0
    subscriber = project.subscribe("status.")
    pid = project.pids()[BTC]
    project.supervisorctl("stop", "exchange")
    subscriber.until(lambda _, payload: payload["state"] == "reconnecting")
    time.sleep(2)
    project.supervisorctl("start", "exchange")
    messages = subscriber.until(lambda _, payload: payload["gap"] is not None, 60)
    assert messages[-1][1]["gap"]["channel"] == "quote"
    assert messages[-1][1]["gap"]["reason"].startswith("reconnect after")
    subscriber.until(lambda _, payload: payload["state"] == "live", 60)
    assert project.pids()[BTC] == pid


def test_an_exchange_that_is_away_at_the_start_is_waited_for(make_project: Make) -> None:
    project = make_project(endpoint="http://127.0.0.1:9")
    subscriber = project.subscribe("status.")
    rendered = project.feedd("render")
    assert rendered.returncode == 0
    project.daemon.spawn()
    messages = subscriber.until(lambda _, payload: payload["state"] == "reconnecting", 60)
    assert "refuses the connection" in messages[-1][1]["reason"]
    eventually(lambda: states(project)[BTC] == "RUNNING")
    assert starts(project, BTC) == 1


def test_workers_die_with_supervisord_and_the_next_start_is_clean(make_project: Make) -> None:
    project = make_project(symbols=["BTC/USDT", "ETH/USDT"])
    assert project.feedd("start").returncode == 0
    pid = project.daemon.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not project.left_behind(), 30, "workers outlived supervisord")
    again = project.feedd("start")
    assert again.returncode == 0, again.stdout + again.stderr


def test_another_configuration_is_not_mixed_into_what_runs(make_project: Make) -> None:
    project = make_project()
    assert project.feedd("start").returncode == 0
    other = project.root / "config" / "other.yaml"
    other.write_text(project.config_path.read_text())
    refused = project.feedd("--config", str(other), "start")
    assert refused.returncode == 78
    assert "feedd stop" in refused.stderr


def test_every_log_line_is_json_with_its_process_and_nothing_goes_to_stdout(
    make_project: Make,
) -> None:
    project = make_project(symbols=["BTC/USDT", "ETH/USDT"])
    assert project.feedd("start").returncode == 0
    eventually(lambda: "watching" in project.log("watchdog"))  # nobody waits for its first word
    project.feedd("stop")
    for name in ("watchdog", "proxy", "exchange", BTC, ETH):
        lines = [json.loads(line) for line in project.log(name).splitlines()]
        assert lines
        for line in lines:
            assert line["process"] == name
            assert {"timestamp", "level", "event"} <= line.keys()
        assert (project.root / "logs" / f"{name}.stderr").read_text() == ""
    feed = [json.loads(line) for line in project.log(BTC).splitlines()]
    assert feed[-1]["symbol"] == "BTC/USDT:USDT"
    assert feed[-1]["session"] > 0
