"""Tables of a raw recording, compared with the file itself."""

from __future__ import annotations

import gzip
import subprocess
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest
from conftest import PYTHON, REPOSITORY, clean_environment
from raw_recordings import one_symbol

RawMessages = dict[str, list[tuple[int, dict[str, Any]]]]
SYMBOL = "BTC/USDT:USDT"


def run(*arguments: object) -> str:
    """Run `feedd …`; return its standard output."""
    done = subprocess.run(
        [PYTHON, "-m", "feedd", *map(str, arguments)], cwd=REPOSITORY, capture_output=True,
        text=True, timeout=180, check=False, env=clean_environment(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def in_the_file(btcusdt: Path) -> RawMessages:
    """Return the file's messages by kind, each with its local time, read without feedd."""
    found: RawMessages = {}
    with gzip.open(btcusdt, "rt") as file:
        for line in file:
            at, _, text = line.partition(" ")
            message = orjson.loads(text)
            if "data" in message:
                found.setdefault(message["data"]["e"], []).append((int(at), message["data"]))
    return found


@pytest.fixture(scope="module")
def imported(btcusdt: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a recording of that file."""
    folder = tmp_path_factory.mktemp("imported")
    run("import", btcusdt, "--out", folder)
    return folder


def same_as_the_file(tables: Path, btcusdt: Path, in_the_file: RawMessages) -> None:
    """Hold the Parquet tables against the file: ids, prices, sizes, times, sides and order."""
    quotes = pl.read_parquet(tables / "quote.parquet").filter(pl.col("origin") != "snapshot")
    raw = [data for _, data in in_the_file["bookTicker"]]
    assert len(raw) == one_symbol(btcusdt).quotes
    assert quotes["id"].to_list() == [str(one["u"]) for one in raw]
    for column, key in (("bid", "b"), ("bid_size", "B"), ("ask", "a"), ("ask_size", "A")):
        assert quotes[column].to_list() == [float(one[key]) for one in raw]
    assert quotes["timestamp"].to_list() == [one["E"] for one in raw]
    trades = pl.read_parquet(tables / "trade.parquet").filter(pl.col("origin") != "snapshot")
    raw = [data for _, data in in_the_file["trade"]]
    assert len(raw) == one_symbol(btcusdt).trades
    assert trades["id"].to_list() == [str(one["t"]) for one in raw]
    for column, key in (("price", "p"), ("size", "q")):
        assert trades[column].to_list() == [float(one[key]) for one in raw]
    assert trades["timestamp"].to_list() == [one["T"] for one in raw]
    assert trades["side"].to_list() == ["sell" if one["m"] else "buy" for one in raw]
    for table in (quotes, trades):
        assert table["seq"].to_list() == list(range(1, len(table) + 1))
        assert set(table["symbol"]) == {SYMBOL}
