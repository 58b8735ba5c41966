"""Rows of the recorder and of processes that listen at ports."""

import os
import socket
import subprocess
from collections.abc import Iterable

import pytest
from conftest import free_ports

from feedd.health import port_owners
from feedd.health.port_owners import PortOwners
from feedd.health.process_rows import RECORDER_LATE_S, listening_row, recorder_row
from feedd.health.report import ProcessHealth
from feedd.recordings.recorder.recorder_status import RecorderStatus

S = 10**9
NOW_NS = 1_700_000_000 * S


def recorder(said: RecorderStatus | None, uptime_s: int = 60) -> ProcessHealth:
    """Return the recorder's row; its pid is 7."""
    return recorder_row(ProcessHealth("recorder", "RUNNING", 7, uptime_s), said, NOW_NS)


def said(
    age_s: float = 0.5, pid: int = 7, lost: int = 0, failing: str | None = None
) -> RecorderStatus:
    return RecorderStatus(
        pid=pid, at_ns=NOW_NS - int(age_s * S), since_ns=NOW_NS - 60 * S, dir="recordings",
        messages=100, messages_per_s=1234.4, bytes=5_250_000, lost=lost, failing=failing,
    )  # fmt: skip


def test_a_writing_recorder_is_healthy_and_reports_its_topics() -> None:
    row = recorder(said())
    assert row.healthy
    assert row.reason == "1,234 msg/s, 5.2 MB since 2023-11-14T22:12:20Z to recordings"
    assert recorder(said(lost=12)).reason == f"{row.reason}, 12 records lost"


@pytest.mark.parametrize(
    ("row", "state"),
    [
        (recorder(None, uptime_s=1), "starting"),
        (recorder(said(pid=6), uptime_s=1), "starting"),
        (recorder(said(pid=6)), "silent"),
        (recorder(said(age_s=RECORDER_LATE_S + 1)), "silent"),
        (recorder(said(failing="binanceusdm: 3 records …")), "failing"),
    ],
)
def test_a_recorder_that_does_not_write_is_not_healthy(row: ProcessHealth, state: str) -> None:
    assert not row.healthy
    assert row.state == state


def owners(pids: Iterable[int] = ()) -> PortOwners:
    found = PortOwners()
    found.refresh(list(pids))
    return found


def test_a_process_that_does_not_listen_yet_is_starting_and_one_whose_port_is_held_is_blocked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    [port] = free_ports(1)
    row = ProcessHealth("proxy", "RUNNING", os.getpid(), 5)
    assert listening_row(row, [port], owners()).state == "starting"
    with socket.socket() as one:
        one.bind(("127.0.0.1", port))
        one.listen()
        assert listening_row(row, [port], owners()) == row
        parent = ProcessHealth("proxy", "RUNNING", os.getppid(), 5)
        blocked = listening_row(parent, [port], owners())
        assert blocked.state == "blocked"
        assert f"its port {port} is held by pid {os.getpid()} (" in str(blocked.reason)
        monkeypatch.setattr(port_owners, "listening_sockets", lambda: None)
        assert listening_row(parent, [port], owners()) == parent  # the system hides it
        stopped = ProcessHealth("proxy", "STOPPED", None, 0)
        assert listening_row(stopped, [port], owners()) == stopped


def test_a_held_port_is_named_before_those_that_the_process_binds_after_it() -> None:
    later, held = free_ports(2)
    parent = ProcessHealth("proxy", "RUNNING", os.getppid(), 5)
    with socket.socket() as one:
        one.bind(("127.0.0.1", held))
        one.listen()
        blocked = listening_row(parent, [later, held], owners())
        assert blocked.state == "blocked"
        assert f"its port {held} is held by pid {os.getpid()} (" in str(blocked.reason)


def test_no_port_is_held_by_the_process_that_has_just_bound_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    [port] = free_ports(1)
    row = ProcessHealth("proxy", "RUNNING", os.getpid(), 5)
    monkeypatch.setattr(port_owners, "socket_files", lambda _: {})  # as a moment ago
    with socket.socket() as one:
        one.bind(("127.0.0.1", port))
        one.listen()
        before = owners()
        assert listening_row(row, [port], before) == row
    assert listening_row(row, [port], before).state == "starting"  # it was released meanwhile


@pytest.mark.process
def test_no_port_is_held_by_the_successor_of_a_process_that_has_ended() -> None:
    [port] = free_ports(1)
    with socket.socket() as one, subprocess.Popen(["true"]) as ended:
        one.bind(("127.0.0.1", port))
        one.listen()
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)  # nobody has reaped it yet
        row = ProcessHealth("proxy", "RUNNING", ended.pid, 5)
        assert listening_row(row, [port], owners()).state == "starting"
