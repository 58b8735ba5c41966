"""Real-time priority: what it changes, and that a refusal stops nothing."""

from __future__ import annotations

import os
import threading
from typing import NoReturn

import pytest
from structlog.testing import capture_logs

from feedd.runtime import realtime


def test_a_permitted_process_keeps_its_ordinary_priority() -> None:
    with capture_logs() as logs:
        permitted = realtime.realtime_permitted()
    assert os.sched_getscheduler(0) == os.SCHED_OTHER
    assert permitted == (not logs)


def test_only_the_thread_that_enters_gets_real_time_priority() -> None:
    if not realtime.realtime_permitted():
        pytest.skip("this user may not give real-time priority: ulimit -r 1")
    found: list[int] = []

    def enter() -> None:
        realtime.enter_realtime()
        found.append(os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert (found, os.sched_getscheduler(0)) == ([os.SCHED_RR], os.SCHED_OTHER)


def test_a_refusal_is_reported_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> NoReturn:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    with capture_logs() as logs:
        assert not realtime.realtime_permitted()
    (log,) = logs
    assert log["log_level"] == "warning"
    assert "ulimit -r 1" in log["event"]
