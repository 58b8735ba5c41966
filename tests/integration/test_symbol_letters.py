"""A symbol of other letters than ASCII's, under the real supervisord and through both sources."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from conftest import Project
from raw_recordings import HOLDS_BTCUSDT, SMALL

pytestmark = pytest.mark.process

SYMBOL = "币安人生/USDT:USDT"
PROGRAM = "feed-binanceusdm-币安人生-USDT-USDT"


@pytest.mark.parametrize("source", ["native", "ccxt"])
def test_a_symbol_of_other_letters_runs_records_restarts_and_is_removed(
    make_project: Callable[..., Project], source: str
) -> None:
    recording = str(SMALL / HOLDS_BTCUSDT["small"])
    project = make_project(
        source=source,
        symbols=["BTC/USDT:USDT", SYMBOL],
        channels=["quote", "trade", "book"],
        embedded_exchange={"recording": {"BTC/USDT:USDT": recording, SYMBOL: recording}},
        recorder={"topics": ["quote.binanceusdm.币"]},
    )
    subscriber = project.subscribe("quote.binanceusdm.币安")
    started = project.feedd("start")
    assert started.returncode == 0, started.stdout + started.stderr
    topic, payload = subscriber.until(lambda *_: True)[0]
    assert (topic, payload["symbol"]) == (f"quote.binanceusdm.{SYMBOL}.", SYMBOL)
    pids = project.pids()
    assert project.feedd("restart", "币安人生/USDT").returncode == 0
    subscriber.until(lambda _, quote: quote["session"] > payload["session"])
    status = json.loads(project.feedd("status", "--json").stdout)
    assert status["health"] == "healthy", status["reason"]
    assert {p["name"] for p in status["processes"]} >= {PROGRAM, "watchdog", "recorder"}
    # The watchdog received supervisord's events of the restart, which name the program.
    assert project.pids()["watchdog"] == pids["watchdog"]
    removed = project.feedd("remove", SYMBOL)
    assert removed.returncode == 0, removed.stderr
    assert PROGRAM not in project.pids()
    listed = project.feedd("inspect", "recordings")
    assert f"quote.binanceusdm.{SYMBOL}." in listed.stdout
