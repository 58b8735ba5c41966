"""Processes that end or hang: workers, proxies, supervisord, in any order."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from itertools import pairwise
from typing import Any

from conftest import Project

from chaos.frame import BTC, ETH, Run, case, workers_of
from chaos.process import Process, within

WATCHED = "watching"
FEED = "binanceusdm.BTC/USDT:USDT."


def next_tick(recorder: Process, after_s: float, timeout_s: float = 60.0, **like: Any) -> float:
    """Return when a recorder received the next tick after a time."""

    def found() -> float | None:
        ticks = (
            line["at"] for line in reversed(recorder.lines)
            if line["kind"] == "tick" and all(line.get(k) == v for k, v in like.items())
        )  # fmt: skip
        later = [at for at in ticks if at > after_s]
        return min(later) if later else None

    found_s: float = within(timeout_s, found, "a tick after the fault")
    return found_s


def silence_s(recorder: Process, after_s: float, topic: str) -> float:
    """Return the longest time without a tick of a topic that began after a time."""
    at = [line["at"] for line in recorder.lines if line.get("topic") == topic]
    at = [after_s, *(one for one in at if one > after_s)]
    return max((b - a for a, b in pairwise(at)), default=0.0)


def go_on(pid: int) -> None:
    """Let a process go on that was stopped, unless the watchdog has ended it."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def new_pid(project: Project, name: str, old: int) -> int:
    def found() -> int:
        pid = project.pids()[name]
        return pid if pid != old else 0

    pid: int = within(60, found, f"{name} runs again")
    return pid


@case(
    "nothing is done",
    what="thousands of events, no fault",
    target="0 lost, 0 flagged",
)
def nothing_is_done(run: Run) -> None:
    project = run.project(embedded_exchange={"rate": 1500.0})
    recorder = run.recorder(project)
    within(60, lambda: len(recorder.lines) > 3500, "3,500 events")
    (found,) = run.nothing_lost_silently(project, recorder)
    run.figure("flagged", found.flagged, most=0)


@case(
    "worker killed",
    what="kill -9 of one of two workers",
    target="its data resumes within 3 s; the other worker is unaffected",
    known="starting a worker takes a second of a core, and longer on a busy machine",
    short=True,
)
def worker_killed(run: Run) -> None:
    project = run.project(symbols=["BTC/USDT", "ETH/USDT"])
    recorder = run.recorder(project)
    other = run.recorder(project, "quote.binanceusdm.ETH/USDT:USDT.")
    time.sleep(2)
    began_s = time.monotonic()
    os.kill(project.pids()[BTC], signal.SIGKILL)
    new = recorder.wait_for(60, "the new session", kind="NewSession", feed=FEED)
    again_s = next_tick(recorder, new["at"] - 0.5, session=new["new"])
    run.figure("data resumed after", again_s - began_s, most=3.0, unit="s")
    time.sleep(2)
    run.nothing_lost_silently(project, recorder, other)
    run.must(not other.notices[1:], "the other received a notice")


@case(
    "worker hangs",
    what="SIGSTOP of one of two workers, permanently",
    target="STALE within 2.5 s; restarted within 20 s",
    limit_s=180,
)
def worker_hangs(run: Run) -> None:
    project = run.project(symbols=["BTC/USDT", "ETH/USDT"])
    recorder = run.recorder(project)
    within(30, lambda: WATCHED in project.log("watchdog"), "the watchdog watches")
    time.sleep(6)
    began_s = time.monotonic()
    os.kill(project.pids()[BTC], signal.SIGSTOP)
    stale = recorder.wait_for(30, "STALE", kind="StateChange", feed=FEED, state="stale")
    run.figure("STALE after", stale["at"] - began_s, most=2.5, unit="s")
    new = recorder.wait_for(60, "the new session", kind="NewSession", feed=FEED)
    run.figure("restarted after", new["at"] - began_s, most=20.0, unit="s")
    next_tick(recorder, new["at"] - 0.5, session=new["new"])
    run.nothing_lost_silently(project, recorder)


@case(
    "worker paused",
    what="SIGSTOP of a worker for 5 s, then SIGCONT",
    target="STALE within 2.5 s; everything arrives afterwards, nothing lost",
)
def worker_paused(run: Run) -> None:
    project = run.project()
    recorder = run.recorder(project)
    pid = project.pids()[BTC]
    began_s = time.monotonic()
    os.kill(pid, signal.SIGSTOP)
    stale = recorder.wait_for(30, "STALE", kind="StateChange", feed=FEED, state="stale")
    run.figure("STALE after", stale["at"] - began_s, most=2.5, unit="s")
    time.sleep(max(0.0, began_s + 5 - time.monotonic()))
    os.kill(pid, signal.SIGCONT)
    continued_s = time.monotonic()
    again_s = next_tick(recorder, continued_s)
    run.figure("data resumed after", again_s - continued_s, most=2.0, unit="s")
    (found,) = run.nothing_lost_silently(project, recorder)
    run.figure("lost", found.flagged, most=0)


def proxy_killed_for(run: Run, down_s: float) -> None:
    project = run.project()
    recorder = run.recorder(project)
    time.sleep(1)
    pid = project.pids()["proxy"]
    began_s = time.monotonic()
    if down_s:
        project.daemon.stop(["proxy"], kill_after_s=0.0)
        time.sleep(max(0.0, began_s + down_s - time.monotonic()))
        down_s = time.monotonic() - began_s
        project.daemon.start(["proxy"])
    else:
        os.kill(pid, signal.SIGKILL)
    new_pid(project, "proxy", pid)
    next_tick(recorder, time.monotonic() + 0.2)
    time.sleep(2)
    outage_s = silence_s(recorder, began_s, f"quote.{FEED}")
    run.figure("outage", outage_s - down_s, most=2.0, unit="s beyond the downtime")
    (found,) = run.nothing_lost_silently(project, recorder)
    run.figure("lost", found.flagged, most=0)


@case(
    "proxy killed",
    what="kill -9 of the proxy; supervisord restarts it at once",
    target="outage at most 2 s; 0 lost",
    known="messages that a proxy has received and not forwarded are lost with it and its history, "
    "and are reported; a client of two proxies loses nothing",
    short=True,
)
def proxy_killed(run: Run) -> None:
    proxy_killed_for(run, 0.0)


@case(
    "proxy down for 5 s",
    what="kill -9 of the proxy, restarted after 5 s",
    target="data resumes within 2 s; 0 lost",
)
def proxy_down(run: Run) -> None:
    proxy_killed_for(run, 5.0)


@case(
    "proxy hangs",
    what="SIGSTOP of the proxy for 5 s, then SIGCONT",
    target="STALE is reported; 0 lost",
)
def proxy_hangs(run: Run) -> None:
    project = run.project()
    recorder = run.recorder(project)
    pid = project.pids()["proxy"]
    began_s = time.monotonic()
    os.kill(pid, signal.SIGSTOP)
    stale = recorder.wait_for(30, "STALE", kind="StateChange", feed=FEED, state="stale")
    run.figure("STALE after", stale["at"] - began_s, most=2.7, unit="s")
    time.sleep(max(0.0, began_s + 5 - time.monotonic()))
    os.kill(pid, signal.SIGCONT)
    next_tick(recorder, time.monotonic())
    time.sleep(1)
    (found,) = run.nothing_lost_silently(project, recorder)
    run.figure("lost", found.flagged, most=0)


@case(
    "both proxies in turn",
    what="kill -9 of each of two proxies, one after the other, with a client that subscribes to "
    "both",
    target="the client notices nothing: 0 lost, no gap, no state change",
)
def both_proxies(run: Run) -> None:
    project = run.project(start=False, embedded_exchange={"bursts": True})
    second = f"tcp://127.0.0.1:{project.base_port + 2}"
    project.configure(
        proxies=2, proxy_2={"subscribers": second, "history": "ipc://run/history2.sock"}
    )
    run.start(project)
    recorder = run.recorder(project)  # it names both
    pids = project.pids()
    for name in ("proxy", "proxy-2"):
        time.sleep(2)
        os.kill(pids[name], signal.SIGKILL)
        new_pid(project, name, pids[name])
    time.sleep(3)
    notices = [one for one in recorder.notices if one.get("state") != "live"]
    run.figure("notices", len(notices), most=0)
    (found,) = run.nothing_lost_silently(project, recorder)
    run.figure("lost", found.flagged, most=0)


@case(
    "supervisord killed",
    what="kill -9 of supervisord, then feedd start",
    target="all processes run within 15 s of the start; no orphan",
)
def supervisord_killed(run: Run) -> None:
    project = run.project(symbols=["BTC/USDT", "ETH/USDT"])
    recorder = run.recorder(project)
    before = project.pids()
    daemon = project.daemon.pid
    assert daemon is not None
    os.kill(daemon, signal.SIGKILL)

    def outlive_it() -> list[str]:
        return [process.info["cmdline"][1] for process in project.left_behind()]

    within(10, lambda: not outlive_it(), "no process outlives supervisord by long")
    run.figure("all running after", run.start(project), most=15.0, unit="s")
    after = project.pids()
    run.must(not set(after.values()) & set(before.values()), "an old process still runs")
    new = recorder.wait_for(30, "the new session", kind="NewSession", feed=FEED)
    next_tick(recorder, new["at"] - 0.5, session=new["new"])
    time.sleep(2)
    run.nothing_lost_silently(project, recorder)


@case(
    "supervisord hangs",
    what="SIGSTOP of supervisord for 20 s",
    target="data continues: no silence above 1 s, 0 lost",
)
def supervisord_hangs(run: Run) -> None:
    # At the usual rate the market itself may be silent for a second.
    project = run.project(embedded_exchange={"rate": 200.0})
    recorder = run.recorder(project)
    daemon = project.daemon.pid
    assert daemon is not None
    began_s = time.monotonic()
    os.kill(daemon, signal.SIGSTOP)
    run.at_end.callback(go_on, daemon)
    time.sleep(20)
    run.figure("longest silence", silence_s(recorder, began_s, f"quote.{FEED}"), most=1.0, unit="s")
    os.kill(daemon, signal.SIGCONT)
    (found,) = run.nothing_lost_silently(project, recorder)
    run.figure("lost", found.flagged, most=0)


@case(
    "rolling restart",
    what="supervisorctl restart of each worker in turn",
    target="`stopped` with the last sequence numbers, then a new session; data resumes within 5 s",
)
def rolling_restart(run: Run) -> None:
    project = run.project(symbols=["BTC/USDT", "ETH/USDT"], embedded_exchange={"bursts": True})
    recorder = run.recorder(project)
    for name, feed in ((BTC, FEED), (ETH, FEED.replace("BTC", "ETH"))):
        began_s = time.monotonic()
        done = project.supervisorctl("restart", name)
        run.must(done.returncode == 0, done.stdout)
        new = recorder.wait_for(60, "the new session", kind="NewSession", feed=feed)
        again_s = next_tick(recorder, new["at"] - 0.5, session=new["new"])
        run.figure("data resumed after", again_s - began_s, most=5.0, unit="s")
        notices = [
            one
            for one in recorder.notices
            if one.get("feed") == feed and one["kind"] != "StateChange"
        ]
        run.must(
            [one["kind"] for one in notices] == ["Stopped", "NewSession"], f"notices: {notices}"
        )
    run.nothing_lost_silently(project, recorder)


@case(
    "worker ends while nobody reads",
    what="the proxy hangs; SIGTERM of a worker, and of a publisher with 50,000 messages queued",
    target="each ends within 2 s",
    short=True,
)
def stuck_at_exit(run: Run) -> None:
    project = run.project()
    publisher = run.process("publisher", workers_of(project), "50000", "50000", "1")
    publisher.wait_for(60, "a publisher connects", kind="connected")
    proxy = project.pids()["proxy"]
    os.kill(proxy, signal.SIGSTOP)
    run.at_end.callback(go_on, proxy)
    publisher.wait_for(60, "all is published", kind="published")
    began_s = time.monotonic()
    publisher.stop()
    run.figure("publisher ended after", time.monotonic() - began_s, most=2.0, unit="s")
    began_s = time.monotonic()
    project.daemon.stop([BTC])
    run.figure("worker ended after", time.monotonic() - began_s, most=2.0, unit="s")
