"""The embedded exchange with more symbols than it lists by itself, which are 54.

It is started as workers/exchange.py is.
"""

from __future__ import annotations

import runpy
from pathlib import Path

from feedd.embedded import engine, instruments

SYMBOLS = 250


def listing() -> dict[str, tuple[instruments.Instrument, int]]:
    """Return the exchange's own instruments and as many more as are missing, each at 100 USDT."""
    found = instruments.listed()
    for number in range(SYMBOLS - len(found)):
        instrument = instruments.Instrument(f"BENCH{number:03d}", "USDT", 4, 1, 1)
        found[instrument.id] = (instrument, 1_000_000)
    return found


def symbols(count: int) -> list[str]:
    """Return unified names of the first ones."""
    known = [instrument for instrument, _ in listing().values()]
    return [f"{one.base}/{one.quote}:{one.quote}" for one in known[:count]]


if __name__ == "__main__":
    engine.listed = listing
    worker = Path(__file__).resolve().parent.parent / "workers" / "exchange.py"
    runpy.run_path(str(worker), run_name="__main__")
