"""Which proxies a command shows: those of the workers, and where a shell's are not in force."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from feedd.config.load import parse_config
from feedd.health.networks import network_lines, running_network_lines
from feedd.health.report import ProcessHealth, Report
from feedd.operation.table import health_table

LIVE = "symbols: [BTC/USDT, {symbol: ETH/USDT, exchange: bybit}]"


def config(text: str) -> Any:
    return parse_config(text, Path("feedd.yaml"))


def daemon(environment: dict[str, str] | None) -> Any:
    return SimpleNamespace(environment=lambda _pid: environment)


def test_each_line_is_shown_once_for_all_feeds() -> None:
    environment = {"HTTPS_PROXY": "http://u:secret@p:3128"}
    lines = ("exchanges are reached through the proxy http://…@p:3128 (HTTPS_PROXY)",)
    assert network_lines(config(LIVE), environment) == lines
    assert network_lines(config(LIVE), {}) == ()
    embedded = f"{LIVE}\nembedded_exchange: {{port: 9000}}"
    assert network_lines(config(embedded), environment) == ()


def test_a_running_supervisord_decides_and_its_faults_end_no_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # without a .env
    shown = running_network_lines(config(LIVE), daemon({"ALL_PROXY": "socks5://p"}), 1)
    assert shown == ("exchanges are reached through the proxy socks5://p:1080 (ALL_PROXY)",)
    assert running_network_lines(config(LIVE), daemon({"ALL_PROXY": "ftp://p"}), 1) is None
    assert running_network_lines(config(LIVE), daemon(None), 1) is None


def test_the_status_shows_what_is_in_force() -> None:
    report = Report((ProcessHealth("proxy", "RUNNING", 1, 1),), network=("through p",))
    assert "through p" in health_table(report).splitlines()
    assert report.as_dict()["network"] == ["through p"]
