"""Watchdog, health and shutdown under the real supervisord."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest
from conftest import PYTHON, Project, eventually
from integration.watchdog_setup import wait_until_watched

from feedd.runtime.process import DAEMON_PID_FILE

pytestmark = pytest.mark.process

BTC = "feed-binanceusdm-BTC-USDT-USDT"
ETH = "feed-binanceusdm-ETH-USDT-USDT"
SOL = "feed-binanceusdm-SOL-USDT-USDT"
THREE = ["BTC/USDT", "ETH/USDT", "SOL/USDT"]
ENDS_WITHIN_S = 5.0
CLEAN_WITHIN_S = 15.0
NOISE_S = 3.0  # of a test machine
Make = Callable[..., Project]


def started(project: Project) -> dict[str, int]:
    done = project.feedd("start")
    assert done.returncode == 0, done.stdout + done.stderr
    return project.pids()


def notes(project: Project, event: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in project.log("watchdog").split("\n")[:-1]]
    return [line for line in lines if event in line["event"]]


def status(project: Project) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(project.feedd("status", "--json").stdout)
    return told


def rows(project: Project) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in status(project)["processes"]}


def test_a_hung_worker_is_restarted_and_an_exchange_outage_restarts_none(
    make_project: Make,
) -> None:
    project = make_project(symbols=THREE)
    pids = started(project)
    wait_until_watched(project)
    os.kill(pids[BTC], signal.SIGSTOP)
    hung = rows(project)[BTC]
    if project.pids()[BTC] == pids[BTC]:  # on a busy machine the watchdog may be sooner than a look
        assert (hung["process"], hung["state"]) == ("RUNNING", "silent")
    subscriber = project.subscribe("status.binanceusdm.BTC/USDT:USDT.")
    subscriber.until(lambda _, payload: payload["state"] == "live", 60)
    after = project.pids()
    assert after.pop(BTC) != pids.pop(BTC)
    assert after == pids
    (line,) = notes(project, "restarting")
    assert (line["event"], line["why"]) == (f"restarting {BTC}", "no status for 10 s")

    project.supervisorctl("stop", "exchange")
    eventually(lambda: notes(project, "receive nothing"), 60)
    told = "binanceusdm: 3 of 3 feeds receive nothing; the exchange or the network is down"
    degraded = eventually(lambda: (seen := status(project))["notices"] == [told] and seen)
    assert degraded["health"] == "down"
    time.sleep(6)
    (said,) = notes(project, "receive nothing")
    # The watchdog may have checked before all had reported it.
    assert re.search("[23] of 3 feeds receive nothing", said["event"])
    assert len(notes(project, "restarting")) == 1


@pytest.mark.timeout(240)
def test_a_worker_that_hangs_again_and_again_is_restarted_three_times_and_then_left(
    make_project: Make,
) -> None:
    project = make_project(symbols=THREE[:1])
    started(project)
    subscriber = project.subscribe("status.")
    eventually((project.root / "run" / "watchdog.heartbeat").exists)
    session = 0

    def spoke(_topic: str, payload: dict[str, Any]) -> bool:
        """Whether a restarted worker has published enough for the watchdog to notice it."""
        return payload["session"] > session and payload["seq"] > 5

    for _ in range(3):
        session = subscriber.until(spoke, 60)[-1][1]["session"]
        os.kill(project.pids()[BTC], signal.SIGSTOP)
    subscriber.until(spoke, 60)
    pid = project.pids()[BTC]
    os.kill(pid, signal.SIGSTOP)
    (left,) = eventually(lambda: notes(project, "not restarted for now"), 60)
    assert f"{BTC}: no status for 10 s, and was restarted 3 times" in left["event"]
    time.sleep(6)
    assert project.pids()[BTC] == pid
    assert len(notes(project, "restarting")) == 3


def test_the_status_reports_a_hung_supervisord_and_watchdog(make_project: Make) -> None:
    project = make_project(symbols=THREE[:1])
    pids = started(project)
    supervisord = project.daemon.pid
    assert supervisord is not None
    os.kill(supervisord, signal.SIGSTOP)
    try:

        def told() -> dict[str, Any] | None:
            """Return the report once a feed was received within one check."""
            said = status(project)
            states = {one["name"]: (one["process"], one["state"]) for one in said["processes"]}
            assert states["proxy"] == ("UNKNOWN", None)
            return said if states[BTC] == ("UNKNOWN", "live") else None

        said = eventually(told)
        assert said["health"] == "degraded"
        assert "supervisord is running, but has not answered" in said["notices"][0]
    finally:
        os.kill(supervisord, signal.SIGCONT)
    eventually((project.root / "run" / "watchdog.heartbeat").exists)
    os.kill(pids["watchdog"], signal.SIGSTOP)
    row = eventually(lambda: (told := rows(project)["watchdog"])["state"] and told, 60)
    assert row["state"] == "silent"
    assert "has not checked for" in row["reason"]


def test_a_hung_proxy_is_distinguished_from_silent_workers_and_restarted(
    make_project: Make,
) -> None:
    project = make_project(symbols=THREE[:2])
    pids = started(project)
    wait_until_watched(project)
    os.kill(pids["proxy"], signal.SIGSTOP)

    def told() -> bool:
        """Whether earlier messages no longer count."""
        said = rows(project)
        proxy = (said["proxy"]["state"], said["proxy"]["reason"])
        return proxy == ("silent", "forwards nothing") and said[BTC]["state"] == "live"

    eventually(told)
    eventually(lambda: project.pids()["proxy"] not in {0, pids["proxy"]}, 60)
    after = project.pids()
    assert (after[BTC], after[ETH]) == (pids[BTC], pids[ETH])
    subscriber = project.subscribe("ticker.")
    subscriber.until(lambda *_: True)


def test_health_lists_each_channel_of_each_symbol(make_project: Make) -> None:
    project = make_project(symbols=THREE[:2], channels=["ticker", "trade"])
    pids = started(project)

    def delivering() -> dict[str, Any] | None:
        row = rows(project)[BTC]
        trade = row["channels"].get("trade", {"messages_per_s": 0})
        return row if trade["messages_per_s"] > 0 and trade["state"] == "live" else None

    row = eventually(delivering)
    assert (row["pid"], row["port"], row["process"], row["state"]) == (
        pids[BTC], project.base_port, "RUNNING", "live",
    )  # fmt: skip
    assert row["usage"]["memory_mb"] > 10
    assert row["channels"].keys() == {"ticker", "quote", "trade"}
    trade, quote = row["channels"]["trade"], row["channels"]["quote"]
    assert trade["state"] == "live"
    assert 0 <= trade["age_ms"] < 60_000
    assert trade["latency_us"]["p50"] <= trade["latency_us"]["p99"]
    assert (trade["gaps"], trade["reconnects_1h"], trade["connected_percent_1h"]) == (0, 0, 100.0)
    assert (trade["published"], quote["published"]) == (True, False)
    assert (trade["checked"], trade["made_from"]) == ("sequence", None)
    assert (quote["checked"], quote["made_from"]) == ("whole", "quote")
    wide = project.feedd("status", "--wide").stdout
    assert "\x1b" not in wide
    assert [line.split()[0] for line in wide.splitlines() if line.startswith("feed-")] == (
        [BTC] * 3 + [ETH] * 3
    )
    lines = project.feedd("status", COLUMNS="80").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    names = [line.split()[0] for line in lines]
    assert names[names.index(BTC) :][:8] == (
        [BTC, "ticker", "trade", "quote", ETH, "ticker", "trade", "quote"]
    )
    project.supervisorctl("stop", "exchange")
    project.supervisorctl("start", "exchange")

    def again() -> dict[str, Any] | None:
        row = rows(project)[BTC]
        trade: dict[str, Any] = row["channels"].get("trade", {"reconnects_1h": 0})
        return trade if row["state"] == "live" and trade["reconnects_1h"] >= 1 else None

    assert eventually(again, 60)["connected_percent_1h"] < 100


def test_a_worker_asked_to_restart_publishes_its_last_status_first(make_project: Make) -> None:
    project = make_project(symbols=THREE[:1])
    pids = started(project)
    subscriber = project.subscribe("status.")
    subscriber.until(lambda *_: True)
    project.supervisorctl("signal", "HUP", BTC)
    subscriber.until(lambda _, payload: payload["state"] == "stopped")
    subscriber.until(lambda _, payload: payload["state"] == "live")
    assert project.pids()[BTC] != pids[BTC]


def noise_s(project: Project) -> float:
    """Return an allowance for this machine, from the duration of a command that does nothing."""
    began = time.monotonic()
    assert project.feedd("config", "check").returncode == 0
    return max(NOISE_S, 3 * (time.monotonic() - began))


def gone_after(project: Project, end: Callable[[], Any]) -> float:
    """Return how long it takes until no process works for the folder, from the call of `end`."""
    began = time.monotonic()
    end()
    eventually(lambda: not project.left_behind(), 30, "processes that go on")
    return time.monotonic() - began


def test_stop_ends_everything_within_five_seconds_also_what_hangs(make_project: Make) -> None:
    project = make_project(symbols=THREE)
    pids = started(project)
    os.kill(pids[BTC], signal.SIGSTOP)
    os.kill(pids["proxy"], signal.SIGSTOP)
    noise = noise_s(project)
    assert gone_after(project, lambda: project.feedd("stop")) < ENDS_WITHIN_S + noise


def test_sigterm_of_supervisord_ends_everything_within_five_seconds_also_what_hangs(
    make_project: Make,
) -> None:
    project = make_project(symbols=THREE)
    pids = started(project)
    eventually(lambda: notes(project, "watching"))
    os.kill(pids[BTC], signal.SIGSTOP)
    subscriber = project.subscribe("status.binanceusdm.ETH/USDT:USDT.")
    subscriber.until(lambda *_: True)
    daemon = project.daemon.pid
    assert daemon is not None
    noise = noise_s(project)
    took_s = gone_after(project, lambda: os.kill(daemon, signal.SIGTERM))
    assert took_s < ENDS_WITHIN_S + noise
    subscriber.until(lambda _, payload: payload["state"] == "stopped")


ORPHAN = """
import signal, socket, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("ready", flush=True)
time.sleep(120)
"""


def test_an_orphan_that_hangs_with_a_feeds_port_is_ended_by_the_next_start(
    make_project: Make,
) -> None:
    project = make_project(symbols=THREE[:1])
    began = time.monotonic()
    started(project)
    start_s = time.monotonic() - began
    daemon = project.daemon.pid
    assert daemon is not None
    os.kill(daemon, signal.SIGKILL)
    eventually(lambda: not project.left_behind(), 30, "workers outlived supervisord")
    marked = {**os.environ, DAEMON_PID_FILE: "run/supervisord.pid"}
    orphan = subprocess.Popen(
        [PYTHON, "-c", ORPHAN, str(project.base_port)], env=marked, stdout=subprocess.PIPE,
        cwd=project.root,
    )  # fmt: skip
    assert orphan.stdout is not None
    assert orphan.stdout.readline() == b"ready\n"
    began = time.monotonic()
    again = project.feedd("start")
    assert time.monotonic() - began < CLEAN_WITHIN_S + 2 * start_s  # others test at the same time
    assert again.returncode == 0, again.stdout + again.stderr
    assert "ended 1 process that an earlier supervisord left behind" in again.stdout
    assert orphan.wait(30) == -signal.SIGKILL
    orphan.stdout.close()
