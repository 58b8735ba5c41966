"""Tables of Binance's public archive: recognised by shape, header and name, and checked."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path

import pytest
from conftest import real_recording
from imported_tables import events, gaps, import_table, pick
from table_samples import feedd

from feedd.errors import ConfigError

US = 1_735_999_980_000_000
MS = US // 1000
SPOT_TRADES = "".join(
    f"{4_400_000_000 + n},9700{n}.5,0.00{n + 1},97.0,{US + n * 1001},{n % 2 == 1},True\n"
    for n in range(4)
)
USDM_TRADES = "id,price,qty,quote_qty,time,is_buyer_maker\n" + "".join(
    f"{n + 10},100.{n},2,200,{MS + n},{str(n % 2 == 1).lower()}\n" for n in range(3)
)
AGGREGATES = (
    "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n"
    f"7,100.5,1.5,20,22,{MS},true\n8,100.6,1,23,23,{MS + 1},false\n"
)
KLINE_HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,"
    "taker_buy_quote_volume,ignore\n"
)


def klines(step_ms: int, count: int = 3, *, us: bool = False, skip: int | None = None) -> str:
    """Write klines without a header."""
    each = 1000 if us else 1
    rows = []
    for n in range(count):
        if n == skip:
            continue
        opened = (MS + n * step_ms) * each
        rows.append(f"{opened},10,12,9,11,5,{opened + step_ms * each - 1},55,7,1,2,0\n")
    return "".join(rows)


BOOK_TICKER = (
    "update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,"
    f"event_time\n5,100.1,2,100.2,3,{MS - 3},{MS}\n6,100.1,1,100.2,3,{MS - 2},{MS + 1}\n"
)


def test_spot_trades_have_no_header_and_microseconds(tmp_path: Path) -> None:
    found = import_table(tmp_path, "BTCUSDT-trades-2025-01-04.csv", SPOT_TRADES)
    assert pick(found, "exchange", "symbol", "id", "timestamp", "price", "size", "side") == [
        ("binance", "BTC/USDT", 4_400_000_000, MS, 97000.5, 0.001, "buy"),
        ("binance", "BTC/USDT", 4_400_000_001, MS + 1, 97001.5, 0.002, "sell"),
        ("binance", "BTC/USDT", 4_400_000_002, MS + 2, 97002.5, 0.003, "buy"),
        ("binance", "BTC/USDT", 4_400_000_003, MS + 3, 97003.5, 0.004, "sell"),
    ]
    assert found[1]["received_ns"] == found[1]["published_ns"] == (US + 1001) * 1000


def test_a_maker_buyer_means_that_the_taker_sold_in_every_spelling(tmp_path: Path) -> None:
    for number, (true, false) in enumerate((("True", "False"), ("true", "false"))):
        text = USDM_TRADES.replace("true", true).replace("false", false)
        folder = tmp_path / str(number)
        found = import_table(folder, "BTCUSDT-trades-2024-01.csv", text)
        assert pick(found, "exchange", "symbol", "side") == [
            ("binanceusdm", "BTC/USDT:USDT", side) for side in ("buy", "sell", "buy")
        ]


def test_aggregate_trades_have_the_ids_of_the_aggregates(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = import_table(tmp_path, "ETHUSDT-aggTrades-2023-05-01.csv", AGGREGATES)
    assert pick(found, "symbol", "id", "price", "size", "side") == [
        ("ETH/USDT:USDT", 7, 100.5, 1.5, "sell"), ("ETH/USDT:USDT", 8, 100.6, 1.0, "buy"),
    ]  # fmt: skip
    assert "aggregate trades of Binance's archive, ids are the aggregates'" in (
        capsys.readouterr().out
    )


def test_spot_aggregates_have_eight_columns(tmp_path: Path) -> None:
    text = f"7,100.5,1.5,20,22,{US},True,True\n8,100.6,1,23,23,{US + 5},False,True\n"
    header = AGGREGATES.partition("\n")[0] + ",was_best_price\n"
    for number, table in enumerate((text, header + text)):
        folder = tmp_path / str(number)
        found = import_table(folder, "BTCUSDT-aggTrades-2025-01-04.csv", table)
        assert pick(found, "exchange", "timestamp", "side") == [
            ("binance", MS, "sell"), ("binance", MS, "buy"),
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("named", "timeframe", "step_ms"),
    [
        ("1s", "1s", 1000), ("1m", "1m", 60_000), ("15m", "15m", 900_000), ("1h", "1h", 3_600_000),
        ("12h", "12h", 43_200_000), ("1d", "1d", 86_400_000), ("1w", "1w", 604_800_000),
        ("1mo", "1M", 31 * 86_400_000),
    ],
)  # fmt: skip
def test_klines_are_candles_of_the_timeframe_in_the_name_published_when_they_close(
    tmp_path: Path, named: str, timeframe: str, step_ms: int
) -> None:
    text = klines(step_ms, us=True)
    found = import_table(tmp_path, f"BTCUSDT-{named}-2025-01-04.csv", text)
    assert pick(found, "exchange", "timeframe", "open_time", "closed", "timestamp") == [
        ("binance", timeframe, MS + n * step_ms, True, MS + (n + 1) * step_ms - 1) for n in range(3)
    ]
    assert found[0]["published_ns"] == ((MS + step_ms) * 1000 - 1) * 1000
    assert pick(found, "open", "high", "low", "close", "volume")[0] == (10, 12, 9, 11, 5)


def test_the_timeframe_follows_from_opening_and_closing_where_the_name_is_silent(
    tmp_path: Path,
) -> None:
    for number, (step_ms, timeframe) in enumerate(
        ((60_000, "1m"), (300_000, "5m"), (14_400_000, "4h"), (28 * 86_400_000, "1M"))
    ):
        found = import_table(
            tmp_path / str(number), "some.csv", KLINE_HEADER + klines(step_ms, 1),
            "--exchange", "binanceusdm", "--symbol", "BTC/USDT:USDT",
        )  # fmt: skip
        assert pick(found, "timeframe") == [(timeframe,)]


def test_the_other_tables_of_the_archive_become_their_channels(tmp_path: Path) -> None:
    quotes = import_table(tmp_path / "q", "BTCUSDT-bookTicker-2024-01-01.csv", BOOK_TICKER)
    assert pick(quotes, "id", "bid", "bid_size", "ask", "ask_size", "timestamp") == [
        (5, 100.1, 2, 100.2, 3, MS), (6, 100.1, 1, 100.2, 3, MS + 1),
    ]  # fmt: skip
    rates = import_table(
        tmp_path / "f", "BTCUSDT-fundingRate-2024-01.csv",
        f"calc_time,funding_interval_hours,last_funding_rate\n{MS},8,-0.00037409\n",
    )  # fmt: skip
    assert pick(rates, "channel", "funding_rate", "mark_price", "next_funding", "timestamp") == [
        ("mark", -0.00037409, None, None, MS)
    ]
    row = f"{MS},SELL,LIMIT,IOC,5,67934.2,68203.4,FILLED,1,5\n"
    header = (
        "time,side,order_type,time_in_force,original_quantity,price,average_price,order_status,"
        "last_fill_quantity,accumulated_fill_quantity\n"
    )
    forced = import_table(
        tmp_path / "l", "BTCUSD_PERP-liquidationSnapshot-2024-03-05.csv", header + row + row
    )
    assert (
        pick(forced, "exchange", "symbol", "side", "price", "size")
        == [("binancecoinm", "BTC/USD:BTC", "sell", 68203.4, 1.0)] * 2
    )  # two orders may be equal: both are events


@pytest.mark.parametrize(
    ("path", "exchange", "symbol"),
    [
        ("data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2024-01-04.csv", "binance", "BTC/USDT"),
        ("data/futures/um/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2020-01-04.csv", "binanceusdm",
         "BTC/USDT:USDT"),
        ("data/futures/cm/monthly/klines/BTCUSD_PERP/1m/BTCUSD_PERP-1m-2024-01.csv",
         "binancecoinm", "BTC/USD:BTC"),
        ("data/spot/daily/klines/币安人生USDT/1m/币安人生USDT-1m-2025-10-21.csv", "binance",
         "币安人生/USDT"),
        ("BTCUSDT_240927-1m-2024-01-04.csv", "binanceusdm", "BTC/USDT:USDT-240927"),
        ("BTCUSD_240927-1m-2024-01-04.csv", "binancecoinm", "BTC/USD:BTC-240927"),
    ],
)  # fmt: skip
def test_exchange_and_symbol_follow_from_folders_and_name(
    tmp_path: Path, path: str, exchange: str, symbol: str
) -> None:
    found = import_table(tmp_path, path, klines(60_000))
    assert set(pick(found, "exchange", "symbol")) == {(exchange, symbol)}


def test_packed_files_and_folders_of_several_kinds_are_one_recording(tmp_path: Path) -> None:
    day = tmp_path / "data" / "spot" / "daily"
    day.mkdir(parents=True)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        late = SPOT_TRADES.replace(str(US + 3003), str(US + 5_000_000))
        archive.writestr("BTCUSDT-trades-2025-01-04.csv", late)
    (day / "BTCUSDT-trades-2025-01-04.zip").write_bytes(packed.getvalue())
    (day / "BTCUSDT-trades-2025-01-04.zip.CHECKSUM").write_text("…")
    (day / "BTCUSDT-1s-2025-01-04.csv.gz").write_bytes(
        gzip.compress(klines(1000, 2, us=True).encode())
    )
    feedd("import", tmp_path / "data", "--out", tmp_path / "out")
    found = events(tmp_path / "out")
    assert [one["channel"] for one in found if one["channel"] != "status"] == [
        "trade", "trade", "trade", "candle", "candle", "trade",
    ]  # fmt: skip
    assert len({one["session"] for one in found}) == 1
    assert [one["state"] for one in found if one["channel"] == "status"][-1] == "stopped"


def test_a_missing_id_or_candle_is_a_gap_also_between_two_files(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    lines = SPOT_TRADES.splitlines(keepends=True)
    (folder / "BTCUSDT-trades-2025-01-04.csv").write_text(lines[0] + lines[2])
    later = lines[3].replace("4400000003", "4400000009").replace(str(US + 3003), str(US + 10**10))
    (folder / "BTCUSDT-trades-2025-01-05.csv").write_text(later)
    (folder / "BTCUSDT-1s-2025-01-04.csv").write_text(klines(1000, 4, us=True, skip=1))
    feedd("import", folder, "--out", tmp_path / "out")
    assert gaps(tmp_path / "out") == [
        ("trade", 4_400_000_000, 4_400_000_002, "the exchange's ids jump; not in the files"),
        ("candle", None, None, "candles that are not in the files: 1"),
        ("trade", 4_400_000_002, 4_400_000_009, "the exchange's ids jump; not in the files"),
    ]


def test_without_times_of_receipt_no_latency_is_known(tmp_path: Path) -> None:
    import_table(tmp_path, "BTCUSDT-trades-2025-01-04.csv", SPOT_TRADES)
    statuses = [one for one in events(tmp_path / "out") if one["channel"] == "status"]
    assert {one["exchange_latency_us"]["p50"] for one in statuses} == {None}


def test_a_clock_that_steps_back_a_little_between_growing_ids_is_held(tmp_path: Path) -> None:
    text = SPOT_TRADES.replace(str(US + 2002), str(US - 5))
    found = import_table(tmp_path, "BTCUSDT-trades-2025-01-04.csv", text)
    assert pick(found, "timestamp")[2] == (MS - 1,)
    assert [one["published_ns"] for one in found] == [
        (US + after) * 1000 for after in (0, 1001, 1001, 3003)
    ]


def test_klines_as_rest_answers_them_are_those_of_the_archive(tmp_path: Path) -> None:
    rows = [[MS, "10", "12", "9", "11", "5", MS + 59_999, "55", 7, "1", "2", "0"]]
    found = import_table(
        tmp_path, "klines.json", json.dumps(rows), "--exchange", "binance", "--symbol", "BTC/USDT"
    )
    assert pick(found, "timeframe", "open_time", "close") == [("1m", MS, 11.0)]


def test_a_fill_at_price_0_is_no_trade_and_a_row_twice_is_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = f"10,100,1,100,{MS},false\n10,100,1,100,{MS},false\n11,0,1,0,{MS},false\n"
    text = USDM_TRADES.partition("\n")[0] + "\n" + rows
    found = import_table(tmp_path, "BTCUSDT-trades-2024-01-01.csv", text)
    assert pick(found, "id") == [(10,)]
    told = capsys.readouterr().out
    assert "not imported: trade without a price (1)" in told
    assert "not imported: trade with the id of the one before (1)" in told


METRICS = (
    "create_time,symbol,sum_open_interest,sum_open_interest_value,"
    "count_toptrader_long_short_ratio,sum_toptrader_long_short_ratio,count_long_short_ratio,"
    "sum_taker_long_short_vol_ratio\n2024-01-01 00:05:00,BTCUSDT,1,2,3,4,5,6\n"
)
REFUSED = [
    ("BTCUSDT-bookDepth-2024-01-01.csv",
     "timestamp,percentage,depth,notional\n2024-01-01 00:00:05,-5,100,9\n",
     "bookDepth .* sums of the sizes within percentages"),
    ("BTCUSDT-bookDepth-2024-01-01.csv", "2024-01-01 00:00:05,-5,100,9\n", "bookDepth .* sums"),
    ("BTCUSDT-metrics-2024-01-01.csv", METRICS,
     "metrics .* open interest"),
    ("data/futures/um/daily/markPriceKlines/BTCUSDT/1m/BTCUSDT-1m-2024-01-01.csv",
     KLINE_HEADER + klines(60_000), "markPriceKlines are of computed prices"),
    ("BTCUSDT-1m-2024-01-01.csv", KLINE_HEADER + f"{MS},10,12,9,11,0,{MS + 59_999},0,60,0,0,0\n",
     "line 2, volume: trades without a volume: these are klines of mark"),
    ("BTCUSDT-1m-2024-01-04.csv", klines(60_000), "give --exchange: binance or binanceusdm"),
    ("BTCUSDT-aggTrades-2025-01-04.csv", SPOT_TRADES, "the name says aggTrades, but the columns"),
    ("BTCUSDT-1m-2025-01-04.csv", SPOT_TRADES, "the name says 1m, but the columns"),
    ("BTCUSDT-5m-2025-01-04.csv", klines(60_000, us=True), "line 2, .*open_time.* 60 s after"),
    ("BTCUSDT-1m-2025-01-04.csv", klines(300_000, us=True), "line 1, column 7 .close_time"),
    ("BTCTUSD-trades-2025-01-04.csv", SPOT_TRADES, "the symbol of BTCTUSD is ambiguous: BTC/TUSD"),
    ("BTCUSDT-trades-2025-01-04.csv", SPOT_TRADES.replace(str(US + 2002), str(MS + 2)),
     r"line 3, column 5 \(time\): 1735999980002 is in ms, but the times before it are µs"),
    ("BTCUSDT-trades-2025-01-04.csv", SPOT_TRADES.replace("4400000002", "4399999999"),
     r"line 3, column 1 \(id\): 4399999999 is below the id of the row above"),
    ("BTCUSDT-trades-2025-01-04.csv", SPOT_TRADES.replace(str(US + 2002), str(US - 5_000_000)),
     r"line 3, column 5 \(time\): it is earlier than in the row above; sort"),
    ("BTCUSDT-trades-2025-01-04.csv", SPOT_TRADES.replace("97002.5", "-97002.5"),
     r"line 3, column 2 \(price\): -97002.5 is below 0"),
    ("BTCUSDT-trades-2025-01-04.csv", SPOT_TRADES.replace("0.003", "0"),
     r"line 3, column 3 \(qty\): 0.0 is not above 0"),
    ("BTCUSDT-trades-2025-01-04.csv", SPOT_TRADES.replace("97002.5", "1e999"), "line 3, .* is not"),
    ("BTCUSDT-trades-2025-01-04.csv", SPOT_TRADES + "1,2,3\n", "line 5: has 3 fields, but the fir"),
    ("BTCUSDT-trades-2024-01.csv", USDM_TRADES.replace("true", "maybe"),
     "line 3, is_buyer_maker: 'maybe' is neither true nor false"),
    ("BTCUSDT-1m-2024-01.csv", KLINE_HEADER + klines(60_000).replace("12,9,", "9,12,"),
     "line 2, high: open 10.0, high 9.0, low 12.0, close 11.0 can't be"),
    ("BTCUSDT-bookTicker-2024-01.csv", BOOK_TICKER.replace("\n6,", "\n4,"),
     "line 3, update_id: 4 is below"),
    ("BTCUSDT-trades-2024-01.csv", USDM_TRADES.replace(str(MS + 2), "9999999999999"),
     "line 4, time: 9999999999999 is not a time"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "error"), REFUSED)
def test_what_can_not_be_imported_is_one_error_with_its_place_and_nothing_is_written(
    tmp_path: Path, name: str, text: str, error: str
) -> None:
    with pytest.raises(ConfigError, match=error) as raised:
        import_table(tmp_path, name, text)
    assert str(raised.value).startswith(str(tmp_path / "in" / name))
    assert not (tmp_path / "out").exists()


def test_an_option_decides_what_a_table_does_not_say_and_contradicts_no_folder(
    tmp_path: Path,
) -> None:
    spot = ("--exchange", "binance", "--symbol", "BTC/USDT")
    found = import_table(tmp_path / "a", "BTCUSDT-1m-2024-01-04.csv", klines(60_000), *spot)
    assert set(pick(found, "exchange", "symbol")) == {("binance", "BTC/USDT")}
    folder = "data/futures/um/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2024-01-04.csv"
    with pytest.raises(ConfigError, match="is of binanceusdm, not of binance"):
        import_table(tmp_path / "b", folder, klines(60_000), *spot)
    swap = ("--exchange", "binance", "--symbol", "BTC/USDT:USDT")
    found = import_table(tmp_path / "e", folder, klines(60_000), *swap)
    assert set(pick(found, "exchange", "symbol")) == {("binance", "BTC/USDT:USDT")}
    with pytest.raises(ConfigError, match="BTCUSDT is BTC/USDT, not ETH/USDT; to import it as"):
        import_table(
            tmp_path / "f", "BTCUSDT-1m-2024-01-04.csv", klines(60_000),
            "--exchange", "binance", "--symbol", "ETH/USDT",
        )  # fmt: skip
    with pytest.raises(ConfigError, match="has candles of 1m, not of 5m"):
        import_table(
            tmp_path / "c", "BTCUSDT-1m-2025-01-04.csv", klines(60_000, us=True),
            "--timeframe", "5m",
        )  # fmt: skip
    with pytest.raises(ConfigError, match="BTC/USDT is a spot market"):
        import_table(
            tmp_path / "d", "BTCUSDT-fundingRate-2024-01.csv",
            f"calc_time,funding_interval_hours,last_funding_rate\n{MS},8,0.1\n", *spot,
        )  # fmt: skip


def test_two_tables_of_one_channel_at_the_same_time_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("BTCUSDT-trades-2025-01-04.csv", "BTCUSDT-trades-2025-01.csv"):
        (folder / name).write_text(SPOT_TRADES)
    with pytest.raises(ConfigError, match="both have trades of BTC/USDT of binance at the same"):
        feedd("import", folder, "--out", tmp_path / "out")


def test_archive_rows_give_the_trades_of_the_raw_messages_that_they_were_made_from(
    tmp_path: Path,
) -> None:
    """A table in the archive's form is made from a real recording, and both are imported."""
    recording = real_recording("binance_btcusdt_20240808.gz")
    feedd("import", recording, "--out", tmp_path / "raw")
    raw = [one for one in events(tmp_path / "raw") if one["channel"] == "trade"]
    rows, seen = [], -1
    with gzip.open(recording, "rt") as lines:
        for line in lines:
            if "@trade" not in line:
                continue
            data = json.loads(line.partition(" ")[2])["data"]
            if data["t"] > seen and float(data["p"]):
                seen = data["t"]
                rows.append(
                    f"{data['t']},{data['p']},{data['q']},0,{data['T'] * 1000},{data['m']},True\n"
                )
    found = import_table(tmp_path, "BTCUSDT-trades-2024-08-08.csv", "".join(rows))
    keys = ("exchange", "symbol", "timestamp", "id", "price", "size", "side")
    assert pick(found, *keys) == pick(raw, *keys)
    assert len(found) == 9_757
