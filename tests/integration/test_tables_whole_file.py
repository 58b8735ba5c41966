"""A whole raw recording, imported and exported: the tables equal the file."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from integration.exported_tables import RawMessages, imported, in_the_file, run, same_as_the_file
from raw_recordings import one_symbol

__all__ = ["imported", "in_the_file"]  # fixtures

pytestmark = pytest.mark.process


def test_an_imported_file_as_parquet_equals_the_file(
    imported: Path, btcusdt: Path, tmp_path: Path, in_the_file: RawMessages
) -> None:
    told = run("export", imported, "--format", "parquet", "--out", tmp_path)
    assert f"{one_symbol(btcusdt).quotes:,} rows" in told
    same_as_the_file(tmp_path, btcusdt, in_the_file)
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
