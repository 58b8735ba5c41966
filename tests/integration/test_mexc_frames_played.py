"""MEXC's binary frames through the whole source, on a made-up recording: there is no real one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from mexc_frames import made_recording
from test_venues import Case, faulty, whole


def test_every_event_is_published_once_in_order_with_equal_values(tmp_path: Path) -> None:
    case = Case(made_recording(tmp_path), "ccxt")
    assert asyncio.run(whole(case)) == []


@pytest.mark.timeout(120)
def test_a_fault_in_any_channel_is_reported_or_harmless(tmp_path: Path) -> None:
    case = Case(made_recording(tmp_path), "ccxt")
    assert asyncio.run(faulty(case)) == []
