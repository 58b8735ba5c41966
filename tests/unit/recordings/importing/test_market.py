"""Raw messages of Binance as a recording: the payloads of the live worker, and its gaps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from table_samples import feedd

from feedd import codec
from feedd.errors import ConfigError
from feedd.recordings.format.block_records import NOTICE, BlockRecord
from feedd.recordings.format.recording_reader import RecordingReader

START_NS = 1_723_161_255_000_000_000
MS = 1_723_161_256_000
SYMBOL = "BTC/USDT:USDT"


def line(offset_ms: int, kind: str, data: dict[str, Any] | str, id_: str = "BTCUSDT") -> str:
    text = data if isinstance(data, str) else json.dumps(data, separators=(",", ":"))
    return f'{START_NS + offset_ms * 1_000_000} {{"stream":"{id_.lower()}@{kind}","data":{text}}}\n'


def quote(offset_ms: int, update: int, bid: str = "100.1", id_: str = "BTCUSDT") -> str:
    return line(offset_ms, "bookTicker", {
        "e": "bookTicker", "u": update, "s": id_, "b": bid, "B": "2.507", "a": "100.3",
        "A": "0.010", "T": MS + offset_ms, "E": MS + offset_ms}, id_)  # fmt: skip


def trade(offset_ms: int, number: int, price: str = "100.2") -> str:
    return line(offset_ms, "trade", {
        "e": "trade", "E": MS + offset_ms, "T": MS + offset_ms, "s": "BTCUSDT", "t": number,
        "p": price, "q": "0.006", "X": "MARKET", "m": number % 2 == 0})  # fmt: skip


def depth(offset_ms: int, before: int, last: int, bid: str = "100.0") -> str:
    return line(offset_ms, "depth@100ms", {
        "e": "depthUpdate", "E": MS + offset_ms, "T": MS + offset_ms, "s": "BTCUSDT",
        "U": before + 1, "u": last, "pu": before, "b": [[bid, "1.5"]], "a": []})  # fmt: skip


def snapshot(offset_ms: int, last: int) -> str:
    bids = [[f"{99 - n / 10:.1f}", "1"] for n in range(50)]
    asks = [[f"{101 + n / 10:.1f}", "1"] for n in range(50)]
    answer = {"lastUpdateId": last, "E": MS, "T": MS, "bids": bids, "asks": asks}
    return f"{START_NS + offset_ms * 1_000_000} {json.dumps(answer)}\n"


Frames = list[dict[str, Any]]


def imported(tmp_path: Path, text: str, *options: str, name: str = "tape") -> Frames:
    """Import a file; return the payloads with their channels, and the notices."""
    path = tmp_path / name
    path.write_text(text)
    feedd("import", path, "--out", tmp_path / "out", *options)
    found = []
    for _, what in RecordingReader([tmp_path / "out"]).entries():
        assert isinstance(what, BlockRecord)
        kind = what.topic.decode() if what.kind == NOTICE else what.topic.decode().split(".")[0]
        found.append({"_": kind, **codec.decode(what.payload)})
    return found


def of(frames: Frames, kind: str) -> Frames:
    return [{k: v for k, v in one.items() if k != "_"} for one in frames if one["_"] == kind]


def gaps(frames: Frames) -> list[dict[str, Any]]:
    told = [status["gap"] for status in of(frames, "status") if status["gap"] is not None]
    notices = [
        {key: one[key] for key in ("channel", "from_id", "to_id", "reason")}
        for one in of(frames, "UpstreamGap")
    ]
    assert told == notices
    return told


def test_quotes_and_trades_have_the_payload_of_the_wire(tmp_path: Path) -> None:
    frames = imported(tmp_path, quote(0, 7) + trade(1, 5))
    stamps = {"exchange": "binanceusdm", "session": START_NS // 1_000_000, "seq": 1}
    at = START_NS
    assert of(frames, "quote") == [
        {"symbol": SYMBOL, "timestamp": MS, "bid": 100.1, "bid_size": 2.507, "ask": 100.3,
         "ask_size": 0.01, "received_ns": at, "published_ns": at, "id": 7, **stamps},
    ]  # fmt: skip
    at += 1_000_000
    assert of(frames, "trade") == [
        {"symbol": SYMBOL, "timestamp": MS + 1, "price": 100.2, "size": 0.006, "side": "buy",
         "received_ns": at, "published_ns": at, "id": 5, **stamps},
    ]  # fmt: skip


def test_the_other_channels_are_made_as_live(tmp_path: Path) -> None:
    kline = {"e": "kline", "E": MS, "s": "BTCUSDT", "k": {
        "t": MS - 1000, "T": MS, "s": "BTCUSDT", "i": "5m", "o": "1", "c": "2", "h": "3", "l": "1",
        "v": "9", "x": True}}  # fmt: skip
    mark = {"e": "markPriceUpdate", "E": MS, "s": "BTCUSDT", "p": "10", "i": "11", "r": "0.0001",
            "T": MS + 5}  # fmt: skip
    order = {"e": "forceOrder", "E": MS, "o": {"s": "BTCUSDT", "S": "SELL", "ap": "9.5", "l": "2",
             "T": MS}}  # fmt: skip
    ticker = {"e": "24hrTicker", "E": MS, "s": "BTCUSDT", "p": "1", "P": "1.5", "c": "100",
              "o": "9", "h": "101", "l": "90", "v": "7", "C": MS - 2}  # fmt: skip
    frames = imported(
        tmp_path,
        quote(0, 1) + line(1, "kline_5m", kline) + line(2, "markPrice@1s", mark)
        + line(3, "forceOrder", order) + line(4, "ticker", ticker) + quote(5, 2, "100.2"),
    )  # fmt: skip
    (candle,) = of(frames, "candle")
    assert (candle["timeframe"], candle["close"], candle["closed"]) == ("5m", 2.0, True)
    (marked,) = of(frames, "mark")
    assert (marked["mark_price"], marked["funding_rate"]) == (10.0, 0.0001)
    (forced,) = of(frames, "liquidation")
    assert (forced["side"], forced["price"], forced["size"]) == ("sell", 9.5, 2.0)
    tickers = of(frames, "ticker")  # of the summary, and as the quote's bid moves
    assert [(one["bid"], one["last"], one["bid_ask"], one["seq"]) for one in tickers] == [
        (100.1, 100.0, "quote", 1), (100.2, 100.0, "quote", 2),
    ]  # fmt: skip
    assert [one["published_ns"] - START_NS for one in tickers] == [4_000_000, 5_000_000]
    assert tickers == [
        {**one, "received_ns": one["published_ns"]} for one in tickers
    ]  # fmt: skip


def test_statuses_report_starting_live_and_stopped_with_the_next_seq(tmp_path: Path) -> None:
    frames = imported(tmp_path, "".join(quote(500 * n, n) for n in range(6)))
    statuses = of(frames, "status")
    assert [one["state"] for one in statuses] == ["starting", "live", "live", "live", "stopped"]
    assert statuses[-1]["next_seq"][f"quote.binanceusdm.{SYMBOL}."] == 7
    assert [one["seq"] for one in statuses] == [1, 2, 3, 4, 5]
    assert [one["_"] for one in frames if one["_"][0].isupper()] == [
        "StateChange", "StateChange", "Stopped",
    ]  # fmt: skip


def test_a_trade_gap_is_reported_after_five_seconds(tmp_path: Path) -> None:
    frames = imported(
        tmp_path, trade(0, 1) + trade(1, 4) + trade(2, 5) + quote(5_000, 1) + quote(5_002, 2)
        + trade(6_000, 6) + trade(6_001, 8),
    )  # fmt: skip
    assert [one["id"] for one in of(frames, "trade")] == [1, 4, 5, 6, 8]
    assert gaps(frames) == [
        {"channel": "trade", "from_id": 1, "to_id": 4,
         "reason": "the exchange's ids jump; not in the file within 5 s"},
        {"channel": "trade", "from_id": 6, "to_id": 8,
         "reason": "the exchange's ids jump; the file ends"},
    ]  # fmt: skip
    order = [one["_"] for one in frames if one["_"] in {"quote", "trade", "UpstreamGap"}]
    assert order == [
        "trade", "quote", "UpstreamGap", "trade", "trade", "quote", "trade", "UpstreamGap", "trade",
    ]  # fmt: skip


def test_a_trade_that_comes_late_fills_its_hole_and_one_that_comes_twice_is_one(
    tmp_path: Path,
) -> None:
    twice = trade(1, 3).replace(str(START_NS + 1_000_000), str(START_NS + 3_000_000))
    frames = imported(tmp_path, trade(0, 1) + trade(1, 3) + trade(2, 2) + twice + trade(4, 4))
    assert [one["id"] for one in of(frames, "trade")] == [1, 2, 3, 4]
    assert gaps(frames) == []


def test_another_trade_with_the_id_of_a_published_one_is_a_gap(tmp_path: Path) -> None:
    other = trade(2, 2, price="99.9")
    frames = imported(tmp_path, trade(0, 1) + trade(1, 2) + other + trade(3, 3))
    assert [one["id"] for one in of(frames, "trade")] == [1, 2, 3]
    assert [(gap["from_id"], gap["to_id"]) for gap in gaps(frames)] == [(1, 3)]


def test_another_quote_with_the_id_of_the_last_is_published(tmp_path: Path) -> None:
    text = quote(0, 5) + quote(1, 5) + quote(2, 5, bid="100.2") + quote(3, 6)
    frames = imported(tmp_path, text)
    assert [(one["id"], one["bid"]) for one in of(frames, "quote")] == [
        (5, 100.1), (5, 100.2), (6, 100.1)
    ]  # fmt: skip


def test_books_come_of_a_snapshot_and_a_mismatch_is_a_gap_up_to_the_next_one(
    tmp_path: Path,
) -> None:
    frames = imported(
        tmp_path,
        depth(0, 10, 20) + snapshot(1, 15) + depth(100, 20, 30, "100.5") + depth(200, 35, 40)
        + depth(300, 40, 50) + snapshot(301, 45) + depth(400, 50, 60),
        "--book-depth", "5",
    )  # fmt: skip
    books = of(frames, "book")
    assert [one["id"] for one in books] == [20, 30, 50, 60]
    assert books[1]["bids"] == [[100.5, 1.5], [100.0, 1.5], [99.0, 1.0], [98.9, 1.0], [98.8, 1.0]]
    assert len(books[1]["asks"]) == 5
    assert gaps(frames) == [
        {
            "channel": "book",
            "from_id": 30,
            "to_id": 50,
            "reason": "an update of the book is missing",
        }
    ]
    assert "resync" in [one["state"] for one in of(frames, "status")]


def test_raw_messages_of_no_channel_are_counted_and_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    imported(
        tmp_path,
        quote(0, 1) + quote(1, 1) + line(2, "aggTrade", {"e": "aggTrade"})
        + line(3, "depth20@100ms", {"e": "depthUpdate"}) + snapshot(4, 5),
    )  # fmt: skip
    told = capsys.readouterr().out
    assert "not imported: aggTrade (1)" in told
    assert "not imported: depth20@100ms (1)" in told
    assert "not imported: quote with the id of the one before (1)" in told
    assert "not imported: book snapshot of a symbol without book updates (1)" in told


def test_of_several_speeds_the_fastest_is_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slow = depth(0, 1, 9).replace("depth@100ms", "depth@500ms")
    frames = imported(tmp_path, slow + depth(1, 10, 20) + snapshot(2, 15) + depth(3, 20, 30))
    assert [one["id"] for one in of(frames, "book")] == [20, 30]
    assert "depth@500ms (there is a faster one) (1)" in capsys.readouterr().out


def test_spot_has_quotes_of_its_own_shape_and_symbols_can_be_named(tmp_path: Path) -> None:
    spot = line(0, "bookTicker", {"u": 4, "s": "BNBXYZ", "b": "25.35", "B": "0", "a": "0",
                                  "A": "40.6"}, "BNBXYZ")  # fmt: skip
    spot += spot.replace(":4,", ":5,").replace("25.35", "0").replace('"a":"0"', '"a":"3"')
    with pytest.raises(ConfigError, match="--symbol BNBXYZ="):
        imported(tmp_path, spot, "--exchange", "binance")
    for number, given in enumerate(("BNB/XYZ", "BNBXYZ=BNB/XYZ")):
        folder = tmp_path / str(number)
        folder.mkdir()
        frames = imported(folder, spot, "--exchange", "binance", "--symbol", given)
        quotes = [
            (one["symbol"], one["timestamp"], one["bid"], one["ask"]) for one in of(frames, "quote")
        ]
        assert quotes == [("BNB/XYZ", None, 25.35, None), ("BNB/XYZ", None, None, 3.0)]  # fmt: skip


def test_without_a_receive_time_the_exchanges_own_is_taken(tmp_path: Path) -> None:
    frames = imported(tmp_path, quote(0, 1).partition(" ")[2] + trade(3, 1).partition(" ")[2])
    (one,) = of(frames, "trade")
    assert one["received_ns"] == one["published_ns"] == (MS + 3) * 1_000_000


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (quote(0, 1) + "junk\n", r"line 2: 'junk' is not `<time> <JSON"),
        (
            quote(0, 1) + quote(1, 2)[:70],
            "line 2: '{\"stream.* can't be parsed: .* remove the line",
        ),
        (quote(0, 1) + quote(1, 2, "x"), r"line 2, btcusdt@bookTicker: .*b`"),
        (quote(0, 1) + quote(1, 2).replace('"BTCUSDT"', '"ETHUSDT"'), "line 2, .* is of ETHUSDT"),
        (quote(0, 1) + trade(1, 2).replace("@trade", "@bookTicker"), "line 2, .* TradeMessage"),
        (quote(0, 1) + trade(1, 2).replace('"0.006"', '"0"'), "line 2, .* size 0"),
        (
            quote(0, 1) + quote(1, 1)[3:],
            "line 2: 3161255001000000 is not a time in s, ms, µs or ns",
        ),
        (depth(0, 1, 2) + depth(1, 5, 4), "line 2, .*depthUpdate with u 4"),
        (line(0, "aggTrade", {"e": "aggTrade"}), "has no stream of any channel"),
        (line(0, "bookTicker", {"u": 4, "s": "BTCUSDT"}), "line 1, .*"),
    ],
)
def test_a_line_that_can_not_be_read_is_one_error_and_nothing_is_written(
    tmp_path: Path, text: str, error: str
) -> None:
    with pytest.raises(ConfigError, match=error) as raised:
        imported(tmp_path, text)
    assert str(raised.value).startswith(str(tmp_path / "tape"))
    out = tmp_path / "out"
    assert not out.exists() or not list(out.iterdir())


def test_an_ambiguous_import_asks_for_the_missing_option(tmp_path: Path) -> None:
    kline = '{"e":"kline","E":1,"s":"BTCUSDT","k":{"t":1}}'
    both = line(0, "kline_1m", kline) + line(1, "kline_5m", kline)
    with pytest.raises(ConfigError, match="--timeframe"):
        imported(tmp_path, both)
    with pytest.raises(ConfigError, match="has no messages of bybit that can be imported"):
        imported(tmp_path, quote(0, 1), "--exchange", "bybit")
    with pytest.raises(ConfigError, match=r"--symbol B\+C: write"):
        imported(tmp_path, quote(0, 1), "--symbol", "B+C")
    with pytest.raises(ConfigError, match="--book-depth 501: 1 to 500"):
        imported(tmp_path, quote(0, 1), "--book-depth", "501")
    with pytest.raises(ConfigError, match="named twice"):
        feedd("import", tmp_path / "tape", tmp_path / "tape", "--out", tmp_path / "out")


def test_a_recording_over_midnight_is_one_of_two_dates(tmp_path: Path) -> None:
    frames = imported(tmp_path, quote(0, 1) + quote(600_000, 2) + quote(600_001, 3))
    assert sorted(path.name for path in (tmp_path / "out" / "binanceusdm").iterdir()) == [
        "2024-08-08", "2024-08-09",
    ]  # fmt: skip
    assert [one["seq"] for one in of(frames, "quote")] == [1, 2, 3]


def test_each_of_four_symbols_is_imported_with_its_book(
    tmp_path: Path, four_symbols: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    feedd("import", four_symbols, "--out", tmp_path)
    told = capsys.readouterr().out
    counts = dict(one.split()[:2] for one in told.splitlines() if not one.startswith(("not", "/")))
    assert {channel: int(counts[channel]) for channel in ("quote", "book", "candle")} == {
        "quote": four_symbols.read_text().count('@bookTicker",'),
        "book": int(counts["book"]),
        "candle": four_symbols.read_text().count('@kline_1m",'),
    }  # fmt: skip
    assert int(counts["book"]) > 0
    assert "not imported: aggTrade" in told


def test_a_recording_by_a_slow_clock_has_latencies_below_zero_and_reports_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "".join(trade(1000 * number, 100 + number) for number in range(5))
    frames = imported(tmp_path, text)  # received a second before they were sent
    latencies = [one["exchange_latency_us"] for one in frames if "exchange_latency_us" in one]
    measured = [one for one in latencies if one["p50"] is not None]
    assert measured
    assert {one["max"] for one in measured} == {-1_000_000.0}
    assert "about 1,015 ms behind the exchange's" in capsys.readouterr().out
