"""Refusals that one source records, and their effect on the others."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from feedd.errors import LimitError, SourceError
from feedd.runtime.locks import file_lock_on_loop
from feedd.sources.ccxt import shared_limits as ccxt_budget
from feedd.sources.ccxt.shared_limits import Budget
from feedd.sources.limits import allowance

URL = "https://fapi.binance.com/fapi/v1/depth"


def budget(run_dir: Path, exchange: str = "binanceusdm") -> Budget:
    return Budget(run_dir, exchange, "BTC/USDT:USDT", None, 50)


def test_a_ban_is_of_connections_too_and_a_refused_request_is_not(tmp_path: Path) -> None:
    async def run() -> None:
        one, other = budget(tmp_path), budget(tmp_path, "binance")
        one.answered(429, URL, {}, "")
        await one.settle()
        await other.connection()
        with pytest.raises(LimitError, match="HTTP 429"):
            await other.request(1)
        one.answered(418, URL, {"Retry-After": "500"}, "")
        await one.settle()
        for ask in (other.connection(), other.request(1)):
            with pytest.raises(LimitError, match="HTTP 418"):
                await ask

    asyncio.run(run())


def test_a_deferred_refusal_is_reported_before_the_next_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(allowance, "LOCK_WITHIN_S", 0.1)

    async def run() -> None:
        one = budget(tmp_path)
        one.answered(429, URL, {}, "")
        async with file_lock_on_loop(tmp_path / "budget" / "binance-linear-weight", 1.0):
            with pytest.raises(SourceError, match="another process has held it"):
                await one.settle()
        with pytest.raises(LimitError, match="HTTP 429"):
            await one.request(1)

    asyncio.run(run())


def test_used_weight_is_read_only_from_this_limits_answers(tmp_path: Path) -> None:
    async def run() -> None:
        one, used = budget(tmp_path), {"X-MBX-USED-WEIGHT-1M": "5000"}
        one.answered(200, "https://api.binance.com/api/v3/account", used, "")
        one.answered(200, URL, {"X-MBX-USED-WEIGHT-1M": "many"}, "")
        await one.request(1)
        one.answered(200, URL, used, "")
        with pytest.raises(LimitError, match="used up"):
            await one.request(1)

    asyncio.run(run())


class Client:
    """As much of ccxt's as a dial needs."""

    def __init__(self) -> None:
        self.error: Any = None
        self.last_retry_after: float | None = None
        self.dials = 0

    async def open(self, _session: Any, backoff_delay: float = 0) -> None:
        assert backoff_delay == 0
        self.dials += 1

    async def create_connection(self, _session: Any) -> Any: ...

    def on_error(self, error: Any) -> None:
        self.error = error


def test_a_dial_waits_for_the_connection_limit_and_reports_a_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ccxt_budget, "DELAY_AT_MOST_S", 0.01)

    async def run() -> None:
        one = budget(tmp_path)
        clients = [Client() for _ in range(4)]
        for client in clients:
            ccxt_budget._dial_within(one, client)
        await clients[0].open(None, 86_400.0)
        assert (clients[0].dials, clients[0].error) == (1, None)

        clients[1].error = "given up while it waited"
        await clients[1].open(None)
        assert clients[1].dials == 0

        one.handshake_refused(429, {"Retry-After": "500"})
        await clients[2].open(None)
        assert (clients[2].dials, clients[2].last_retry_after) == (0, pytest.approx(500, abs=20))
        assert "asked for a pause (HTTP 429)" in str(clients[2].error)

        monkeypatch.setattr(one, "connection", lambda: 1 / 0)  # a fault of ours
        await clients[3].open(None)
        assert (clients[3].dials, str(clients[3].error)) == (0, "division by zero")

    asyncio.run(run())
