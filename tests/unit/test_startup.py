"""Waiting until all is well: of few feeds an end is told at once; of many, others are awaited."""

from __future__ import annotations

from pathlib import Path

import pytest

from feedd import config, health, startup
from feedd.daemon import Daemon
from feedd.health import ProcessHealth, Report
from feedd.startup import StartError, wait_until_healthy

Reports = list[Report]


def report(states: dict[str, tuple[str, str | None]]) -> Report:
    rows = [
        ProcessHealth(name, process, 1, 1, 5555, state, f"why of {state}")
        for name, (process, state) in states.items()
    ]
    return Report((ProcessHealth("proxy", "RUNNING", 1, 1), *rows))


def wait(monkeypatch: pytest.MonkeyPatch, reports: Reports) -> list[str]:
    """Return what is said while health is one report after the other, the last for good."""
    said: list[str] = []

    def look(*_: object) -> Report:
        return reports.pop(0) if len(reports) > 1 else reports[0]

    monkeypatch.setattr(health, "look", look)
    monkeypatch.setattr(startup, "HEALTHY_WITHIN_S", -1000.0 if len(reports) == 1 else 5.0)
    count = len(reports[0].processes) - 1
    symbols = ", ".join(f"S{number}/USDT" for number in range(count))
    settings = config.parse(f"symbols: [{symbols}]", Path("feedd.yaml"))
    wait_until_healthy(settings, Daemon(Path()), {}, said.append)
    return said


LIVE = ("RUNNING", "live")
ENDED = ("EXITED", "down")
SILENT = ("RUNNING", "silent")


def test_of_few_feeds_one_that_has_ended_is_reported_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reports = [report({"a": ENDED, "b": SILENT}), report({"a": LIVE, "b": LIVE})]
    with pytest.raises(StartError, match=r"not all is healthy: a: down: why of down\."):
        wait(monkeypatch, reports)


def test_of_many_feeds_the_others_are_awaited_and_all_that_ended_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    others = {f"f{number}": LIVE for number in range(10)}
    reports = [
        report({**others, "a": ENDED, "b": SILENT}),
        report({**others, "a": ENDED, "b": LIVE}),
    ]
    with pytest.raises(StartError, match=r"not all is healthy: a: down: why of down\. What"):
        wait(monkeypatch, reports)
    assert len(reports) == 1, "the silent one was not awaited"


def test_what_is_not_well_in_time_is_named_by_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    others = {f"f{number}": LIVE for number in range(10)}
    with pytest.raises(StartError, match="a: down: why of down; b, c: silent: why of silent"):
        wait(monkeypatch, [report({**others, "a": ENDED, "b": SILENT, "c": SILENT})])


def test_when_all_is_well_the_endpoint_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    said = wait(monkeypatch, [report({"a": SILENT}), report({"a": LIVE})])
    assert said[-1] == "all is healthy; subscribe to tcp://127.0.0.1:5500"
