"""`feedd inspect`: what it says of a small recording, and of a damaged one."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from math import isnan
from pathlib import Path
from typing import Any

import msgspec
import pytest

import feedd
from feedd import model
from feedd.cli.main import parse
from feedd.errors import ConfigError
from feedd.recordings.format.block_records import LIVE, NOTICE, REPLAYED
from feedd.recordings.format.segment_reader import SegmentReader
from feedd.recordings.format.segment_schema import SegmentMeta
from feedd.recordings.format.segment_writer import SegmentWriter
from feedd.recordings.inspection.survey import TopicSurvey
from feedd.recordings.inspection.time_bins import BINS, GAP, NOT_LIVE, SESSION, UPSTREAM, TimeBins

BEGUN_NS = 1_723_100_000_000_000_000  # 2024-08-08T06:53:20Z
S = 1_000_000_000
FEED = "test.A/B."


def inspect(*arguments: str) -> int:
    """Run the command."""
    parsed = parse(["inspect", *arguments])
    code: int = parsed.command.run(parsed)
    return code


def trade(seq: int, at_ns: int, symbol: str = "A/B", session: int = 1) -> model.Trade:
    return model.Trade(
        symbol=symbol, timestamp=1, price=100.0 + seq, size=1.0, side="buy", exchange="test",
        received_ns=1, published_ns=at_ns, session=session, seq=seq,
    )  # fmt: skip


def as_read(price: float) -> feedd.Trade:
    return feedd.Trade(
        symbol="A/B", timestamp=1, price=price, size=1.0, side=None, exchange="test", received_ns=1
    )


def _picture() -> Any:
    from feedd.recordings.inspection import chart as picture  # noqa: PLC0415  needs it

    return picture


def write(folder: Path, symbols: int = 1) -> Path:
    """Write 10 s: 4 trades/s of each symbol, with every kind of notice; return the file."""
    path = folder / "one.feedd"
    meta = SegmentMeta(exchange="test", prefixes=("",), begun_ns=BEGUN_NS, made_by="a test")
    writer = SegmentWriter(path, meta)

    told: dict[int, list[Any]] = {
        10: [feedd.StateChange(FEED, "stale", "silent")],
        14: [feedd.StateChange(FEED, "live", None),
             feedd.UpstreamGap(FEED, "trade", 7, 9, "the exchange's")],
        20: [feedd.Gap(f"trade.{FEED}", 1, 21, 22, "dropped")],
        30: [feedd.NewSession(FEED, 1, 2)],
    }  # fmt: skip
    for quarter in range(40):
        at_ns = BEGUN_NS + quarter * S // 4
        for notice in told.get(quarter, ()):
            name = type(notice).__name__.encode()
            writer.add(at_ns, NOTICE, name, msgspec.msgpack.encode(notice))
        if quarter in {20, 21}:
            continue
        seq = quarter + 1 - (30 if quarter >= 30 else 0)
        for number in range(symbols):
            symbol = "A/B" if number == 0 else f"S{number:02d}/B"
            session = 2 if number == 0 and quarter >= 30 else 1
            one = trade(seq if number == 0 else quarter + 1, at_ns, symbol, session)
            topic = f"trade.test.{symbol}."
            writer.add(at_ns, LIVE, topic.encode(), msgspec.msgpack.encode(one))
        if quarter % 8 == 7:
            writer.write_block()
    writer.close("a test's end")
    return path


def test_an_inspection_covers_the_whole_recording(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path)
    assert inspect(str(path), "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["whole"], found["messages"]) == (True, 38)
    assert (found["from_ns"], found["to_ns"]) == (BEGUN_NS, BEGUN_NS + 39 * S // 4)
    (segment,) = found["segments"]
    assert (segment["ended"], segment["records"], segment["blocks"]) == ("a test's end", 43, 5)
    assert segment["size_bytes"] == path.stat().st_size
    topic = found["topics"][f"trade.{FEED}"]
    assert topic == {
        "messages": 38, "mean_per_s": round(38 / 9.75, 3), "peak_per_s": 4, "first_ns": BEGUN_NS,
        "last_ns": BEGUN_NS + 39 * S // 4, "first_seq": 1, "last_seq": 10, "last_session": 2,
        "sessions": 2, "gaps": 2, "upstream_gaps": 1, "lost": 2,
    }  # fmt: skip
    assert found["notices"] == {"StateChange": 2, "UpstreamGap": 1, "Gap": 1, "NewSession": 1}
    assert [one["gap"]["reason"] for one in found["gaps"]["first"]] == ["the exchange's", "dropped"]
    assert found["gaps"]["first"][1]["from_ns"] == BEGUN_NS + 19 * S // 4
    (period,) = found["not_live"]["first"]
    assert (period["state"], period["to_ns"] - period["from_ns"]) == ("stale", S)
    assert found["new_sessions"]["total"] == 1


def test_a_person_reads_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert inspect(str(write(tmp_path))) == 0
    text = capsys.readouterr().out
    for line in (
        "trade.test.A/B.        38    3.9       4      #1: 1    #2: 10         2     2     2",
        "2024-08-08T06:53:24.750Z to 06:53:25.500Z  trade.test.A/B. 21 to 22: dropped",
        "trade.test.A/B. upstream after 7 and before 9: the exchange's",
        "2024-08-08T06:53:22.250Z to 06:53:23.250Z  test.A/B. stale: silent",
        "whole: 9.8 s from 2024-08-08T06:53:20.000Z to 2024-08-08T06:53:29.750Z, 38 messages",
    ):
        assert line in text, text


def test_the_gaps_of_the_topics_are_those_of_the_list(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A gap of a topic that has no message counts too."""
    path = tmp_path / "one.feedd"
    meta = SegmentMeta(exchange="test", prefixes=("",), begun_ns=BEGUN_NS, made_by="a test")
    writer = SegmentWriter(path, meta)
    writer.add(BEGUN_NS, LIVE, f"trade.{FEED}".encode(), msgspec.msgpack.encode(trade(1, BEGUN_NS)))
    for notice in (
        feedd.UpstreamGap(FEED, "book", 7, 9, "missing"),
        feedd.UpstreamGap(FEED, "trade", 1, 3, "missing"),
        feedd.Gap(f"trade.{FEED}", 1, 2, 3, "dropped"),
    ):
        name = type(notice).__name__.encode()
        writer.add(BEGUN_NS, NOTICE, name, msgspec.msgpack.encode(notice))
    writer.close("a test's end")
    assert inspect(str(path), "--json") == 0
    found = json.loads(capsys.readouterr().out)
    counts = {name: topic["gaps"] for name, topic in found["topics"].items()}
    assert counts == {f"trade.{FEED}": 2, f"book.{FEED}": 1}
    assert found["gaps"]["total"] == sum(counts.values())


def test_a_file_that_is_being_written_is_whole_and_one_that_was_cut_off_is_damaged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "one.feedd"
    meta = SegmentMeta(exchange="test", prefixes=("",), begun_ns=BEGUN_NS, made_by="a test")
    writer = SegmentWriter(path, meta)
    writer.add(BEGUN_NS, LIVE, f"trade.{FEED}".encode(), msgspec.msgpack.encode(trade(1, BEGUN_NS)))
    writer.write_block()
    assert inspect(str(tmp_path)) == 0
    text = capsys.readouterr().out
    assert text.splitlines()[1].endswith("still being written")
    assert text.splitlines()[-1].startswith("whole, still being written: ")
    assert inspect(str(tmp_path), "--json") == 0
    assert json.loads(capsys.readouterr().out)["being_written"] == [str(path)]
    writer.abandon()
    assert inspect(str(tmp_path)) == 1
    text = capsys.readouterr().out
    assert "DAMAGES: 1" in text
    assert text.splitlines()[1].endswith("unfinished")


def test_a_damaged_recording_is_reported_with_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path)
    index = SegmentReader(path).index()
    assert index is not None
    data = bytearray(path.read_bytes())
    data[index.blocks[1].offset + 80] ^= 0xFF
    path.write_bytes(data)
    assert inspect(str(tmp_path)) == 1
    text = capsys.readouterr().out
    assert "DAMAGES: 1" in text
    assert "2024-08-08T06:53:22.000Z to 2024-08-08T06:53:23.750Z  one.feedd: 11 records" in text
    assert "trade.test.A/B. 9 to 16: " in text
    assert text.splitlines()[-1].startswith("damaged: ")
    assert inspect(str(path), "--from", "06:53:25", "--json") == 0  # the damage lies before
    assert json.loads(capsys.readouterr().out)["messages"] == 18


def test_a_file_of_zeros_is_of_no_known_time_and_moves_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path)
    (tmp_path / "zeros.feedd").write_bytes(bytes(5000))
    assert inspect(str(tmp_path), "--from", "06:53:25", "--to", "06:54") == 1
    text = capsys.readouterr().out
    assert "zeros.feedd  unknown " in text
    assert "its beginning to its end  zeros.feedd: an unknown number of records" in text
    assert "18 messages" in text.splitlines()[-1]


def test_times_are_checked(tmp_path: Path) -> None:
    path = write(tmp_path)
    with pytest.raises(ConfigError, match="is not a time"):
        inspect(str(path), "--from", "noon")
    with pytest.raises(ConfigError, match="--from 07:00 is after --to 06:00"):
        inspect(str(path), "--from", "07:00", "--to", "06:00")


@pytest.mark.process  # matplotlib lists the fonts with fc-list, once per machine
def test_a_picture_is_drawn_with_gaps_shaded(tmp_path: Path) -> None:
    from matplotlib import image  # noqa: PLC0415  slow to import

    path = write(tmp_path, symbols=2)
    assert inspect(str(path), "--png", str(tmp_path / "one.png")) == 0
    pixels = image.imread(tmp_path / "one.png")
    assert pixels.shape[0] > 700
    red = (pixels[..., 0] > 0.9) & (pixels[..., 1] < 0.75) & (pixels[..., 2] < 0.8)
    assert red.sum() > 500, "the gap is not shaded"
    with pytest.raises(ConfigError, match="can't be written"):
        inspect(str(path), "--png", str(tmp_path / "none" / "one.png"))


@pytest.mark.parametrize(
    ("mark", "first", "last"),
    [(GAP, 12, 13), (UPSTREAM, 12, 13), (NOT_LIVE, 11, 19), (SESSION, 20, 20), (SESSION, 15, 15)],
)
def test_the_line_of_prices_breaks_where_messages_may_be_missing(
    mark: str, first: int, last: int
) -> None:
    bins = TimeBins(0, 1000 * BINS - 1)
    for at in (9, 10, 20, 21):
        bins.tick(1000 * at, as_read(100.0 + at))
    (symbol,) = bins.symbols.values()
    assert symbol.price_line() == [(9, 109.0), (10, 110.0), (20, 120.0), (21, 121.0)]
    bins.mark("test.A/B.", mark, 1000 * first, 1000 * last)
    line = symbol.price_line()
    assert [at for at, _ in line] == [9, 10, 11, 20, 21]
    assert isnan(line[2][1])


def test_the_axis_of_tiny_prices_has_labels_that_differ() -> None:
    label = _picture().axis_label
    assert [label(1.2345e-09), label(1.2346e-09)] == ["0.0000000012345", "0.0000000012346"]
    assert label(9.200000000000001e-06) == "0.0000092"
    assert label(61800.0) == "61,800"


def test_the_peak_is_that_of_the_busiest_second() -> None:
    topic = TopicSurvey("trade.test.A/B.")
    for seq, tenths in enumerate((1, 2, 11, 12, 13, 21, 38), start=1):
        topic.add(BEGUN_NS + tenths * S // 10, 1, seq)
    assert (topic.peak_per_s, topic.messages) == (3, 7)


def test_repaired_messages_count_in_their_own_interval(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    meta = SegmentMeta(exchange="test", prefixes=("",), begun_ns=BEGUN_NS, made_by="a test")
    writer = SegmentWriter(tmp_path / "one.feedd", meta)
    for seq, symbol in ((9, "C/D"), *((seq, "A/B") for seq in range(1, 6))):
        at_ns = BEGUN_NS + seq * S
        payload = msgspec.msgpack.encode(trade(seq, at_ns, symbol))
        writer.add(at_ns, REPLAYED, f"trade.test.{symbol}.".encode(), payload)
    writer.close("a test's end")
    assert inspect(str(tmp_path), "--json") == 0
    topic = json.loads(capsys.readouterr().out)["topics"][f"trade.{FEED}"]
    assert (topic["peak_per_s"], topic["last_ns"]) == (1, BEGUN_NS + 5 * S)


@pytest.mark.process
def test_without_matplotlib_a_picture_is_refused_with_what_to_do(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        f"sys.argv = ['feedd', 'inspect', {str(write(tmp_path))!r}, '--png', 'one.png']\n"
        "from feedd.cli.main import main; sys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 78
    assert "a picture needs matplotlib: pip install 'feedd[research]'" in done.stderr
    assert done.stdout == ""


@pytest.mark.process  # matplotlib lists the fonts with fc-list, once per machine
def test_of_many_symbols_the_busiest_are_drawn_and_the_others_named() -> None:
    chosen = _picture().chosen
    bins = TimeBins(BEGUN_NS, BEGUN_NS + S)
    for number in range(15):
        one = msgspec.structs.replace(as_read(1.0), symbol=f"S{number:02d}/B")
        for _ in range(20 - number):
            bins.tick(BEGUN_NS, one)
    shown, left_out = chosen(bins)
    assert shown == [("test", f"S{number:02d}/B") for number in range(12)]
    assert left_out == ["test.S12/B", "test.S13/B", "test.S14/B"]


def test_bins_hold_a_day_in_the_space_of_a_minute() -> None:
    bins = TimeBins(BEGUN_NS, BEGUN_NS + 86_400 * S)
    for seq in range(1, 86_401):
        bins.tick(BEGUN_NS + seq * S, as_read(100.0 + seq))
    symbol = bins.symbols["test", "A/B"]
    assert len(symbol.low) == len(symbol.counts) == BINS
    assert sum(symbol.counts) == symbol.messages == 86_400
    assert (symbol.low[0], symbol.high[-1]) == (101.0, 86_500.0)
    assert bins.bin_s == pytest.approx(72.0)
    assert not any(math.isnan(low) for low in symbol.low)
    bins.mark(FEED, GAP, BEGUN_NS + 100 * S, BEGUN_NS + 300 * S)
    bins.mark(FEED, GAP, BEGUN_NS + 86_399 * S, BEGUN_NS + 99_999 * S)
    assert list(symbol.runs(GAP)) == [(1, 5), (BINS - 1, BINS)]


def test_a_quotes_price_is_better_than_a_trades() -> None:
    bins = TimeBins(BEGUN_NS, BEGUN_NS + 60 * S)
    quote = feedd.Quote(
        symbol="A/B", timestamp=1, bid=7.0, bid_size=1.0, ask=9.0, ask_size=1.0, exchange="test",
        received_ns=1,
    )  # fmt: skip
    bins.tick(BEGUN_NS, as_read(100.0))
    symbol = bins.symbols["test", "A/B"]
    assert symbol.low[0] == 100.0
    bins.tick(BEGUN_NS, quote)
    bins.tick(BEGUN_NS, as_read(100.0))
    assert (symbol.low[0], symbol.high[0], symbol.messages) == (8.0, 8.0, 3)


def test_a_path_that_is_not_utf8_or_has_an_escape_sequence_is_printed_as_text(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    write(folder).rename(folder / "a\x1b[2J.feedd")
    assert inspect(str(folder), "--json") == 0
    (segment,) = json.loads(capsys.readouterr().out)["segments"]
    assert segment["path"] == f"{tmp_path}/caf\\udce9/a\x1b[2J.feedd"
    assert inspect(str(folder)) == 0
    assert "a\\x1b[2J.feedd" in capsys.readouterr().out
