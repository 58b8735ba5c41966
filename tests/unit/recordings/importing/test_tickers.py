"""Tickers of CSV and JSON lines: what becomes of each value, and of each mistake."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from msgspec import to_builtins
from table_samples import feedd

from feedd import codec
from feedd.client.events import Ticker
from feedd.client.protocol import Protocol
from feedd.errors import ConfigError
from feedd.recordings.format.block_records import LIVE, NOTICE, BlockRecord
from feedd.recordings.format.recording_reader import RecordingReader
from feedd.recordings.importing.output import RecordingOutput

MS = 1_723_161_256_299
HEADER = "symbol,timestamp,datetime,bid,ask,last,volume,high,low,change_percent"
ROW = (
    f"BTC/USDT,{MS},2024-08-08T23:54:16.299Z,61800.2,61800.3,61800.3,312874.816,62100,59840.1,-1.9"
)


def payloads(folder: Path) -> list[dict[str, Any]]:
    """Return the frames' payloads of a recording, with their topics."""
    found = []
    for _, what in RecordingReader([folder]).entries():
        assert isinstance(what, BlockRecord)
        if what.kind != NOTICE:
            found.append({"topic": what.topic.decode(), **codec.decode(what.payload)})
    return found


def imported(tmp_path: Path, text: str, *options: str, name: str = "a.csv") -> list[dict[str, Any]]:
    """Import a file of binanceusdm; return the tickers."""
    path = tmp_path / name
    path.write_text(text)
    feedd("import", path, "--out", tmp_path / "out", "--exchange", "binanceusdm", *options)
    return [one for one in payloads(tmp_path / "out") if one["topic"].startswith("ticker.")]


def test_a_row_becomes_the_ticker_that_the_wire_has(tmp_path: Path) -> None:
    (ticker,) = imported(tmp_path, f"{HEADER}\n{ROW}\n")
    assert ticker == {
        "topic": "ticker.binanceusdm.BTC/USDT:USDT.", "symbol": "BTC/USDT:USDT", "timestamp": MS,
        "datetime": "2024-08-08T23:54:16.299Z", "bid": 61800.2, "ask": 61800.3, "last": 61800.3,
        "volume": 312874.816, "high": 62100.0, "low": 59840.1, "change_percent": -1.9,
        "spread": 0.1, "bid_ask": "quote", "exchange": "binanceusdm",
        "received_ns": MS * 1_000_000, "published_ns": MS * 1_000_000, "session": MS, "seq": 1,
        "id": None,
    }  # fmt: skip


def test_the_computed_spread_of_tiny_prices_is_exact_and_not_0(tmp_path: Path) -> None:
    rows = [
        {"symbol": "BABYDOGE/USDT", "timestamp": MS, "bid": bid, "ask": ask, "last": ask}
        for bid, ask in ((1.2345e-09, 1.2349e-09), (1.23451e-12, 1.23452e-12))
    ]
    first, second = imported(tmp_path, "\n".join(map(json.dumps, rows)), name="a.jsonl")
    assert (first["spread"], second["spread"]) == (4e-13, 1e-17)


def test_ccxts_names_are_understood_and_what_is_missing_is_nil(tmp_path: Path) -> None:
    rows = [
        {"symbol": "BTC/USDT:USDT", "timestamp": MS, "percentage": 1.5, "baseVolume": 7,
         "close": 61800.5, "last": 61800.5, "info": {"x": 1}, "vwap": None},
        {"symbol": "ETH/USDT:USDT", "datetime": "2024-08-08T23:54:17Z", "last": "2600"},
    ]  # fmt: skip
    text = "\n".join(json.dumps(row) for row in rows)
    first, second = imported(tmp_path, text, name="a.jsonl")
    assert (first["change_percent"], first["volume"], first["last"]) == (1.5, 7.0, 61800.5)
    assert (first["bid"], first["spread"], first["bid_ask"]) == (None, None, "none")
    assert (second["symbol"], second["timestamp"]) == ("ETH/USDT:USDT", 1_723_161_257_000)
    assert second["datetime"] == "2024-08-08T23:54:17.000Z"
    assert second["last"] == 2600.0


@pytest.mark.parametrize("each_s", [1, 1_000, 1_000_000, 1_000_000_000])
def test_times_in_every_unit_are_recognised(tmp_path: Path, each_s: int) -> None:
    at_s = 1_723_161_256
    text = f"symbol,timestamp,last\nBTC/USDT,{at_s * each_s},1\n"
    (ticker,) = imported(tmp_path, text)
    assert (ticker["timestamp"], ticker["datetime"]) == (at_s * 1000, "2024-08-08T23:54:16.000Z")
    with pytest.raises(ConfigError, match=r"line 3, timestamp: .* but the times before it are"):
        imported(tmp_path, f"{text}BTC/USDT,{at_s * (10**9 if each_s < 10**9 else 1)},1\n")


def test_keys_that_the_wire_does_not_have_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    imported(tmp_path, f"{HEADER},vwap,open\n{ROW},1,\n{ROW},2,\n")
    told = capsys.readouterr().out
    assert "not imported: vwap (2)" in told
    assert "not imported: open" not in told  # which has no value


def test_each_symbol_has_its_own_numbers_and_reports_starting_to_stopped(
    tmp_path: Path,
) -> None:
    text = "".join(
        f"{symbol},{MS + 500 * number},61800.5\n"
        for number in range(4)
        for symbol in ("BTC/USDT", "ETH/USDT")
    )
    path = tmp_path / "a.csv"
    path.write_text(f"symbol,timestamp,last\n{text}")
    feedd("import", path, "--out", tmp_path / "out", "--exchange", "binance")
    frames = payloads(tmp_path / "out")
    for symbol in ("BTC/USDT", "ETH/USDT"):
        own = [one for one in frames if one["symbol"] == symbol]
        assert [one["seq"] for one in own if "bid" in one] == [1, 2, 3, 4]
        statuses = [one for one in own if "next_seq" in one]
        assert [one["seq"] for one in statuses] == list(range(1, len(statuses) + 1))
        assert [one["state"] for one in statuses] == [
            "starting", "live", "live", "stopped",
        ]  # fmt: skip
        assert statuses[-1]["next_seq"] == {
            f"ticker.binance.{symbol}.": 5, f"status.binance.{symbol}.": len(statuses) + 1,
        }  # fmt: skip


def test_import_and_export_preserve_every_digit(tmp_path: Path) -> None:
    floats = [0.1 + 0.2, 1 / 3, 1e-7, 123456789.123456789, 5e-324, 1.7976931348623157e307]
    rows = [
        f"BTC/USDT:USDT,{MS + number},{value!r},,{value!r},,,,{-value!r}"
        for number, value in enumerate(floats)
    ]
    text = "symbol,timestamp,bid,ask,last,volume,high,low,change_percent\n" + "\n".join(rows)
    imported(tmp_path, text)
    for form, read in (
        ("csv", pl.read_csv), ("jsonl", pl.read_ndjson), ("parquet", pl.read_parquet),
    ):  # fmt: skip
        feedd("export", tmp_path / "out", "--format", form, "--out", tmp_path / form)
        frame = read(tmp_path / form / f"ticker.{form}")
        assert frame["timestamp"].to_list() == [MS + number for number in range(len(floats))]
        assert frame["bid"].to_list() == frame["last"].to_list() == floats
        assert frame["change_percent"].to_list() == [-value for value in floats]
        assert frame["ask"].null_count() == len(floats)
        assert frame["received_ns"].to_list() == [(MS + n) * 1_000_000 for n in range(len(floats))]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_an_export_is_imported_again_as_it_was(tmp_path: Path, form: str) -> None:
    before = imported(tmp_path, f"{HEADER}\n{ROW}\n{ROW.replace('61800.2', '')}\n")
    feedd("export", tmp_path / "out", "--format", form, "--out", tmp_path)
    feedd("import", tmp_path / f"ticker.{form}", "--out", tmp_path / "again")
    again = [one for one in payloads(tmp_path / "again") if one["topic"].startswith("ticker.")]
    assert again == before


def test_gzipped_files_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(f"\ufeff{HEADER}\r\n{ROW}\r\n\r\n".encode()))
    feedd("import", path, "--out", tmp_path / "out", "--exchange", "binanceusdm")
    assert len(payloads(tmp_path / "out")) > 1


def test_several_files_are_merged_by_time(tmp_path: Path) -> None:
    for symbol, first in (("BTC/USDT", 0), ("ETH/USDT", 1)):
        rows = "".join(f"{symbol},{MS + first + 2 * n},1\n" for n in range(3))
        (tmp_path / f"{symbol[:3]}.csv").write_text(f"symbol,timestamp,last\n{rows}")
    out = tmp_path / "out"
    feedd(
        "import", tmp_path / "ETH.csv", tmp_path / "BTC.csv", "--out", out, "--exchange", "binance"
    )
    times = [one["timestamp"] - MS for one in payloads(out) if "bid" in one]
    assert times == [0, 1, 2, 3, 4, 5]


def test_one_symbols_files_one_after_the_other_are_sessions_and_at_once_an_error(
    tmp_path: Path,
) -> None:
    for name, first in (("a", 0), ("b", 100), ("c", 101)):
        rows = "".join(f"BTC/USDT,{MS + first + n},1\n" for n in range(3))
        (tmp_path / f"{name}.csv").write_text(f"symbol,timestamp,last\n{rows}")
    options = ("--out", tmp_path / "out", "--exchange", "binance")
    feedd("import", tmp_path / "a.csv", tmp_path / "b.csv", *options)
    tickers = [one for one in payloads(tmp_path / "out") if "bid" in one]
    assert [(one["session"], one["seq"]) for one in tickers] == [
        (MS, 1), (MS, 2), (MS, 3), (MS + 100, 1), (MS + 100, 2), (MS + 100, 3),
    ]  # fmt: skip
    notices = [
        what.topic
        for _, what in RecordingReader([tmp_path / "out"]).entries()
        if isinstance(what, BlockRecord) and what.kind == NOTICE
    ]
    assert notices.count(b"NewSession") == 1
    assert notices.count(b"Stopped") == 2
    with pytest.raises(ConfigError, match="separate folders"):
        feedd("import", tmp_path / "b.csv", tmp_path / "c.csv", "--out", tmp_path / "two",
              "--exchange", "binance")  # fmt: skip
    assert not (tmp_path / "two").exists()


def test_the_client_library_takes_an_import_for_a_live_stream_without_a_hole(
    tmp_path: Path,
) -> None:
    """The notices in the recording are those that the library reports for its frames."""
    for name, first in (("a", 0), ("b", 9_000)):
        rows = "".join(f"BTC/USDT,{MS + first + 400 * n},{n}\n" for n in range(9))
        (tmp_path / f"{name}.csv").write_text(f"symbol,timestamp,last\n{rows}")
    feedd("import", tmp_path / "a.csv", tmp_path / "b.csv", "--out", tmp_path / "out",
          "--exchange", "binance")  # fmt: skip
    protocol = Protocol([""], 0, 0.0)
    told = []
    for at_ns, what in RecordingReader([tmp_path / "out"]).entries():
        assert isinstance(what, BlockRecord)
        if what.kind == NOTICE:
            told.append((what.topic.decode(), codec.decode(what.payload)))
        else:
            protocol.message(what.topic, what.payload, at_ns / 1e9)
    events = protocol.events()
    assert [event.last for event in events if isinstance(event, Ticker)] == [*range(9)] * 2
    assert [
        (type(event).__name__, to_builtins(event))
        for event in events
        if not isinstance(event, Ticker)
    ] == told
    assert [name for name, _ in told] == [
        "StateChange", "StateChange", "Stopped", "NewSession", "StateChange", "StateChange",
        "Stopped",
    ]  # fmt: skip


def test_an_import_that_is_killed_leaves_nothing_that_passes_for_a_recording(
    tmp_path: Path,
) -> None:
    output = RecordingOutput(tmp_path, "a test")
    output.__enter__()
    for number in range(3000):
        output.add("binance", MS * 1_000_000 + number, LIVE, b"ticker.binance.B/C.", b"x" * 200)
    assert any(path.stat().st_size for path in tmp_path.rglob("*.part"))
    with pytest.raises(ConfigError, match="has no recording"):
        RecordingReader([tmp_path])
    output.__exit__()
    assert not list(tmp_path.iterdir())


def test_a_day_that_is_there_is_never_written_into(tmp_path: Path) -> None:
    imported(tmp_path, f"{HEADER}\n{ROW}\n")
    with pytest.raises(ConfigError, match="2024-08-08 already exists"):
        imported(tmp_path, f"{HEADER}\n{ROW}\n")
    next_day = f"{HEADER}\nBTC/USDT,{MS + 86_400_000},,1,2,3,,,,\n"
    assert len(imported(tmp_path, next_day)) == 2


WRONG = [
    ("", "is empty"),
    (f"{HEADER}\n", "has no rows"),
    ("hello\n", "line 1: 'hello' is neither"),
    ("a,b\n1,2\n", "line 1: 'a,b' is not a header of a table that can be imported"),
    (f"{HEADER},bid\n{ROW},1\n", "line 1, bid: the header has it twice"),
    (f"{HEADER}\n{ROW},1\n", "line 2: has 11 fields, but the header has 10"),
    (f'{HEADER}\n{ROW}\n"{ROW}\n', "line 3: is not CSV"),
    (f"{HEADER}\n{ROW.replace('61800.2', 'x')}\n", "line 2, bid: 'x' is not a number; leave"),
    (f"{HEADER}\n{ROW.replace('61800.2', 'nan')}\n", "line 2, bid: 'nan' is not a number"),
    (f"{HEADER}\n{ROW.replace('61800.2', '1_0')}\n", "line 2, bid: '1_0' is not a number"),
    (f"{HEADER}\n{ROW.replace('61800.2', '-1')}\n", "line 2, bid: -1.0 is below 0"),
    (f"{HEADER}\n{ROW.replace(str(MS), '17231612')}\n", "line 2, timestamp: .* not a time in s"),
    (f"{HEADER}\n{ROW.replace(str(MS), 'noon')}\n", "line 2, timestamp: 'noon' is not a time"),
    (f"{HEADER}\n{ROW.replace('2024-08-08T', '2024-08-09T')}\n", "line 2, datetime: .* is not the"),
    (f"{HEADER}\n{ROW.replace('2024-08-08T', '8 August ')}\n", "line 2, datetime: .* not ISO 8601"),
    ("symbol,last\nBTC/USDT,1\n", "line 2, timestamp: a row needs one"),
    (f"timestamp,last\n{MS},1\n", "line 2, symbol: the row has none.* --symbol"),
    (f"{HEADER}\n{ROW}\n{ROW.replace('61256', '61255').replace('16.', '15.')}\n", "line 3.* sort"),
    (f"symbol,timestamp,last,close\nBTC/USDT,{MS},1,2\n", "line 2, close: it is 2, but last is 1"),
    (f"symbol,timestamp,bid,bid_ask\nBTC/USDT,{MS},1,best\n", "line 2, bid_ask: 'best' is not one"),
    (f"exchange,symbol,timestamp,bid\n../x,B/C,{MS},1\n", "line 2, exchange: '../x' is not"),
    (f"exchange,symbol,timestamp,bid\n/tmp,B/C,{MS},1\n", "line 2, exchange: '/tmp' is not"),
    (f'{{"symbol":"B/C","timestamp":{MS},"last":1}}\n[1]\n', r"line 2: '\[1\]' is not a JSON"),
    ('{"symbol":"B/C","timestamp":true,"last":1}\n', "line 1, timestamp: True is not a time"),
    (f'{{"symbol":7,"timestamp":{MS},"last":1}}\n', "line 1, symbol: 7 is not text"),
    (f'{{"symbol":"B/C","timestamp":{MS},"last":true}}\n', "line 1, last: True is not a number"),
    (f'{{"symbol":"B/C","timestamp":{MS},"last":{{}}}}\n', "line 1, last: {} is not a number"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "error"), WRONG)
def test_a_mistake_is_one_error_that_names_file_line_and_key_and_nothing_is_written(
    tmp_path: Path, text: str, error: str
) -> None:
    with pytest.raises(ConfigError, match=error) as raised:
        imported(tmp_path, text)
    assert str(raised.value).startswith(str(tmp_path / "a.csv"))
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_no_text_or_cut_off_is_refused(tmp_path: Path) -> None:
    torn = gzip.compress((HEADER + f"\n{ROW}" * 1000).encode())[:-20]
    unpack = r"unpack the readable part \(gzip -dc a.gz"
    for name, data, do in (
        ("a.gz", torn, f"can't be read to its end: .*{unpack}"),
        ("b.csv", b"symbol,timestamp\n\xff\xfe\n", "is not UTF-8 text: .*invalid start byte"),
    ):  # fmt: skip
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ConfigError, match=do):
            feedd("import", tmp_path / name, "--out", tmp_path / "out", "--exchange", "binance")
    with pytest.raises(ConfigError, match="No such file"):
        feedd("import", tmp_path / "none", "--out", tmp_path / "out")
    (tmp_path / "c.csv").write_text(f"{HEADER}\n{ROW}\n")
    with pytest.raises(ConfigError, match="--exchange"):
        feedd("import", tmp_path / "c.csv", "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()
