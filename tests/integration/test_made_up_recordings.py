"""What no real recording holds, through the whole source: MEXC's frames, trades of two venues."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from made_up_recordings import bitfinex_trades, deribit_trades
from mexc_frames import made_recording
from test_venues import Case, faulty, whole

MADE = [made_recording, deribit_trades, bitfinex_trades]
pytestmark = pytest.mark.parametrize("make", MADE)


def test_every_event_is_published_once_in_order_with_equal_values(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    assert asyncio.run(whole(Case(make(tmp_path), "ccxt"))) == []


def test_a_fault_in_any_channel_is_reported_or_harmless(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    assert asyncio.run(faulty(Case(make(tmp_path), "ccxt"))) == []
