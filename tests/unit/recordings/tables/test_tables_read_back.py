"""Tables as polars, pandas and DuckDB read them: the values and types of the frames."""

from __future__ import annotations

import json
from datetime import datetime
from math import isnan
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
from table_samples import BEGUN_NS, every_channel, feedd, ticks

from feedd.clock import NS_PER_MS, iso8601
from feedd.recordings.tables.columns import CHANNELS, GAPS, TABLES

FORMS = ("parquet", "csv", "jsonl")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """Return a folder of tables in all forms, and the payloads that are in them."""
    folder = tmp_path_factory.mktemp("tables")
    payloads = every_channel(folder / "one.feedd")
    for form in FORMS:
        feedd("export", folder / "one.feedd", "--format", form, "--out", folder)
    return folder, payloads


def plain(value: Any, column_type: str) -> Any:
    """Return a value as the wire has it, of what a library made of it."""
    if value is None or (isinstance(value, float) and isnan(value)):
        return None
    if isinstance(value, datetime):  # as which DuckDB reads `datetime` from JSON
        return iso8601(round(value.timestamp() * 1000))
    if column_type == "levels":
        levels = json.loads(value) if isinstance(value, str) else list(value)
        return [
            [one["price"], one["size"]] if isinstance(one, dict) else list(one) for one in levels
        ]
    if column_type == "json":
        return json.loads(value) if isinstance(value, str) else value
    return value.item() if hasattr(value, "item") else value


def wanted(channel: str, payloads: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rows = []
    for payload in payloads:
        if payload["channel"] != channel:
            continue
        row = {column.name: payload.get(column.name) for column in CHANNELS[channel].columns}
        row["id"] = None if row["id"] is None else str(row["id"])
        if "backfilled" in row:
            row["backfilled"] = bool(row["backfilled"])
        rows.append(row)
    return rows


def channel_of(payloads: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the channel of each payload: two of each, in the tables' order."""
    names = list(CHANNELS)
    return [{**payload, "channel": names[at // 2]} for at, payload in enumerate(payloads)]


POLARS = {"integer": pl.Int64, "number": pl.Float64, "text": pl.String, "truth": pl.Boolean,
          "json": pl.String}  # fmt: skip


def by_polars(path: Path, channel: str) -> list[dict[str, Any]]:
    types = {
        column.name: POLARS.get(column.type, pl.String) for column in CHANNELS[channel].columns
    }
    if path.suffix == ".parquet":
        frame = pl.read_parquet(path)
        levels = pl.List(pl.Struct({"price": pl.Float64, "size": pl.Float64}))
        for column in CHANNELS[channel].columns:
            assert frame.schema[column.name] == POLARS.get(column.type, levels)
    elif path.suffix == ".csv":
        frame = pl.read_csv(path, schema=types)
    else:
        frame = pl.read_ndjson(path)
    assert frame.columns == [column.name for column in CHANNELS[channel].columns]
    return frame.to_dicts()


PANDAS = {"integer": "Int64", "number": "float64", "text": "string", "truth": "boolean",
          "json": "string", "levels": "string"}  # fmt: skip


def by_pandas(path: Path, channel: str) -> list[dict[str, Any]]:
    columns = CHANNELS[channel].columns
    if path.suffix == ".parquet":
        frame = pd.read_parquet(path, dtype_backend="numpy_nullable")
        assert all(frame[c.name].dtype == "Int64" for c in columns if c.type == "integer")
        assert all(
            str(frame[c.name].dtype) in {"Float64", "float64"}
            for c in columns
            if c.type == "number"
        )
    elif path.suffix == ".csv":
        types = {c.name: PANDAS[c.type] for c in columns}
        frame = pd.read_csv(path, dtype=types)
    else:
        frame = pd.DataFrame([json.loads(line) for line in path.read_text().splitlines()])
    assert list(frame.columns) == [column.name for column in columns]
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [{str(key): value for key, value in row.items()} for row in rows]


DUCKDB = {"integer": "BIGINT", "number": "DOUBLE", "text": "VARCHAR", "truth": "BOOLEAN",
          "json": "VARCHAR", "levels": "STRUCT(price DOUBLE, size DOUBLE)[]"}  # fmt: skip


def by_duckdb(path: Path, channel: str) -> list[dict[str, Any]]:
    columns = CHANNELS[channel].columns
    options = ""
    if path.suffix == ".csv":
        types = {c.name: "VARCHAR" if c.type == "levels" else DUCKDB[c.type] for c in columns}
        options = f", types={types}"
    read = {".parquet": "read_parquet", ".csv": "read_csv", ".jsonl": "read_json"}[path.suffix]
    relation = duckdb.sql(f"SELECT * FROM {read}('{path}'{options})")
    if path.suffix == ".parquet":
        assert [str(one) for one in relation.types] == [DUCKDB[c.type] for c in columns]
    assert relation.columns == [c.name for c in columns]
    return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


@pytest.mark.parametrize("read", [by_polars, by_pandas, by_duckdb])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("channel", CHANNELS)
def test_each_library_reads_what_the_frames_had(
    exported: tuple[Path, list[dict[str, Any]]], channel: str, form: str, read: Any
) -> None:
    folder, payloads = exported
    types = {column.name: column.type for column in CHANNELS[channel].columns}
    rows = wanted(channel, channel_of(payloads))
    assert len(rows) == 2
    found = [
        {key: plain(value, types[key]) for key, value in row.items()}
        for row in read(folder / f"{channel}.{form}", channel)
    ]
    if channel == "status" and form == "jsonl":  # what has parts is read as the library likes it
        parts = [key for key, column_type in types.items() if column_type == "json"]
        for row in (*found, *rows):
            for key in parts:
                del row[key]
    assert found == rows


def test_the_units_stand_in_the_schema(exported: tuple[Path, list[dict[str, Any]]]) -> None:
    for name, table in TABLES.items():
        if name == "other":
            continue
        schema = pq.read_schema(exported[0] / f"{name}.parquet")
        for column in table.columns:
            metadata = schema.field(column.name).metadata or {}
            assert metadata.get(b"unit", b"").decode() == (column.unit or "")


def test_every_time_and_every_price_has_a_unit() -> None:
    for table in TABLES.values():
        for column in table.columns:
            is_time = column.name.endswith(("_ns", "_ms", "time", "timestamp", "_s", "_us"))
            if (is_time and column.type == "integer") or column.type in {"number", "levels"}:
                assert column.unit is not None, f"{table.name}.{column.name}"


def test_the_gaps_table_has_every_notice_and_every_status_gap(
    exported: tuple[Path, list[dict[str, Any]]],
) -> None:
    for form in FORMS:
        read = {"parquet": pl.read_parquet, "jsonl": pl.read_ndjson}.get(form, pl.read_csv)
        rows = read(exported[0] / f"gaps.{form}").to_dicts()
        assert list(rows[0]) == [column.name for column in GAPS.columns]
        told = [
            {key: value for key, value in row.items() if value not in (None, "")} for row in rows
        ]
        feed = "binanceusdm.BTC/USDT:USDT."
        number = int if form == "csv" else str  # a column of digits alone is one of numbers
        at = told[0]["at_ns"]
        notice_at = BEGUN_NS + 5
        assert at == BEGUN_NS + len(ticks()) * NS_PER_MS
        assert told == [
            {"at_ns": at, "kind": "UpstreamGap", "told_by": "feed", "feed": feed,
             "channel": "trade", "session": 1_723_161_200_000, "from_id": number("17"),
             "to_id": number("21"), "reason": 'the "ids" jump,\nfar'},
            {"at_ns": notice_at, "kind": "Gap", "told_by": "client",
             "topic": f"trade.{feed}", "session": 1_723_161_200_000, "from_seq": 4, "to_seq": 9,
             "reason": "lost"},
            {"at_ns": notice_at, "kind": "UpstreamGap", "told_by": "client", "feed": feed,
             "channel": "trade", "from_id": number("17"), "to_id": number("21"),
             "reason": "the ids jump"},
            {"at_ns": notice_at, "kind": "NewSession", "told_by": "client", "feed": feed,
             "session": 1_723_161_300_000, "old_session": 1_723_161_200_000},
            {"at_ns": notice_at, "kind": "StateChange", "told_by": "client",
             "state": "no_history"},
            {"at_ns": notice_at, "kind": "Stopped", "told_by": "client", "feed": feed,
             "session": 1_723_161_300_000, "reason": "told to"},
        ]  # fmt: skip
