"""A whole recording of an exchange, imported and exported: what the tables have is the file."""

from __future__ import annotations

import gzip
import subprocess
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest
from conftest import PYTHON, REPOSITORY, clean_environment

pytestmark = pytest.mark.process

SYMBOL = "BTC/USDT:USDT"


def run(*arguments: object) -> str:
    """Run `feedd …` as a person would; return what it printed."""
    done = subprocess.run(
        [PYTHON, "-m", "feedd", *map(str, arguments)], cwd=REPOSITORY, capture_output=True,
        text=True, timeout=180, check=False, env=clean_environment(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def in_the_file(btcusdt: Path) -> dict[str, list[tuple[int, dict[str, Any]]]]:
    """Return the file's messages by kind, each with its local time, read without feedd."""
    found: dict[str, list[tuple[int, dict[str, Any]]]] = {}
    with gzip.open(btcusdt, "rt") as file:
        for line in file:
            at, _, text = line.partition(" ")
            message = orjson.loads(text)
            if "data" in message:
                found.setdefault(message["data"]["e"], []).append((int(at), message["data"]))
    return found


@pytest.fixture(scope="module")
def recorded(btcusdt: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a recording of that file."""
    folder = tmp_path_factory.mktemp("recorded")
    run("import", btcusdt, "--out", folder)
    return folder


def same_as_the_file(
    tables: Path, in_the_file: dict[str, list[tuple[int, dict[str, Any]]]]
) -> None:
    """Hold the Parquet tables against the file: ids, prices, sizes, times, sides and order."""
    quotes = pl.read_parquet(tables / "quote.parquet").filter(pl.col("origin") != "snapshot")
    raw = [data for _, data in in_the_file["bookTicker"]]
    assert len(raw) == 66_089
    assert quotes["id"].to_list() == [str(one["u"]) for one in raw]
    for column, key in (("bid", "b"), ("bid_size", "B"), ("ask", "a"), ("ask_size", "A")):
        assert quotes[column].to_list() == [float(one[key]) for one in raw]
    assert quotes["timestamp"].to_list() == [one["E"] for one in raw]
    trades = pl.read_parquet(tables / "trade.parquet").filter(pl.col("origin") != "snapshot")
    raw = [data for _, data in in_the_file["trade"]]
    assert len(raw) == 21_313
    assert trades["id"].to_list() == [str(one["t"]) for one in raw]
    for column, key in (("price", "p"), ("size", "q")):
        assert trades[column].to_list() == [float(one[key]) for one in raw]
    assert trades["timestamp"].to_list() == [one["T"] for one in raw]
    assert trades["side"].to_list() == ["sell" if one["m"] else "buy" for one in raw]
    for table in (quotes, trades):
        assert table["seq"].to_list() == list(range(1, len(table) + 1))
        assert set(table["symbol"]) == {SYMBOL}


def test_an_imported_file_as_parquet_equals_the_file(
    recorded: Path, tmp_path: Path, in_the_file: dict[str, list[tuple[int, dict[str, Any]]]]
) -> None:
    told = run("export", recorded, "--format", "parquet", "--out", tmp_path)
    assert "66,089 rows" in told
    same_as_the_file(tmp_path, in_the_file)
    for table, kind in (("quote", "bookTicker"), ("trade", "trade")):
        frame = pl.read_parquet(tmp_path / f"{table}.parquet")
        at = [local_ns for local_ns, _ in in_the_file[kind]]
        assert frame["received_ns"].to_list() == frame["published_ns"].to_list() == at
    books = pl.read_parquet(tmp_path / "book.parquet")
    assert len(books) > 0
    updates = {str(one["u"]): one["E"] for _, one in in_the_file["depthUpdate"]}
    assert [updates[one] for one in books["id"]] == books["timestamp"].to_list()
    assert (books["bids"].list.len() == 20).all()
    best = books.select(
        bid=pl.col("bids").list.first().struct.field("price"),
        ask=pl.col("asks").list.first().struct.field("price"),
    )
    assert (best["bid"] < best["ask"]).all()
    gaps = pl.read_parquet(tmp_path / "gaps.parquet")
    assert "UpstreamGap" not in set(gaps["kind"])
