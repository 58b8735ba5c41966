"""The examples, as a person runs them."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import msgspec
from conftest import REPOSITORY

import feedd
from feedd import model
from feedd.recording.records import LIVE, NOTICE
from feedd.recording.segment import Meta, SegmentWriter

LONG = 1200  # quotes: up for half of them, then down


def test_a_strategy_runs_on_a_recording(tmp_path: Path) -> None:
    begun_ns = time.time_ns()
    meta = Meta(exchange="test", prefixes=("",), begun_ns=begun_ns, made_by="a test")
    writer = SegmentWriter(tmp_path / "one.feedd", meta)
    for seq in range(1, 2 * LONG + 1):
        if seq == LONG + 1:
            gap = feedd.Gap("quote.test.A/B.", 1, seq, seq, "a test's")
            writer.add(begun_ns + seq, NOTICE, b"Gap", msgspec.msgpack.encode(gap))
            continue
        mid = 1000.0 - abs(seq % LONG - LONG / 2)
        quote = model.Quote(
            symbol="A/B", timestamp=1, bid=mid, bid_size=1.0, ask=mid, ask_size=1.0,
            exchange="test", received_ns=1, published_ns=begun_ns + seq, session=1, seq=seq,
        )  # fmt: skip
        writer.add(begun_ns + seq, LIVE, b"quote.test.A/B.", msgspec.msgpack.encode(quote))
    writer.close("a test's end")
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / "examples" / "three_ways.py"), str(tmp_path)],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    first, again, second, last = done.stdout.splitlines()
    assert " A/B down at " in first
    assert again == "! test.A/B. begins anew: a test's"
    assert " A/B down at " in second
    assert last == "2 crossings, 1 times begun anew"
