"""What one source notes of an exchange's refusals, and what reaches the others."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from feedd.budget import allowance
from feedd.budget.locks import locked
from feedd.errors import LimitError, SourceError
from feedd.sources.ccxt_budget import Budget

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


def test_a_refusal_that_can_not_be_told_at_once_is_told_before_the_next_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(allowance, "LOCK_WITHIN_S", 0.1)

    async def run() -> None:
        one = budget(tmp_path)
        one.answered(429, URL, {}, "")
        async with locked(tmp_path / "budget" / "binance-linear-weight", 1.0):
            with pytest.raises(SourceError, match="another process has held it"):
                await one.settle()
        with pytest.raises(LimitError, match="HTTP 429"):
            await one.request(1)

    asyncio.run(run())


def test_what_was_used_is_taken_from_this_limits_pages_only(tmp_path: Path) -> None:
    async def run() -> None:
        one, used = budget(tmp_path), {"X-MBX-USED-WEIGHT-1M": "5000"}
        one.answered(200, "https://api.binance.com/api/v3/account", used, "")
        one.answered(200, URL, {"X-MBX-USED-WEIGHT-1M": "many"}, "")
        await one.request(1)
        one.answered(200, URL, used, "")
        with pytest.raises(LimitError, match="used up"):
            await one.request(1)

    asyncio.run(run())
