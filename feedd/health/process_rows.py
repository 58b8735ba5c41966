"""Rows of a health report: the state and the reason of each process."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from feedd.clock import NS_PER_MS, NS_PER_S, iso8601
from feedd.errors import FINAL_EXIT_CODES
from feedd.health.report import (
    BLOCKED,
    ENDED,
    REPLAY,
    SILENT,
    UNKNOWN,
    ProcessHealth,
    Usage,
)
from feedd.runtime.address_holders import tcp_holder
from feedd.runtime.logs.setup import LOG_SUFFIX
from feedd.supervision.folder_processes import pid_runs

if TYPE_CHECKING:
    from feedd.config.settings import Feed
    from feedd.health.port_owners import PortOwners
    from feedd.recordings.recorder.recorder_status import RecorderStatus
    from feedd.recordings.replay.replay_status import ReplayStatus
    from feedd.transport.status_monitor import ReceivedStatus

LOG_TAIL_BYTES = 65536
BY_SIGNAL = -1  # supervisord's exit status of a process that a signal ended
RECORDER_LATE_S = 5.0  # it reports once a second


def process_row(
    name: str, info: dict[str, Any] | None, usage: Usage, log_dir: Path
) -> ProcessHealth:
    """Return the row of a process from what supervisord reports of it; `info` is None without."""
    if info is None:
        return ProcessHealth(name, "MISSING", None, 0, reason="not started; run `feedd start`")
    running = info["statename"] == "RUNNING"
    return ProcessHealth(
        name=name,
        process=info["statename"],
        pid=info["pid"] or None,
        uptime_s=info["now"] - info["start"] if running else 0,
        usage=usage,
        ended=info["statename"] == "FATAL"
        or (info["statename"] == "EXITED" and info["exitstatus"] in {0, *FINAL_EXIT_CODES}),
        reason=None if running else _why_it_does_not_run(name, info, log_dir),
    )


def listening_row(row: ProcessHealth, ports: list[int], owners: PortOwners) -> ProcessHealth:
    """Return the row of a running process that has to listen at some TCP ports."""
    if row.process != "RUNNING" or row.pid is None:
        return row
    listens = owners.of(row.pid, ports)
    if listens is not None and listens.issuperset(ports):
        return row
    listeners = owners.ports
    if listeners is None:
        return row
    # A held port first: it is the reason why a process does not bind the others.
    for port in ports:
        if port in listeners and listens is not None and port not in listens:
            return _row_without_port(row, row.pid, port)
    for port in ports:
        if port not in listeners:
            return _starting_row(row, port)
    return row


def _row_without_port(row: ProcessHealth, pid: int, port: int) -> ProcessHealth:
    """Return the row of a process that did not listen at a port at which some process did.

    The holder is searched later, and for long where many processes run: meanwhile the process may
    have begun to listen, or may have ended, and its successor listens.
    """
    holder = tcp_holder(port)
    if holder is not None and holder.pid == pid:
        return row
    if holder is None or not pid_runs(pid):
        return _starting_row(row, port)
    return replace(row, state=BLOCKED, reason=f"its port {port} is held by {holder.text}")


def _starting_row(row: ProcessHealth, port: int) -> ProcessHealth:
    return replace(row, state="starting", reason=f"does not listen at port {port} yet")


def recorder_row(row: ProcessHealth, status: RecorderStatus | None, now_ns: int) -> ProcessHealth:
    """Return the recorder's row; a report of an earlier recorder does not count."""
    if status is None or status.pid != row.pid:
        if row.uptime_s < RECORDER_LATE_S:
            return replace(
                row, state="starting", reason="it is reading where the last recording ended"
            )
        return replace(row, state=SILENT, reason="it has not reported yet that it records")
    late_s = (now_ns - status.at_ns) / NS_PER_S
    if late_s > RECORDER_LATE_S:
        reason = f"has written nothing for {late_s:.0f} s: check whether the disk hangs or is full"
        return replace(row, state=SILENT, reason=reason)
    if status.failing is not None:
        return replace(row, state="failing", reason=status.failing)
    since = iso8601(status.since_ns // NS_PER_MS)[:-5]
    lost = f", {status.lost:,} records lost" if status.lost else ""
    return replace(
        row,
        reason=f"{status.messages_per_s:,.0f} msg/s, {status.bytes / 1e6:,.1f} MB since {since}Z "
        f"to {status.dir}{lost}",
    )


def feed_row(
    row: ProcessHealth,
    feed: Feed,
    port: int | None,
    received: ReceivedStatus | None,
    lost: list[str],
) -> ProcessHealth:
    """Return a feed's row; `lost`: the proxies that forward others, and not this one."""
    row = replace(row, port=port, exchange=feed.exchange)
    if row.process not in {"RUNNING", UNKNOWN}:
        return replace(row, state="down")
    if received is None:
        return replace(row, state=SILENT, reason="no status arrived")
    status = received.status
    # The worker's own figures, of the same kind: they cost nothing here.
    usage = Usage(status["cpu_percent"], status["memory_mb"])
    row = replace(row, status=status, channels=status["channels"], usage=usage)
    if lost:
        reason = f"its status did not arrive through {' and '.join(lost)}"
        return replace(row, state=SILENT, reason=reason)
    return replace(row, state=status["state"], reason=status["reason"])


def replay_row(
    row: ProcessHealth,
    feed: Feed,
    port: int | None,
    received: ReceivedStatus | None,
    exit_code: int | None,
    progress: ReplayStatus | None,
) -> ProcessHealth:
    """Return a replay's row: its statuses describe the time of the recording."""
    row = replace(row, port=port, exchange=feed.exchange)
    if row.process == "EXITED" and exit_code == 0:
        played = "" if progress is None else f"; {progress.messages:,} messages were played"
        return replace(row, state=ENDED, reason=f"the recording has ended{played}")
    if row.process not in {"RUNNING", UNKNOWN}:
        return replace(row, state="down")
    reasons = []
    if progress is not None and progress.pid == row.pid:
        row = replace(row, messages_per_s=progress.messages_per_s)
        reasons += [progress.text, f"{progress.messages_per_s:,.1f} msg/s"]
    was = None if received is None else received.status["state"]
    if was not in {None, "live"}:
        reasons.append(f"recorded state: {was}")
    return replace(row, state=REPLAY, reason=", ".join(reasons) or None)


def _why_it_does_not_run(name: str, info: dict[str, Any], log_dir: Path) -> str | None:
    state, code = info["statename"], info["exitstatus"]
    if state == "STOPPED":
        return "it was stopped; feedd start starts it" if info.get("stop") else None
    if (error := _last_error(log_dir, name, info["start"])) is not None:
        return error
    if state in {"EXITED", "BACKOFF", "FATAL"} and code:
        return "a signal ended it" if code == BY_SIGNAL else f"exit code {code}; see its log"
    return info["spawnerr"] or None


def _last_error(log_dir: Path, name: str, since_s: int) -> str | None:
    """Return the last error in a process' log since it was started: why it ended."""
    try:
        with Path(log_dir, name + LOG_SUFFIX).open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - LOG_TAIL_BYTES))
            lines = file.read().splitlines()
    except OSError:
        return None
    for line in reversed(lines):
        try:
            entry = orjson.loads(line)
        except orjson.JSONDecodeError:  # the first line read may be the rest of one
            return None
        if datetime.fromisoformat(entry["timestamp"]).timestamp() < since_s - 1:
            return None
        if entry["level"] == "error":
            return str(entry["event"])
    return None
