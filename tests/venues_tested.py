"""The file of test results that the tables of venues are made from: docs/venues-tested.json."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from feedd.channels import CHANNEL_NAMES
from feedd.venues.market_type import market_type

TESTED = Path(__file__).parents[1] / "docs" / "venues-tested.json"
WRITE = "FEEDD_WRITE_TESTED"  # the variable with which tests write the file


@contextmanager
def documented(
    exchange: str, recording: str, begun_ns: int, served: dict[str, tuple[str, ...]],
    path: Path = TESTED,
) -> Iterator[None]:  # fmt: skip
    """Note what passes, by market type, if the environment asks for it; remove what fails.

    `served` are the channels of each symbol that is tested, `recording` its name without endings.
    """
    if not os.environ.get(WRITE):
        yield
        return
    by_type: dict[str, set[str]] = {}
    for symbol, channels in served.items():
        by_type.setdefault(market_type(symbol), set()).update(channels)
    passed = False
    try:
        yield
        passed = True
    finally:
        date = datetime.fromtimestamp(begun_ns / 1e9, UTC).strftime("%Y-%m-%d")
        for market, names in by_type.items():
            run = {
                "recording": recording,
                "date": date,
                "channels": [name for name in CHANNEL_NAMES if name in names],
            }
            _replace(path, exchange, market, run, keep=passed)


def _replace(path: Path, exchange: str, market: str, run: dict[str, Any], *, keep: bool) -> None:
    with path.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # several processes test venues
        tested = json.load(file)
        runs = tested.setdefault(exchange, {}).setdefault(market, [])
        runs[:] = [one for one in runs if one["recording"] != run["recording"]]
        if keep:
            runs.append(run)
            runs.sort(key=lambda one: str(one["date"]))
        kept = {
            name: found
            for name, markets in sorted(tested.items())
            if (found := {type_: its for type_, its in sorted(markets.items()) if its})
        }
        file.seek(0)
        file.truncate()
        file.write(json.dumps(kept, indent=1) + "\n")
