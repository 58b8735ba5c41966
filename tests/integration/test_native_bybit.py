"""Bybit through the native source: payloads equal to the ccxt source's, and its snapshots."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from integration.equal_payloads import both, compare
from recorded_callbacks import RecordedCallbacks

from feedd.clock import Clock
from feedd.embedded.bybit.served import bybit
from feedd.embedded.generated import GeneratedBybitSpot, GeneratedInverse, GeneratedLinear

MARKETS: dict[str, tuple[str, Callable[..., Any]]] = {
    "linear": ("BTC/USDT:USDT", GeneratedLinear),
    "inverse": ("BTC/USD:BTC", GeneratedInverse),
    "spot": ("BTC/USDT", GeneratedBybitSpot),
}
LEAST = {"ticker": 20, "quote": 100, "trade": 200, "book": 50, "candle": 3}


@pytest.mark.parametrize("category", MARKETS)
def test_both_sources_publish_identical_payloads(category: str) -> None:
    symbol, make = MARKETS[category]
    least = {**LEAST, **({} if category == "spot" else {"liquidation": 1})}

    async def run() -> tuple[RecordedCallbacks, RecordedCallbacks]:
        return await both(bybit(make(Clock(), rate=200)), "bybit", symbol, list(least), least)

    ours, theirs = asyncio.run(run())
    for channel, count in least.items():
        own = 1 if channel in {"ticker", "quote", "book"} else 0  # a snapshot
        assert compare(ours, theirs, channel, own=own) >= count // 4
