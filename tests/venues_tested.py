"""The file of test results that the tables of venues are made from: docs/venues-tested.json."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from feedd.channels import CHANNEL_NAMES
from feedd.venues.market_type import market_type

TESTED = Path(__file__).parents[1] / "docs" / "venues-tested.json"
WRITE = "FEEDD_WRITE_TESTED"  # the variable with which tests write the file


class RecordingRun(NamedTuple):
    """A recording that a source is tested on, with the channels of each symbol."""

    exchange: str
    source: str
    name: str  # without endings
    begun_ns: int
    channels: Mapping[str, tuple[str, ...]]


@contextmanager
def documented(
    recording: RecordingRun, part: str, path: Path = TESTED
) -> Iterator[None]:  # fmt: skip
    """Note a part of the tests as passed, by market type, or as not passed.

    Only if the environment asks for it. The tables show what has passed in all parts.
    """
    if not os.environ.get(WRITE):
        yield
        return
    passed = False
    try:
        yield
        passed = True
    finally:
        _note(path, recording, part, passed=passed)


def _note(path: Path, recording: RecordingRun, part: str, *, passed: bool) -> None:
    by_type: dict[str, set[str]] = {}
    for symbol, channels in recording.channels.items():
        by_type.setdefault(market_type(symbol), set()).update(channels)
    with path.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # several processes test venues
        tested: dict[str, dict[str, list[dict[str, Any]]]] = json.load(file)
        for market, channels in by_type.items():
            runs = tested.setdefault(recording.exchange, {}).setdefault(market, [])
            run = _run_of(runs, recording)
            run["channels"] = [name for name in CHANNEL_NAMES if name in channels]
            run["passed"] = sorted({*run["passed"], part} - (set() if passed else {part}))
            runs.sort(key=lambda one: (str(one["date"]), str(one["source"])))
        text = json.dumps(tested, indent=1, sort_keys=True)
        file.seek(0)
        file.truncate()
        file.write(f"{text}\n")


def _run_of(runs: list[dict[str, Any]], recording: RecordingRun) -> dict[str, Any]:
    for run in runs:
        if (run["recording"], run["source"]) == (recording.name, recording.source):
            return run
    date = datetime.fromtimestamp(recording.begun_ns / 1e9, UTC).strftime("%Y-%m-%d")
    runs.append(
        {"recording": recording.name, "source": recording.source, "date": date, "passed": []}
    )
    return runs[-1]
