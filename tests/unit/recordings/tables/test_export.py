"""Exports: gaps and other tables, refusals, and cleanup after a failure."""

from __future__ import annotations

import base64
import builtins
import json
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
from table_samples import BEGUN_NS, SYMBOL, Sample, every_channel, feedd, stamped, ticks

from feedd import codec, model
from feedd.errors import ConfigError
from feedd.recordings.format.recording_reader import RecordingReader
from feedd.recordings.format.segment_writer import SegmentWriter
from feedd.recordings.tables import export, parquet
from feedd.recordings.tables.columns import CHANNELS
from feedd.recordings.tables.forms import FORMS

QUOTE, TRADE = ticks()[2], ticks()[4]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def quote(number: int) -> model.Quote:
    event: model.Quote = stamped(ticks()[2], number)
    event.id = number
    return event


def test_keys_that_are_not_known_are_kept_beside_those_that_are(tmp_path: Path) -> None:
    sample = Sample(tmp_path / "a.feedd")
    sample.event(QUOTE, depth=7, origin="mine")
    for form in ("jsonl", "csv", "parquet"):
        feedd("export", sample.close() if form == "jsonl" else sample.path, "--format", form,
              "--out", tmp_path)  # fmt: skip
    (row,) = lines(tmp_path / "quote.jsonl")
    assert (row["bid"], row["origin"], row["other"]) == (
        61800.2, "live", {"depth": 7, "origin": "mine"},
    )  # fmt: skip
    for frame in (pl.read_csv(tmp_path / "quote.csv"), pl.read_parquet(tmp_path / "quote.parquet")):
        assert json.loads(frame["other"][0]) == {"depth": 7, "origin": "mine"}


def but(without: str = "", **keys: Any) -> bytes:
    """Return a quote's payload with other values, or without a key."""
    payload = {**codec.decode(codec.encode(QUOTE)), **keys}
    payload.pop(without, None)
    return msgspec.msgpack.encode(payload)


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"\xc1 junk", "does not fit its channel"),
        (codec.encode(TRADE), "does not fit its channel"),
        (but(bid="61800.2"), "does not fit its channel"),
        (but(bid=float("nan")), "does not fit its channel"),
        (but(seq=2**63), "does not fit its channel"),
        (but(without="seq"), "does not fit its channel"),
        (msgspec.msgpack.encode({7: 8}), "does not fit its channel"),
    ],
)  # fmt: skip
def test_a_payload_that_is_none_of_its_channel_is_kept_as_it_is(
    tmp_path: Path, payload: bytes, why: str
) -> None:
    sample = Sample(tmp_path / "a.feedd")
    sample.raw("quote", payload)
    feedd("export", sample.close(), "--format", "jsonl", "--out", tmp_path)
    (row,) = lines(tmp_path / "other.jsonl")
    assert base64.b64decode(row["raw"]) == payload
    assert row["why"].startswith(why)
    assert row["topic"] == f"quote.binanceusdm.{SYMBOL}."
    assert not (tmp_path / "quote.jsonl").exists()


def test_channels_that_are_not_known_are_kept_in_a_table_of_their_own(tmp_path: Path) -> None:
    sample = Sample(tmp_path / "a.feedd")
    sample.raw("funding", msgspec.msgpack.encode({"rate": 0.5}))
    feedd("export", sample.close(), "--format", "parquet", "--out", tmp_path)
    (row,) = pl.read_parquet(tmp_path / "other.parquet").to_dicts()
    assert json.loads(row["payload"]) == {"rate": 0.5}
    assert row["topic"].startswith("funding.")


def test_damage_is_listed_in_the_gaps_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sample = Sample(tmp_path / "a.feedd")
    for number in (1, 2, 3):
        sample.event(quote(number))
        sample.writer.write_block()
    path = sample.close()
    data = bytearray(path.read_bytes())
    second = data.index(b"FDR1B", data.index(b"FDR1B") + 1)
    data[second + 70] ^= 1
    path.write_bytes(data)
    feedd("export", path, "--format", "jsonl", "--out", tmp_path)
    assert [row["id"] for row in lines(tmp_path / "quote.jsonl")] == ["1", "3"]
    (row,) = lines(tmp_path / "gaps.jsonl")
    assert (row["kind"], row["told_by"], row["records"]) == ("Damage", "recording", 1)
    assert row["from_ns"] == row["to_ns"] == BEGUN_NS + 2_000_000
    assert row["other"] == {"path": str(path)}
    assert "1 damaged" in capsys.readouterr().err


def test_only_the_topics_and_times_that_are_asked_for_but_all_gaps(tmp_path: Path) -> None:
    sample = Sample(tmp_path / "a.feedd")
    for number in range(1, 6):
        sample.event(quote(number))
        sample.event(stamped(ticks()[4], number))
        if number == 3:
            sample.event(stamped(ticks()[-1], number))
    feedd(
        "export", sample.close(), "--format", "jsonl", "--out", tmp_path, "--topics", "quote.",
        "--from", "2024-08-08T23:54:16.002000001Z", "--to", "23:54:16.004000001",
    )  # fmt: skip
    assert [row["id"] for row in lines(tmp_path / "quote.jsonl")] == ["2", "3", "4"]
    assert [row["kind"] for row in lines(tmp_path / "gaps.jsonl")] == ["UpstreamGap"]
    assert sorted(path.name for path in tmp_path.glob("*.jsonl")) == ["gaps.jsonl", "quote.jsonl"]
    with pytest.raises(ConfigError, match="nothing to export"):
        feedd("export", sample.path, "--format", "csv", "--out", tmp_path, "--topics", "quoted.",
              "--from", "23:54:16.001", "--to", "23:54:16.0015")  # fmt: skip
    with pytest.raises(ConfigError, match="is after --to"):
        feedd("export", sample.path, "--format", "csv", "--out", tmp_path,
              "--from", "23:55", "--to", "23:54")  # fmt: skip
    assert not list(tmp_path.glob("*.csv"))
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_tables_are_replaced_only_on_request_and_then_all(tmp_path: Path) -> None:
    every_channel(tmp_path / "all.feedd")
    sample = Sample(tmp_path / "one.feedd")
    sample.event(QUOTE)
    sample.close()
    feedd("export", tmp_path / "all.feedd", "--format", "csv", "--out", tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.glob("*.csv")}
    assert len(before) == len(CHANNELS) + 1
    with pytest.raises(ConfigError, match="--force"):
        feedd("export", tmp_path / "one.feedd", "--format", "csv", "--out", tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.glob("*.csv")} == before
    feedd("export", tmp_path / "one.feedd", "--format", "csv", "--out", tmp_path, "--force")
    assert sorted(path.name for path in tmp_path.glob("*.csv")) == ["gaps.csv", "quote.csv"]


def test_a_table_is_seen_before_the_work_and_one_that_came_meanwhile_after_it(
    tmp_path: Path,
) -> None:
    sample = Sample(tmp_path / "one.feedd")
    sample.event(QUOTE)
    entries = RecordingReader([sample.close()]).entries
    with export.Export(tmp_path, "csv") as exporting:
        exporting.run(entries(), lambda _: None)
        (tmp_path / "quote.csv").write_text("mine")
        with pytest.raises(ConfigError, match="already exists"):
            exporting.publish()
    with pytest.raises(ConfigError, match="already exists"):
        export.Export(tmp_path, "csv")
    assert [path.read_text() for path in tmp_path.glob("*.csv")] == ["mine"]


def test_a_full_disk_is_reported_and_leaves_no_table(tmp_path: Path) -> None:
    import resource  # noqa: PLC0415  only here

    sample = Sample(tmp_path / "a.feedd")
    for number in range(1, 5000):
        sample.event(quote(number))
    sample.close()
    out = tmp_path / "out"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for form in FORMS:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
        try:
            with pytest.raises(ConfigError, match="File too large"):
                feedd("export", sample.path, "--format", form, "--out", out)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert not list(out.iterdir())


def test_without_pyarrow_parquet_names_the_package_and_the_other_formats_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = Sample(tmp_path / "a.feedd")
    sample.event(QUOTE)
    sample.close()
    real = builtins.__import__

    def without(name: str, *arguments: Any, **more: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match="feedd\\[research\\]"):
        feedd("export", sample.path, "--format", "parquet", "--out", tmp_path)
    feedd("export", sample.path, "--format", "csv", "--out", tmp_path)
    assert (tmp_path / "quote.csv").exists()


def test_rows_come_in_row_groups_and_none_is_lost_between_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "ROWS_AT_ONCE", 7)
    monkeypatch.setattr(parquet, "GROUP_ROWS", 20)
    sample = Sample(tmp_path / "a.feedd")
    for number in range(1, 101):
        sample.event(quote(number))
    feedd("export", sample.close(), "--format", "parquet", "--out", tmp_path)
    frame = pl.read_parquet(tmp_path / "quote.parquet")
    assert frame["id"].to_list() == [str(number) for number in range(1, 101)]
    import pyarrow.parquet as pq  # noqa: PLC0415

    groups = pq.ParquetFile(tmp_path / "quote.parquet").metadata
    assert [groups.row_group(at).num_rows for at in range(groups.num_row_groups)] == [
        21, 21, 21, 21, 16,
    ]  # fmt: skip
    assert groups.row_group(0).column(0).compression == "ZSTD"


def test_a_recording_that_is_still_written_is_exported_as_far_as_it_goes(tmp_path: Path) -> None:
    sample = Sample(tmp_path / "a.feedd")
    sample.event(QUOTE)
    assert isinstance(sample.writer, SegmentWriter)
    sample.writer.write_block()
    feedd("export", sample.path, "--format", "jsonl", "--out", tmp_path)
    assert len(lines(tmp_path / "quote.jsonl")) == 1
    assert [row["reason"][:21] for row in lines(tmp_path / "gaps.jsonl")] == [
        "ends without an index"
    ]
    sample.writer.abandon()
