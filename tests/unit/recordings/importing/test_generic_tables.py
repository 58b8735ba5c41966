"""Tables of any origin: recognised by the names of their columns, with units checked."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from imported_tables import events, gaps, import_table, json_lines, pick
from table_samples import every_channel, feedd

from feedd.errors import ConfigError

MS = 1_704_067_200_000
HERE = ("--exchange", "binance", "--symbol", "BTC/USDT")


def candles(step_ms: int = 60_000, count: int = 3) -> str:
    return "timestamp,open,high,low,close,volume\n" + "".join(
        f"{MS + n * step_ms},10,12,9,11,{n + 1}\n" for n in range(count)
    )


TIMES = {
    "s": lambda n: MS // 1000 + n * 60,
    "float s": lambda n: f"{MS // 1000 + n * 60}.500",
    "ms": lambda n: MS + n * 60_000,
    "µs": lambda n: (MS + n * 60_000) * 1000,
    "ns": lambda n: (MS + n * 60_000) * 1_000_000,
    "ISO": lambda n: f"2024-01-01T00:0{n}:00Z",
    "ISO with a zone": lambda n: f"2024-01-01 01:0{n}:00+01:00",
    "ISO without a zone": lambda n: f"2024-01-01 00:0{n}:00.000000",
}


@pytest.mark.parametrize("unit", TIMES)
@pytest.mark.parametrize("kind", ["trade", "quote", "candle"])
def test_times_in_every_unit_are_recognised(tmp_path: Path, unit: str, kind: str) -> None:
    header, row = {
        "trade": ("price,qty,side", "100,1,buy"),
        "quote": ("bid,ask", "100,101"),
        "candle": ("open,high,low,close", "10,12,9,11"),
    }[kind]
    text = f"time,{header}\n" + "".join(f"{TIMES[unit](n)},{row}\n" for n in range(3))
    found = import_table(tmp_path, "a.csv", text, *HERE)
    extra_ms = 500 if unit == "float s" else 0
    key = "open_time" if kind == "candle" else "timestamp"
    assert pick(found, "channel", key) == [(kind, MS + n * 60_000 + extra_ms) for n in range(3)]


def test_candles_are_published_when_they_close_and_are_no_tickers(tmp_path: Path) -> None:
    found = import_table(tmp_path, "ohlcv.csv", candles(), *HERE)
    keys = ("channel", "timeframe", "open_time", "timestamp", "published_ns", "volume", "closed")
    assert pick(found, *keys) == [
        ("candle", "1m", MS + n * 60_000, None, (MS + (n + 1) * 60_000) * 1_000_000, n + 1, None)
        for n in range(3)
    ]


def test_the_timeframe_is_the_smallest_distance_and_the_option_s_for_one_row(
    tmp_path: Path,
) -> None:
    lines = candles(300_000, 5).splitlines(keepends=True)
    found = import_table(tmp_path / "a", "a.csv", "".join(lines[:2] + lines[3:]), *HERE)
    assert set(pick(found, "timeframe")) == {("5m",)}
    with pytest.raises(ConfigError, match="the timeframe of the candles is not in the file"):
        import_table(tmp_path / "b", "a.csv", candles(count=1), *HERE)
    found = import_table(tmp_path / "c", "a.csv", candles(count=1), *HERE, "--timeframe", "2h")
    assert pick(found, "timeframe") == [("2h",)]
    with pytest.raises(ConfigError, match="line 3, timestamp: it is 60 s after the row above"):
        import_table(tmp_path / "d", "a.csv", candles(), *HERE, "--timeframe", "7m")
    with pytest.raises(ConfigError, match="'1 min' is not a timeframe"):
        import_table(tmp_path / "e", "a.csv", candles(), *HERE, "--timeframe", "1 min")


def test_a_candle_that_has_not_closed_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hour_ms = 3_600_000
    now_ms = time.time_ns() // 1_000_000 // hour_ms * hour_ms
    rows = [[now_ms - n * hour_ms, 10, 12, 9, 11, 5] for n in (2, 1, 0)]
    found = import_table(tmp_path, "ohlcv.json", json.dumps(rows), *HERE)
    assert pick(found, "open_time") == [(now_ms - 2 * hour_ms,), (now_ms - hour_ms,)]
    assert "not imported: candle that has not closed yet (1)" in capsys.readouterr().out


def test_of_several_timeframes_the_option_selects_one(tmp_path: Path) -> None:
    text = "timeframe,open_time,open,high,low,close\n" + "".join(
        f"{name},{MS + n * step},10,12,9,11\n"
        for name, step in (("1m", 60_000), ("1h", 3_600_000))
        for n in range(2)
    )
    with pytest.raises(ConfigError, match="line 4, timeframe: 1h in a table of 1m candles"):
        import_table(tmp_path / "a", "a.csv", text, *HERE)
    found = import_table(tmp_path / "b", "a.csv", text, *HERE, "--timeframe", "1h")
    assert pick(found, "timeframe", "open_time") == [("1h", MS), ("1h", MS + 3_600_000)]


@pytest.mark.parametrize("form", ["csv", "json"])
def test_a_table_whose_newest_row_is_first_is_read_from_its_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    header, *rows = candles(3_600_000).splitlines()
    text = "\n".join([header, *reversed(rows)]) + "\n"
    if form == "json":
        text = json.dumps([[float(one) for one in row.split(",")] for row in reversed(rows)])
    found = import_table(tmp_path, f"a.{form}", text, *HERE)
    assert pick(found, "timeframe", "open_time", "volume") == [
        ("1h", MS + n * 3_600_000, n + 1) for n in range(3)
    ]
    assert "newest row first" in capsys.readouterr().out


def test_ccxts_ohlcv_as_a_json_array_is_candles(tmp_path: Path) -> None:
    rows = [[MS + n * 3_600_000, 10, 12, 9, 11, 5.5] for n in range(3)]
    found = import_table(tmp_path, "ohlcv.json", json.dumps(rows), *HERE)
    assert pick(found, "timeframe", "open_time")[2] == ("1h", MS + 2 * 3_600_000)


HEADERS = [
    ("Timestamp,Price,Quantity,Side", f"{MS},100.5,2,BUY"),
    ("tradeTime;price;size;isBuyerMaker", f"{MS};100.5;2;false"),
    ("date\tpx\tamount\tdirection", "2024-01-01\t100.5\t2\tb"),
    (",price,volume,side", f"{MS},100.5,2,buy"),
    ("Unnamed: 0,ts,price,qty,maker", f"0,{MS},100.5,2,sell"),
    ("id,symbol,exchange,timestamp,price,amount,side",
     f"5,BTC/USDT,binance,{MS},100.5,2,buy"),
]  # fmt: skip


@pytest.mark.parametrize(("header", "row"), HEADERS)
def test_trades_are_recognised_by_the_usual_names(tmp_path: Path, header: str, row: str) -> None:
    options = () if "exchange" in header else HERE
    (trade,) = import_table(tmp_path, "a.csv", f"{header}\n{row}\n", *options)
    keys = ("channel", "symbol", "timestamp", "price", "size", "side")
    assert pick([trade], *keys) == [("trade", "BTC/USDT", MS, 100.5, 2.0, "buy")]


def test_quotes_need_no_sizes_and_trades_no_side(tmp_path: Path) -> None:
    quotes = import_table(tmp_path / "q", "a.csv", f"time,bid,ask\n{MS},1,2\n", *HERE)
    assert pick(quotes, "channel", "bid", "bid_size", "ask") == [("quote", 1.0, None, 2.0)]
    trades = import_table(tmp_path / "t", "a.csv", f"time,price,size\n{MS},1,2\n", *HERE)
    assert pick(trades, "channel", "side", "id") == [("trade", None, None)]


def test_names_of_cryptofeed_are_understood(tmp_path: Path) -> None:
    header = "exchange,symbol,side,amount,price,timestamp,receipt_timestamp\n"
    for number, (name, id_, exchange, symbol) in enumerate((
        ("BINANCE", "BTC-USDT", "binance", "BTC/USDT"),
        ("BINANCE_FUTURES", "BTC-USDT-PERP", "binanceusdm", "BTC/USDT:USDT"),
        ("BITMEX", "BTC-USD-PERP", "bitmex", "BTC/USD:BTC"),
    )):  # fmt: skip
        row = f"{name},{id_},sell,1,2,{MS // 1000}.25,{MS // 1000}.5\n"
        (trade,) = import_table(tmp_path / str(number), "a.csv", header + row)
        keys = ("exchange", "symbol", "timestamp", "received_ns")
        assert pick([trade], *keys) == [(exchange, symbol, MS + 250, (MS + 500) * 1_000_000)]


def test_funding_rates_are_marks_and_liquidations_are_known_by_the_files_name(
    tmp_path: Path,
) -> None:
    here = ("--exchange", "binanceusdm", "--symbol", "BTC/USDT:USDT")
    rates = import_table(tmp_path / "a", "a.csv", f"timestamp,fundingRate\n{MS},-0.0001\n", *here)
    assert pick(rates, "channel", "funding_rate", "mark_price") == [("mark", -0.0001, None)]
    text = f"time,side,price,quantity\n{MS},SELL,2,3\n"
    forced = import_table(tmp_path / "b", "btc_liquidations.csv", text, *here)
    assert pick(forced, "channel", "side", "size") == [("liquidation", "sell", 3.0)]


def test_a_frame_of_pandas_is_read_from_csv_and_parquet_with_its_index(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"open": [10.0, 11.0], "high": [12.0, 12.0], "low": [9.0, 10.0], "close": [11.0, 11.5],
         "volume": [5.0, None]},
        index=pd.to_datetime([MS, MS + 60_000], unit="ms", utc=True),
    )  # fmt: skip
    packed = io.BytesIO()
    frame.to_parquet(packed)
    for number, data in enumerate((frame.to_csv(), packed.getvalue())):
        found = import_table(tmp_path / str(number), "frame", data, *HERE)
        assert pick(found, "timeframe", "open_time", "close", "volume") == [
            ("1m", MS, 11.0, 5.0), ("1m", MS + 60_000, 11.5, None),
        ]  # fmt: skip


def test_json_lines_and_an_array_of_objects_are_tables_too(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"symbol": "BTC/USDT", "exchange": "binance", "timestamp": MS, "price": 1.5, "amount": 2,
         "side": "sell", "id": "x1", "info": {"a": 1}},
        {"symbol": "BTC/USDT", "exchange": "binance", "timestamp": MS + 1, "price": "1.5",
         "amount": 2, "cost": 3},
    ]  # fmt: skip
    for number, text in enumerate((json_lines(rows), json.dumps(rows, indent=1))):
        found = import_table(tmp_path / str(number), "a.json", text)
        assert pick(found, "id", "price", "side") == [("x1", 1.5, "sell"), (None, 1.5, None)]


def test_columns_without_a_meaning_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import_table(tmp_path, "a.csv", f"time,price,size,mood\n{MS},1,2,good\n", *HERE)
    told = capsys.readouterr().out
    assert "a.csv: trades, times in ms, binance BTC/USDT; 1 rows" in told
    assert "not imported: column mood (1)" in told


@pytest.mark.parametrize("by", ["time", "symbol"])
@pytest.mark.parametrize("kind", ["trade", "ticker"])
def test_a_table_of_several_symbols_is_imported_as_several_symbols(
    tmp_path: Path, by: str, kind: str
) -> None:
    names = "price,size" if kind == "trade" else "last,volume"
    rows = [
        (MS + n * 1000 + offset, f"{symbol},binance,{MS + n * 1000 + offset},{n + 1},1\n")
        for symbol, offset in (("BTC/USDT", 0), ("ETH/USDT", 500), ("SOL/USDT", 700))
        for n in range(3)
    ]
    if by == "time":
        rows.sort()
    text = f"symbol,exchange,timestamp,{names}\n" + "".join(row for _, row in rows)
    found = import_table(tmp_path, "a.csv", text)
    assert [one["timestamp"] for one in found] == sorted(at for at, _ in rows)
    for symbol in ("BTC/USDT", "ETH/USDT", "SOL/USDT"):
        assert [one["seq"] for one in found if one["symbol"] == symbol] == [1, 2, 3]


def test_trades_candles_and_tickers_of_one_symbol_are_one_session(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "candles.csv").write_text(candles())
    trades = "".join(f"{MS + n * 1000},1,2\n" for n in range(200))
    (folder / "trades.csv").write_text(f"time,price,size\n{trades}")
    tickers = "".join(f"{MS + n * 60_000},1\n" for n in range(3))
    (folder / "tickers.csv").write_text(f"timestamp,last\n{tickers}")
    feedd("import", folder, "--out", tmp_path / "out", *HERE)
    found = events(tmp_path / "out")
    assert {one["session"] for one in found} == {MS}
    counts = {name: sum(one["channel"] == name for one in found) for name in ("trade", "candle")}
    assert counts == {"trade": 200, "candle": 3}
    assert gaps(tmp_path / "out") == []
    assert [one["state"] for one in found if one["channel"] == "status"][-1] == "stopped"


WRONG = [
    ("a,b\n1,2\n", "line 1: 'a,b' is not a header of a table that can be imported"),
    (f"{MS},1,2\n", "line 1: .* is not a header; write the names of the columns"),
    (f"timestamp,close,volume\n{MS},1,2\n", "line 1: 'timestamp,close,volume' is not a header"),
    (f"time,price,amount,volume\n{MS},1,2,3\n", "amount and volume could both be the size"),
    (f"time,price,Price,size\n{MS},1,2,3\n", "price and Price have the same meaning"),
    (f"time,price,size\n{MS},1,2\n{MS * 1000},1,2\n", "line 3, time: .* is in µs, but .* are ms"),
    (f"time,price,size\n{MS},1,2\n{MS // 1000},1,2\n", "line 3, time: .* is in s, but .* are ms"),
    ("time,price,size\n56574,1,2\n", "line 2, time: 56574 is not a time in s, ms, µs or ns"),
    ("time,price,size\n1.70406e+12,1,2\n", "line 2, time: '1.70406e.12' is not a time"),
    ("time,price,size\n01/02/2024,1,2\n", "line 2, time: '01/02/2024' is not a time"),
    ("time,price,size\n,1,2\n", "line 2, time: the row has no time"),
    (f"time,price,size\n{MS},,2\n", "line 2, price: it is missing"),
    (f"time,price,size\n{MS},1,nan\n", "line 2, size: 'nan' is not a number"),
    (f'time,price,size\n{MS},"1,5",2\n', "line 2, price: '1,5' is not a number"),
    (f"time,price,size,side\n{MS},1,2,up\n", "line 2, side: 'up' is neither buy nor sell"),
    (f"time,price,size\n{MS},1,2\n{MS + 2},1,2\n{MS + 1},1,2\n", "line 4, .* earlier .* sort the"),
    (f"time,price,size\n{MS},1,2\n{MS - 9},1,2\n{MS - 5},1,2\n", "line 3, time: it is earlier"),
    ("https://example.com\ntime,price,size\n", "line 1: 'https://example.com' is neither"),
    (f"time,bid,ask\n{MS},,\n", "line 2, bid: the row has neither bid nor ask"),
    (f"timestamp,open,high,low,close\n{MS},10,9,8,9\n{MS + 60_000},1,1,1,1\n", "line 2, high: "),
    (f"timestamp,open,high,low,close\n{MS},1,1,0,1\n{MS + 60_000},1,1,1,1\n", "line 2, low: 0.0 "),
    (f"symbol,time,price,size\nBTCUSDT,{MS},1,2\n", "line 2, symbol: the symbol of BTCUSDT is amb"),
    (f"exchange,time,price,size\n../x,{MS},1,2\n", "line 2, exchange: '../x' is not a ccxt name"),
    (f"symbol,time,price,size\n,{MS},1,2\n", "line 2, symbol: the row has none"),
    (f"timestamp,bids,asks\n{MS},nonsense,[]\n", "line 2, bids: it is not"),
    (f'timestamp,bids,asks\n{MS},"[[2,1]]","[[1,1]]"\n', "line 2, bids: the book is crossed"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "error"), WRONG)
def test_a_table_that_is_not_understood_is_one_error_with_its_place(
    tmp_path: Path, text: str, error: str
) -> None:
    with pytest.raises(ConfigError, match=error) as raised:
        import_table(tmp_path, "a.csv", text, *(HERE[:2] if "symbol" in text else HERE))
    assert str(raised.value).startswith(str(tmp_path / "in" / "a.csv"))
    assert not (tmp_path / "out").exists()


def test_what_the_file_does_not_say_is_asked_for(tmp_path: Path) -> None:
    text = f"time,price,size\n{MS},1,2\n"
    with pytest.raises(ConfigError, match="the exchange is not in the file; give --exchange"):
        import_table(tmp_path, "a.csv", text, "--symbol", "BTC/USDT")
    with pytest.raises(ConfigError, match="the symbol is not in the file; give --symbol"):
        import_table(tmp_path, "a.csv", text, "--exchange", "binance")


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_every_exported_table_is_imported_again_as_it_was(tmp_path: Path, form: str) -> None:
    every_channel(tmp_path / "rec" / "a.feedd")
    feedd("export", tmp_path / "rec", "--format", form, "--out", tmp_path / "tables")
    channels = ("ticker", "quote", "trade", "book", "candle", "mark", "liquidation")
    before = [one for one in events(tmp_path / "rec") if one["channel"] in channels]
    for channel in channels:
        table = tmp_path / "tables" / f"{channel}.{form}"
        feedd("import", table, "--out", tmp_path / channel)
        found = [one for one in events(tmp_path / channel) if one["channel"] == channel]
        own = [one for one in before if one["channel"] == channel]
        ours = {"session", "seq", "backfilled"}
        assert [{k: v for k, v in one.items() if k not in ours} for one in found] == [
            {k: v for k, v in one.items() if k not in ours} for one in own
        ]


@pytest.mark.parametrize("id_", ["BTC/USDT", "BTCUSDT", "btcusdt"])
def test_a_symbol_option_that_agrees_with_the_table_is_accepted(tmp_path: Path, id_: str) -> None:
    text = f"symbol,time,price,size\n{id_},{MS},1,2\n"
    assert pick(import_table(tmp_path, "a.csv", text, *HERE), "symbol") == [("BTC/USDT",)]


def test_a_symbol_option_that_no_table_has_is_refused(tmp_path: Path) -> None:
    text = f"symbol,time,price,size\nETH/USDT,{MS},1,2\n"
    with pytest.raises(ConfigError, match=r"BTC/USDT: no file has it; .* --symbol NAME=BTC/USDT"):
        import_table(tmp_path, "a.csv", text, *HERE)


def test_a_table_without_events_is_left_out_beside_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "empty.csv").write_text("time,price,size\n")
    (folder / "free.csv").write_text(f"time,price,size\n{MS},0,2\n")
    only = "has no rows of events, only trade without a price"
    with pytest.raises(ConfigError, match=only):
        feedd("import", folder / "free.csv", "--out", tmp_path / "out", *HERE)
    (folder / "trades.csv").write_text(f"time,price,size\n{MS},1,2\n")
    feedd("import", folder, "--out", tmp_path / "out", *HERE)
    printed = capsys.readouterr().out
    assert f"not imported: {folder / 'empty.csv'}: has no rows" in printed
    assert f"not imported: {folder / 'free.csv'}: {only}" in printed
