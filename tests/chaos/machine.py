"""What the machine runs out of, and what its clock does."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import subprocess
import time
from pathlib import Path

import psutil
from conftest import PYTHON, clean_environment

import feedd
from chaos.frame import BTC, ETH, Run, Skipped, case
from chaos.process import within
from chaos.processes import FEED, new_pid, next_tick, silence_s

QUOTE = f"quote.{FEED}"
LIBFAKETIME = ("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
               "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
               "/usr/lib64/faketime/libfaketime.so.1")  # fmt: skip


@case(
    "log disk full",
    what="the logs' disk (tmpfs, 2 MB) is filled; a worker is killed; then space is freed",
    target="no silence above 1 s, 0 lost; the worker restarts; its log continues",
)
def log_disk_full(run: Run) -> None:
    project = run.project(start=False, symbols=["BTC/USDT", "ETH/USDT"])
    logs = project.root / "logs"
    logs.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(logs)]
    done = subprocess.run(mount, check=False, capture_output=True, text=True)
    if done.returncode:
        raise Skipped(f"a small disk can't be mounted: {done.stderr.strip()}; run it as root")
    run.at_end.callback(subprocess.run, ["umount", "-l", str(logs)], check=False)
    run.start(project)
    recorder = run.recorder(project)
    time.sleep(1)
    filler = logs / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    began_s = time.monotonic()
    project.supervisorctl("signal", "HUP", BTC)  # it restarts, and its log lines find no space
    new = recorder.wait_for(60, "the new session", kind="NewSession", feed=FEED)
    next_tick(recorder, new["at"] - 0.5, session=new["new"])
    pid = project.pids()[BTC]
    os.kill(pid, signal.SIGKILL)
    new_pid(project, BTC, pid)
    new = recorder.wait_for(60, "the new session", kind="NewSession", old=new["new"])
    next_tick(recorder, new["at"] - 0.5, session=new["new"])
    other = QUOTE.replace("BTC", "ETH")
    run.figure("longest silence", silence_s(recorder, began_s, other), most=1.0, unit="s")
    filler.unlink()
    before = len(project.log(BTC))
    project.supervisorctl("restart", BTC)
    within(20, lambda: len(project.log(BTC)) > before, "the log goes on")
    time.sleep(2)
    run.nothing_lost_silently(project, recorder)


@case(
    "descriptors exhausted",
    what="the proxy has no file descriptor left; 200 peers connect and send nothing",
    target="0 lost, no silence above 1 s, CPU below 50 %; a new subscriber connects within 1 s of "
    "their end",
)
def descriptors_exhausted(run: Run) -> None:
    project = run.project()
    recorder = run.recorder(project)
    pid = project.pids()["proxy"]
    proxy = psutil.Process(pid)
    limit = proxy.num_fds() + 8
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, limit))
    port = int(project.endpoint.rpartition(":")[2])
    began_s = time.monotonic()
    strangers: list[socket.socket] = []
    run.at_end.callback(lambda: [one.close() for one in strangers])
    proxy.cpu_percent()
    for _ in range(5):  # as long as the handshake lasts, so that new ones come
        strangers += [socket.create_connection(("127.0.0.1", port)) for _ in range(40)]
        time.sleep(1)
    run.figure("CPU", proxy.cpu_percent(), most=50.0, unit="%")
    run.must("no file descriptor is left" in project.log("proxy"), "its log names the fault")
    for one in strangers:
        one.close()
    ended_s = time.monotonic()
    with feedd.subscribe(project.endpoint, QUOTE, history=None) as stream:
        within(30, lambda: hasattr(stream.receive(0.1), "seq"), "a new subscriber gets data")
    run.figure("a new subscriber after", time.monotonic() - ended_s, most=1.0, unit="s")
    run.figure("longest silence", silence_s(recorder, began_s, QUOTE), most=1.0, unit="s")
    (found,) = run.nothing_lost_silently(project, recorder)
    run.figure("lost", found.flagged, most=0)


@case(
    "clock stepped",
    what="a worker's clock is stepped one hour forwards, then back by two hours",
    target="no STALE, no new session, 0 lost",
)
def clock_stepped(run: Run) -> None:
    library = next((path for path in LIBFAKETIME if Path(path).exists()), None)
    if library is None:
        raise Skipped("libfaketime is missing: apt-get install libfaketime")
    project = run.project(symbols=["BTC/USDT", "ETH/USDT"])
    project.supervisorctl("stop", ETH)
    offset = run.folder / "offset"
    offset.write_text("+0\n")
    log = run.folder / "worker.log"
    with log.open("w") as out:
        worker = subprocess.Popen(
            [PYTHON, "workers/feed.py", ETH, "--config", str(project.config_path)],
            cwd=project.root, stdout=out, stderr=out,
            env={**clean_environment(), "LD_PRELOAD": library, "FAKETIME_NO_CACHE": "1",
                 "FAKETIME_TIMESTAMP_FILE": str(offset), "DONT_FAKE_MONOTONIC": "1",
                 "FAKETIME_DONT_FAKE_MONOTONIC": "1"},
        )  # fmt: skip
    run.at_end.callback(worker.wait, 10)
    run.at_end.callback(worker.terminate)
    feed = FEED.replace("BTC", "ETH")
    plain = project.subscribe(f"status.{feed}")

    def state() -> tuple[str, float]:
        """Return its own measurements, and the error of its clock."""
        while (message := plain.receive(0.05)) is None:
            pass
        while (later := plain.receive(0.0)) is not None:
            message = later
        return message[1]["state"], message[1]["published_ns"] / 1e9 - time.time()

    within(60, lambda: state()[0] == "live", f"the worker is live: {log.read_text()[-300:]}")
    recorder = run.recorder(project, f"quote.{feed}", f"trade.{feed}")
    time.sleep(2)
    for step in (3600, -3600):
        offset.write_text(f"{step:+d}\n")
        within(10, lambda step=step: abs(state()[1] - step) < 60, "the worker's clock is stepped")
        time.sleep(6)
    notices = [one for one in recorder.notices if one.get("state") != "live"]
    run.must(not notices, f"notices: {notices}")
    run.note("no STALE, no new session")
    (found,) = run.nothing_lost_silently(project, recorder)
    run.figure("lost", found.flagged, most=0)
