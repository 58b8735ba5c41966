"""Waiting for health: an end is reported at once among few feeds, after the others among many."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from feedd.config.load import parse_config
from feedd.health.report import ProcessHealth, Report
from feedd.operation import startup
from feedd.operation.startup import StartError, report_until_healthy


def report(states: dict[str, tuple[str, str | None]]) -> Report:
    rows = [
        ProcessHealth(
            name,
            process,
            1,
            1,
            5555,
            "binanceusdm",
            state,
            f"why of {state}",
            ended=process in {"EXITED", "FATAL"},
        )
        for name, (process, state) in states.items()
    ]
    return Report((ProcessHealth("proxy", "RUNNING", 1, 1), *rows))


def wait(monkeypatch: pytest.MonkeyPatch, *reports: Report, for_s: float = 1000) -> list[str]:
    """Return the printed lines for a sequence of health reports; fail if more are requested."""
    said: list[str] = []
    looks = list(reports)

    def look() -> Report:
        assert looks, "it goes on waiting"
        return looks.pop(0)

    monkeypatch.setattr(startup, "HEALTHY_WITHIN_S", for_s)
    symbols = ", ".join(f"S{number}/USDT" for number, _ in enumerate(reports[0].processes[1:]))
    settings = parse_config(f"symbols: [{symbols}]", Path("feedd.yaml"))
    report_until_healthy(settings, look, said.append)
    assert not looks, "it waited for less"
    return said


LIVE = ("RUNNING", "live")
ENDED = ("EXITED", "down")
SILENT = ("RUNNING", "silent")


def test_of_few_feeds_one_that_has_ended_is_reported_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(StartError, match=r"not all is healthy: a: EXITED: why of down\."):
        wait(monkeypatch, report({"a": ENDED, "b": SILENT}))


def test_of_many_feeds_the_others_are_awaited_and_all_that_ended_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    others = {f"f{number}": LIVE for number in range(10)}
    first = report({**others, "a": ENDED, "b": SILENT, "c": SILENT})
    last = report({**others, "a": ENDED, "b": LIVE, "c": ENDED})
    with pytest.raises(
        StartError, match=r"not all is healthy: a, c: EXITED: why of down\. The rest"
    ):
        wait(monkeypatch, first, last)


def test_unhealthy_processes_are_listed_with_the_reason_after_the_timeout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    others = {f"f{number}": LIVE for number in range(10)}
    unwell = {"a": ENDED, "b": SILENT, "c": SILENT}
    with pytest.raises(StartError, match="a: EXITED: why of down; b, c: silent: why of silent"):
        wait(monkeypatch, report({**others, **unwell}), for_s=-1000)


def test_a_symbol_that_is_not_traded_is_reported_once_the_others_are_live(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def settling(other: tuple[str, str | None]) -> Report:
        proxy, *rows = report({"a": ("RUNNING", "stale"), "b": other}).processes
        return Report((proxy, replace(rows[0], status={"listing": "SETTLING"}), *rows[1:]))

    with pytest.raises(StartError, match=r"not all is healthy: a: stale: why of stale\."):
        wait(monkeypatch, settling(SILENT), settling(LIVE))


def test_a_healthy_start_prints_the_endpoint_and_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    said = wait(monkeypatch, report({"a": SILENT}), report({"a": LIVE}))
    assert said[-2:] == [
        "all is healthy; subscribe to tcp://127.0.0.1:5500",
        "page: http://127.0.0.1:8080",
    ]
