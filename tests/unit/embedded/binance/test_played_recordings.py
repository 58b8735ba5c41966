"""Recordings: what a file holds, what is derived of it, what is refused."""

import gzip
import json
from itertools import pairwise
from pathlib import Path

import pytest
import raw_recordings
from raw_recordings import one_symbol

from feedd.embedded.binance.derived import derivation
from feedd.embedded.binance.usdm import Usdm
from feedd.embedded.market import Refused
from feedd.embedded.tape import Tape, read
from feedd.errors import ConfigError
from feedd.venues.binance import raw_recording
from feedd.venues.binance.streams import parse

START_NS = 1_723_161_255_000_000_000


def line(offset_ms: int, stream: str, **data: object) -> str:
    text = json.dumps({"stream": stream, "data": data}, separators=(",", ":"))
    return f"{START_NS + offset_ms * 1_000_000} {text}\n"


def trade(offset_ms: int, number: int, price: str) -> str:
    return line(offset_ms, "btcusdt@trade", e="trade", E=1_723_161_256_000 + offset_ms,
                T=1_723_161_256_000 + offset_ms, s="BTCUSDT", t=number, p=price, q="0.010",
                X="MARKET", m=False)  # fmt: skip


@pytest.fixture
def tape(tmp_path: Path) -> Tape:
    path = tmp_path / "tape.gz"
    with gzip.open(path, "wt") as file:
        for number in range(100):
            file.write(trade(number * 100, number, f"100.{number % 10}0"))
        file.write("not a line\n")
    return Tape(path, raw_recording)


def made(tape: Tape, name: str) -> list[dict[str, object]]:
    stream = parse(name)
    assert stream is not None
    holding = tape.holdings["BTCUSDT"]
    how = derivation(stream, holding.streams)
    make = how.make(Usdm(holding.instrument), stream)
    return [json.loads(data)
            for row in tape.lines() if row.stream.endswith(f"@{how.source}")
            for data in make(row.local_ns, row.data)]  # fmt: skip


def test_a_tape_holds_symbols_streams_steps_and_the_clock_difference(tape: Tape) -> None:
    holding = tape.holdings["BTCUSDT"]
    assert holding.streams == {"trade"}
    assert (holding.instrument.price_decimals, holding.instrument.tick) == (2, 10)
    assert holding.instrument.size_decimals == 3
    assert (holding.instrument.base, holding.instrument.quote) == ("BTC", "USDT")
    assert tape.least_delay_ms == -1000


def test_recorded_streams_are_played_unchanged(tape: Tape) -> None:
    assert [event["t"] for event in made(tape, "btcusdt@trade")] == list(range(100))


def test_a_ticker_is_derived_of_the_trades_every_two_seconds(tape: Tape) -> None:
    events = made(tape, "btcusdt@ticker")
    assert [event["n"] for event in events] == [1, 21, 41, 61, 81]
    assert all(event["e"] == "24hrTicker" for event in events)


def test_candles_and_aggregates_are_derived_of_the_trades(tape: Tape) -> None:
    assert made(tape, "btcusdt@kline_1m")[0]["e"] == "kline"
    assert made(tape, "btcusdt@aggTrade")[0]["f"] == 0


@pytest.mark.parametrize("name", ["btcusdt@markPrice@1s", "btcusdt@bookTicker", "btcusdt@depth"])
def test_a_stream_that_cannot_be_derived_is_refused_by_name(tape: Tape, name: str) -> None:
    stream = parse(name)
    assert stream is not None
    with pytest.raises(Refused, match=f"no {name.partition('@')[2]} .*holds trade"):
        derivation(stream, tape.holdings["BTCUSDT"].streams)


def test_slower_diffs_are_merged_from_faster_ones(tmp_path: Path) -> None:
    path = tmp_path / "tape"
    path.write_text("".join(
        line(number * 50, "btcusdt@depth@0ms", e="depthUpdate", E=number, T=number, s="BTCUSDT",
             U=10 * number + 1, u=10 * number + 9, pu=10 * number - 1,
             b=[["100.00", f"{number}.000"]], a=[])
        for number in range(1, 9)))  # fmt: skip
    events = made(Tape(path, raw_recording), "btcusdt@depth@100ms")
    assert len(events) >= 2
    assert events[0]["U"] == 11
    assert events[0]["b"] == [["100.00", f"{events[0]['E']}.000"]]
    for before, after in pairwise(events):
        assert after["pu"] == before["u"]


def test_files_that_are_no_recordings_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read"):
        Tape(tmp_path / "none.gz", raw_recording)
    empty = tmp_path / "empty"
    empty.write_text("nothing\n")
    with pytest.raises(ConfigError, match="holds no stream"):
        Tape(empty, raw_recording)
    torn = tmp_path / "torn.gz"
    torn.write_bytes(gzip.compress(trade(0, 1, "1.00").encode() * 1000)[:-20])
    with pytest.raises(ConfigError, match="can't be read"):
        Tape(torn, raw_recording)


def test_the_whole_recording_is_read(btcusdt: Path) -> None:
    held = one_symbol(btcusdt)
    streams: dict[str, int] = {}
    for row in read(btcusdt, raw_recording):
        streams[row.stream] = streams.get(row.stream, 0) + 1
    assert streams == {
        "btcusdt@bookTicker": held.quotes,
        "btcusdt@trade": held.trades,
        "btcusdt@depth@0ms": held.depth_updates,
        "": 1,
    }


def test_the_other_shape_is_read_too(four_symbols: Path) -> None:
    tape = Tape(four_symbols, raw_recording)
    assert tape.holdings.keys() == raw_recordings.four_symbols(four_symbols).answers.keys()
    for holding in tape.holdings.values():
        assert holding.streams == {"aggTrade", "bookTicker", "depth@100ms", "kline_1m"}


DEPTH = '{{"lastUpdateId":{},"E":1,"T":1,"bids":[["{}","1"]],"asks":[["9.0","1"]]}}'


def test_answers_of_get_are_found_beside_the_frames_and_belong_to_the_symbol_they_name(
    tmp_path: Path,
) -> None:
    frames, answers = tmp_path / "x.BINANCE.ws.1.0.txt", tmp_path / "x.BINANCE.http.0.0.txt"
    frame = '{}: {{"stream":"{}@depth@100ms","data":{{"e":"depthUpdate","E":1}}}}\n'
    frames.write_text(
        frame.format("1626992741.1", "btcusdt") + frame.format("1626992741.5", "ethusdt")
    )
    page = "https://x/fapi/v1/depth?symbol={}&limit=1000 -> {}: {}\n"
    answers.write_text(
        page.format("ETHUSDT", "1626992741.2", DEPTH.format(7, "1.25"))
        + page.format("BTCUSDT", "1626992741.3", DEPTH.format(8, "1.5"))
        + "https://x/fapi/v1/time -> 1626992741.4: {}\n"
    )
    (tmp_path / "y.BINANCE.http.0.0.txt").write_text(
        page.format("BTCUSDT", "1626992741.2", DEPTH.format(9, "1.5"))
    )
    tape = Tape(frames, raw_recording)
    for symbol, id_ in (("BTCUSDT", 8), ("ETHUSDT", 7)):
        assert json.loads(tape.holdings[symbol].snapshot or "")["lastUpdateId"] == id_
    assert [(row.stream[:3], row.symbol) for row in tape.lines()] == [
        ("btc", ""), ("", "ETHUSDT"), ("", "BTCUSDT"), ("eth", ""),
    ]  # fmt: skip
    assert tape.holdings["ETHUSDT"].instrument.price_decimals == 2  # of the answer's prices


def test_an_answer_without_a_symbol_is_no_ones_where_there_are_two(tmp_path: Path) -> None:
    path = tmp_path / "tape"
    rows = [line(0, "btcusdt@depth@0ms", e="depthUpdate"), f"{START_NS} {DEPTH.format(7, 1)}\n"]
    path.write_text("".join(rows))
    tape = Tape(path, raw_recording)
    assert tape.holdings["BTCUSDT"].snapshot is not None
    assert [tape.answers(row, "BTCUSDT") for row in tape.lines()] == [False, True]
    path.write_text("".join([*rows, line(1, "ethusdt@depth@0ms", e="depthUpdate")]))
    tape = Tape(path, raw_recording)
    assert all(holding.snapshot is None for holding in tape.holdings.values())
    assert not any(tape.answers(row, "BTCUSDT") for row in tape.lines())


def test_each_of_four_symbols_has_its_answer(four_symbols: Path) -> None:
    holdings = Tape(four_symbols, raw_recording).holdings
    ids = {symbol: json.loads(h.snapshot or "{}").get("lastUpdateId")
           for symbol, h in holdings.items()}  # fmt: skip
    assert ids == raw_recordings.four_symbols(four_symbols).answers
