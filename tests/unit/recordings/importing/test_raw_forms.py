"""Raw messages in every form that recorders write: what is read, and what is refused and why."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import zstandard
from conftest import real_recording
from table_samples import feedd
from test_market import MS, Frames, depth, gaps, imported, line, of, quote, snapshot, trade

from feedd.errors import ConfigError
from feedd.recordings.format.timestamps import iso

NS = 1_723_161_255_088_176_000


def message(number: int, id_: str = "BTCUSDT", **more: Any) -> dict[str, Any]:
    return {
        "e": "trade", "E": MS + number, "T": MS + number, "s": id_, "t": number, "p": "100.2",
        "q": "0.5", "X": "MARKET", "m": False, **more,
    }  # fmt: skip


def frame(number: int) -> dict[str, Any]:
    return {"stream": "btcusdt@trade", "data": message(number)}


def reordered(number: int) -> str:
    return json.dumps(dict(reversed(frame(number).items())), separators=(",", ":"))


def seconds(ns: int, digits: int) -> str:
    return f"{ns // 10**9}.{f'{ns % 10**9:09}'[:digits]}"


RECEIVED = [NS + number * 10_000_000 for number in range(4)]
FORMS = {
    "spaces": (lambda n, ns: f"{ns} {json.dumps(frame(n))}", 1),
    "another key order": (lambda n, ns: f"{ns} {reordered(n)}", 1),
    "without a wrapper": (lambda n, ns: f"{ns} {json.dumps(message(n))}", 1),
    "µs": (lambda n, ns: f"{ns // 1000} {json.dumps(frame(n))}", 1000),
    "ms": (lambda n, ns: f"{ns // 10**6} {json.dumps(frame(n))}", 10**6),
    "seconds with 7 digits": (lambda n, ns: f"{seconds(ns, 7)} {json.dumps(frame(n))}", 100),
    "cryptofeed": (lambda n, ns: f"{seconds(ns, 6)}: {json.dumps(frame(n))}", 1000),
    "a tab": (lambda n, ns: f"{ns}\t{json.dumps(frame(n))}", 1),
    "a comma": (lambda n, ns: f"{ns},{json.dumps(frame(n))}", 1),
    "ISO 8601": (lambda n, ns: f"{iso(ns, 7)} {json.dumps(frame(n))}", 100),
    "cryptofeed's format 2": (
        lambda n, ns: json.dumps({
            "t": "recv", "conn": "c", "ts": float(seconds(ns, 6)), "data": json.dumps(frame(n)),
        }),
        1000,
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_a_form_of_raw_messages_gives_the_same_trades(tmp_path: Path, form: str) -> None:
    write, precision_ns = FORMS[form]
    text = "".join(f"{write(n, ns)}\n" for n, ns in enumerate(RECEIVED))
    trades = of(imported(tmp_path, text), "trade")
    assert [(one["id"], one["timestamp"], one["side"]) for one in trades] == [
        (n, MS + n, "buy") for n in range(4)
    ]
    assert [one["received_ns"] for one in trades] == [
        ns // precision_ns * precision_ns for ns in RECEIVED
    ]


@pytest.mark.parametrize("indent", [None, 2])
def test_a_json_array_of_messages_is_read(tmp_path: Path, indent: int | None) -> None:
    frames = imported(tmp_path, json.dumps([frame(n) for n in range(3)], indent=indent))
    assert [one["id"] for one in of(frames, "trade")] == [0, 1, 2]


def test_an_array_with_a_bad_element_names_the_element(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"tape, element 2: the JSON is not a message .* keys a"):
        imported(tmp_path, json.dumps([frame(0), {"a": 1}]))
    with pytest.raises(ConfigError, match="begins like a JSON array, but is not one"):
        imported(tmp_path, json.dumps([frame(0), frame(1)])[:-9])


@pytest.mark.parametrize(
    ("kind", "data", "channel"),
    [
        ("bookTicker", {"u": 4, "s": "BTCUSDT", "b": "1", "B": "2", "a": "3", "A": "4"}, "quote"),
        ("kline_5m", {"e": "kline", "E": MS, "s": "BTCUSDT", "k": {
            "t": MS - 1000, "s": "BTCUSDT", "i": "5m", "o": "1", "c": "2", "h": "3", "l": "1",
            "v": "9", "x": True}}, "candle"),
        ("ticker", {"e": "24hrTicker", "E": MS, "s": "BTCUSDT", "p": "1", "P": "1.5", "c": "100",
            "o": "9", "h": "101", "l": "90", "v": "7"}, "ticker"),
    ],
)  # fmt: skip
def test_messages_of_a_single_stream_are_those_of_the_combined_one(
    tmp_path: Path, kind: str, data: dict[str, Any], channel: str
) -> None:
    single, combined = tmp_path / "single", tmp_path / "combined"
    single.mkdir()
    combined.mkdir()
    options = ("--exchange", "binance")
    alone = imported(single, f"{NS} {json.dumps(data)}\n", *options)
    wrapped = imported(
        combined, f"{NS} {json.dumps({'stream': f'btcusdt@{kind}', 'data': data})}\n", *options
    )
    assert of(alone, channel) == of(wrapped, channel) != []


def test_control_lines_and_answers_are_no_events(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (
        "configuration: {'trades': ['BTC-USDT']}\n"
        "wss://fstream.binance.com/stream?streams=btcusdt@trade <-> 1723161255.05\n"
        'wss://fstream.binance.com/stream <- 1723161255.06: {"method":"SUBSCRIBE"}\n'
        '1723161255.07: {"result":null,"id":1}\n'
        "https://fapi.binance.com/fapi/v1/exchangeInfo?x=1 -> 1723161255.08: {}\n\n"
        f"1723161255.09: {json.dumps(frame(1))}\n"
    )
    frames = imported(tmp_path, text)
    assert [one["id"] for one in of(frames, "trade")] == [1]
    told = capsys.readouterr().out
    assert "not imported: answer to a request (1)" in told
    assert "not imported: GET fapi.binance.com/fapi/v1/exchangeInfo (1)" in told


def test_a_snapshot_that_a_recorder_stored_as_a_stream_starts_the_book(tmp_path: Path) -> None:
    stored = json.loads(snapshot(1, 15).partition(" ")[2])
    text = depth(0, 10, 20) + line(1, "depthSnapshot", stored) + depth(2, 20, 30)
    assert [one["id"] for one in of(imported(tmp_path, text), "book")] == [20, 30]


MIXED = [
    (f"{NS} {json.dumps(frame(0))}\n{NS // 1000} {json.dumps(frame(1))}\n",
     "line 2: 1723161255088176 is in µs, but the times before it are ns"),
    (f"{NS // 10**6} {json.dumps(frame(0))}\n{NS // 10**9} {json.dumps(frame(1))}\n",
     "line 2: 1723161255 is in s, but the times before it are ms"),
    (f"{NS} {json.dumps(frame(0))}\n2024-08-08T00:00:00Z {json.dumps(frame(1))}\n",
     "line 2: '2024-08-08T00:00:00Z' is ISO 8601, but the times before it are ns"),
    (f"{NS * 10} {json.dumps(frame(0))}\n", "line 1: 17231612550881760000 is not a time in s, ms"),
    (f"999999999 {json.dumps(frame(0))}\n", "line 1: 999999999 is not a time in s, ms"),
    (f"2024-13-08T00:00:00Z {json.dumps(frame(0))}\n", "line 1: month must be in 1..12"),
    (trade(0, 1) + line(1, "trade", message(2, T=(MS + 2) * 1000)),
     "line 2, btcusdt@trade: .* 1723161256002000 is in µs, but the times before it are ms"),
    (line(0, "trade", message(2, T=7)), "line 1, btcusdt@trade: .* 7 is not a time in s, ms"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "error"), MIXED)
def test_a_time_in_another_unit_or_none_is_an_error_with_its_line(
    tmp_path: Path, text: str, error: str
) -> None:
    with pytest.raises(ConfigError, match=error):
        imported(tmp_path, text)
    out = tmp_path / "out"
    assert not out.exists() or not list(out.iterdir())


def test_exchange_times_in_microseconds_become_milliseconds(tmp_path: Path) -> None:
    us = MS * 1000 + 123
    kline = {"e": "kline", "E": us, "s": "BTCUSDT", "k": {
        "t": us - 456, "s": "BTCUSDT", "i": "1m", "o": "1", "c": "2", "h": "3", "l": "1",
        "v": "9", "x": False}}  # fmt: skip
    ticker = {"e": "24hrTicker", "E": us, "s": "BTCUSDT", "p": "1", "P": "1.5", "c": "100",
              "o": "9", "h": "101", "l": "90", "v": "7", "C": us}  # fmt: skip
    update = {"e": "depthUpdate", "E": us, "s": "BTCUSDT", "U": 11, "u": 20,
              "b": [["99.0", "1"]], "a": []}  # fmt: skip
    frames = imported(
        tmp_path,
        line(0, "kline_1m", kline) + line(1, "ticker", ticker) + line(2, "depth", update)
        + line(3, "trade", message(1, T=us)) + snapshot(4, 15),
        "--exchange", "binance",
    )  # fmt: skip
    (candle,) = of(frames, "candle")
    assert (candle["timestamp"], candle["open_time"]) == (MS, MS - 1)
    (summary,) = of(frames, "ticker")
    assert (summary["timestamp"], summary["datetime"]) == (MS, "2024-08-08T23:54:16.000Z")
    assert [one["timestamp"] for one in of(frames, "book") + of(frames, "trade")] == [MS, MS]


@pytest.mark.parametrize("id_", ["BTCTUSD", "BNBUSD", "XRPRLUSD", "ETHAEUR", "ADAEUR", "BTCBUSD"])
def test_a_symbol_that_an_id_does_not_fix_is_asked_for(tmp_path: Path, id_: str) -> None:
    text = line(0, "trade", message(1, id_), id_)
    with pytest.raises(ConfigError, match=f"the symbol of {id_} is ambiguous: .* --symbol {id_}="):
        imported(tmp_path, text, "--exchange", "binance")
    frames = imported(tmp_path, text, "--exchange", "binance", "--symbol", f"{id_}=A/B")
    assert [one["symbol"] for one in of(frames, "trade")] == ["A/B"]


@pytest.mark.parametrize(
    ("id_", "symbol"),
    [("BTCUSDT_240927", "BTC/USDT:USDT-240927"), ("1000PEPEUSDC", "1000PEPE/USDC:USDC")],
)
def test_an_id_that_can_mean_one_symbol_needs_no_option(
    tmp_path: Path, id_: str, symbol: str
) -> None:
    frames = imported(tmp_path, line(0, "trade", message(1, id_), id_))
    assert [one["symbol"] for one in of(frames, "trade")] == [symbol]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (("--symbol", "BTCUSDT"), "BTCUSDT is an exchange's id; write BTC/USDT or BTC/USDT:USDT"),
        (("--symbol", "BTCUSDT", "--exchange", "binanceusdm"), "id; write BTC/USDT:USDT$"),
        (("--symbol", "BTCTUSD", "--exchange", "binance"), "write BTC/TUSD or BTCT/USD"),
        (("--symbol", "BTCUSDT=BTCUSDT"), "BTCUSDT is an exchange's id"),
        (("--symbol", "BTC/USDT:USDT:X"), "write BTC/USDT:USDT"),
        (("--symbol", "btc-usdt", "--exchange", "binanceusdm"), "write BTC/USDT:USDT$"),
        (("--exchange", "binanse"), "binanse is not an exchange of ccxt.pro; is it binance"),
        (("--symbol", "ETHUSDT=ETH/USDT"), "no file has ETHUSDT"),
        (("--symbol", "A/B", "--symbol", "C/D"), "a symbol is given twice"),
        (("--symbol", "ETH/USDT:USDT"), "BTCUSDT is BTC/USDT:USDT, not ETH/USDT:USDT; .*=ETH"),
    ],
)
def test_a_symbol_option_that_is_not_understood_is_refused(
    tmp_path: Path, options: tuple[str, ...], error: str
) -> None:
    with pytest.raises(ConfigError, match=error):
        imported(tmp_path, trade(0, 1), *options)


def test_a_symbol_of_other_letters_is_imported_as_any_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    imported(tmp_path, line(0, "trade", message(1, "币安人生USDT"), "币安人生USDT") + trade(1, 1))
    assert "BTC/USDT:USDT, 币安人生/USDT:USDT; trade; 2 lines" in capsys.readouterr().out


SPOT_QUOTE = {"u": 4, "s": "BTCUSDT", "b": "1", "B": "2", "a": "3", "A": "4"}
SPOT_DEPTH = {"e": "depthUpdate", "E": MS, "s": "BTCUSDT", "U": 1, "u": 2, "b": [], "a": []}


@pytest.mark.parametrize(
    ("kind", "data"),
    [("bookTicker", SPOT_QUOTE), ("depth", SPOT_DEPTH), ("trade", message(1, M=True))],
)
def test_spot_is_not_taken_for_futures(tmp_path: Path, kind: str, data: dict[str, Any]) -> None:
    text = line(0, kind, data)
    with pytest.raises(ConfigError, match="is a message of binance, not of binanceusdm"):
        imported(tmp_path, text, "--exchange", "binanceusdm")
    frames = imported(tmp_path, text)
    assert {one["exchange"] for one in of(frames, "status")} == {"binance"}


def test_futures_are_not_taken_for_spot(tmp_path: Path) -> None:
    for text in (depth(0, 1, 2), quote(0, 1)):
        with pytest.raises(ConfigError, match="a message of binanceusdm, not of binance"):
            imported(tmp_path, text, "--exchange", "binance")
    with pytest.raises(ConfigError, match=r"several exchanges: .* split it"):
        imported(tmp_path, depth(0, 1, 2) + line(1, "bookTicker", SPOT_QUOTE, "ETHUSDT"))


COIN = [
    ("BTCUSD_PERP", "BTC/USD:BTC"),
    ("BCHUSD_210924", "BCH/USD:BCH-210924"),
]


@pytest.mark.parametrize(("id_", "symbol"), COIN)
@pytest.mark.parametrize(
    "options",
    [(), ("--exchange", "binancecoinm"), ("--symbol", "{id}={symbol}"), ("--symbol", "{symbol}")],
)
def test_coin_margined_contracts_are_of_their_own_exchange(
    tmp_path: Path, id_: str, symbol: str, options: tuple[str, ...]
) -> None:
    text = line(0, "trade", message(1, id_), id_)
    given = [option.format(id=id_, symbol=symbol) for option in options]
    frames = imported(tmp_path, text, *given)
    assert {(one["exchange"], one["symbol"]) for one in of(frames, "status")} == {
        ("binancecoinm", symbol)
    }
    ((size, side),) = [(one["size"], one["side"]) for one in of(frames, "trade")]
    assert (size, side) == (0.5, "buy")  # contracts, as the message says


def test_coin_margined_contracts_are_taken_by_the_exchange_of_all_markets(tmp_path: Path) -> None:
    text = line(0, "trade", message(1, "BTCUSD_PERP"), "BTCUSD_PERP")
    frames = imported(tmp_path, text, "--exchange", "binance", "--symbol", "BTC/USD:BTC")
    assert {one["exchange"] for one in of(frames, "status")} == {"binance"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--exchange", "binanceusdm"), "is a message of binancecoinm, not of binanceusdm"),
        (
            ("--exchange", "binanceusdm", "--symbol", "BTC/USD:BTC"),
            "is a message of binancecoinm, not of binanceusdm",
        ),
        (
            ("--symbol", "BTCUSD_PERP=BTC/USDT:USDT"),
            "of binancecoinm, which has no BTC/USDT:USDT",
        ),
    ],
)
def test_coin_margined_contracts_are_of_no_other_exchange(
    tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    text = line(0, "trade", message(1, "BTCUSD_PERP"), "BTCUSD_PERP")
    with pytest.raises(ConfigError, match=said):
        imported(tmp_path, text, *options)


def test_tickers_of_coin_margined_contracts_count_the_base_currency(tmp_path: Path) -> None:
    ticker = {
        "e": "24hrTicker", "E": MS, "s": "BTCUSD_PERP", "ps": "BTCUSD", "p": "-43.4",
        "P": "-0.452", "w": "9600.1", "c": "9548.5", "Q": "2", "o": "9591.9", "h": "10000.0",
        "l": "7000.0", "v": "487850", "q": "5081.70", "O": MS, "C": MS, "F": 1, "L": 9, "n": 9,
    }  # fmt: skip
    (one,) = of(imported(tmp_path, line(0, "ticker", ticker, "BTCUSD_PERP")), "ticker")
    assert (one["volume"], one["change_percent"]) == (5081.70, -0.452)


def test_an_exchange_with_all_markets_of_its_venue_takes_the_symbols_type(tmp_path: Path) -> None:
    options = ("--exchange", "binance", "--symbol", "BTC/USDT:USDT")
    frames = imported(tmp_path, depth(0, 10, 20) + snapshot(1, 15) + quote(2, 1), *options)
    assert {
        (one["exchange"], one["symbol"]) for one in frames if one["_"] in {"book", "quote"}
    } == {("binance", "BTC/USDT:USDT")}


def test_a_recorders_header_of_another_exchange_is_refused_by_name(tmp_path: Path) -> None:
    for name, exchange in (("GEMINI", "gemini"), ("NOBODY", "NOBODY")):
        header = json.dumps({"t": "header", "format": 2, "exchange": name})
        with pytest.raises(ConfigError, match=f"raw messages of {exchange} can't be imported"):
            imported(tmp_path, f"{header}\n")


def books(frames: Frames) -> list[Any]:
    return [one["id"] for one in of(frames, "book")]


BEFORE = depth(0, 10, 20) + snapshot(1, 15) + depth(100, 20, 30) + depth(200, 30, 40)
AFTER = depth(60_200, 510, 520) + depth(60_300, 520, 530)


@pytest.mark.parametrize(
    "reconnected",
    [
        depth(60_000, 499, 510) + snapshot(60_100, 505),
        snapshot(60_000, 505) + depth(60_100, 499, 510),
        snapshot(59_900, 505) + snapshot(60_000, 506) + depth(60_100, 499, 510),
    ],
)
def test_an_answer_is_joined_on_either_side_of_the_break(tmp_path: Path, reconnected: str) -> None:
    frames = imported(tmp_path, BEFORE + reconnected + AFTER)
    assert books(frames) == [20, 30, 40, 510, 520, 530]
    (gap,) = gaps(frames)
    assert (gap["channel"], gap["from_id"], gap["to_id"]) == ("book", 40, 510)


def test_an_answer_that_the_updates_reach_is_not_needed(tmp_path: Path) -> None:
    frames = imported(
        tmp_path,
        BEFORE + snapshot(250, 45) + depth(300, 40, 50) + depth(400, 60, 70) + depth(500, 70, 80),
    )
    assert books(frames) == [20, 30, 40, 50]
    assert of(frames, "status")[-2]["state"] == "resync"


def test_packed_files_folders_and_several_at_once_are_read(tmp_path: Path) -> None:
    day = tmp_path / "day"
    day.mkdir()
    (day / "a.gz").write_bytes(gzip.compress(trade(0, 1).encode()))
    (day / "b.zst").write_bytes(zstandard.compress(trade(10, 2).encode()))
    with zipfile.ZipFile(day / "c.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("in/c1.txt", trade(20, 3))
        archive.writestr("in/c2.txt.gz", gzip.compress(trade(30, 4).encode()))
    (day / "c.zip.CHECKSUM").write_text("0 c.zip")
    (tmp_path / "d.txt").write_text(trade(40, 5))
    out = tmp_path / "out"
    feedd("import", day, tmp_path / "d.txt", "--out", out)
    feedd("export", out, "--format", "csv", "--out", tmp_path / "tables", "--topics", "trade.")
    rows = (tmp_path / "tables" / "trade.csv").read_text().splitlines()
    assert [row.split(",")[3] for row in rows[1:]] == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize("ending", ["", ".txt"])
def test_a_folder_of_cryptofeed_is_read_with_the_answers_in_their_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], ending: str
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    url = "https://fapi.binance.com/fapi/v1"
    answer = snapshot(1, 15).partition(" ")[2]
    (folder / f"BINANCE_FUTURES.0{ending}").write_text(
        f"{url}/exchangeInfo -> 1723161255.0: {{}}\n"
    )
    (folder / f"BINANCE_FUTURES.http.0.0{ending}").write_text(
        f"{url}/depth?symbol=BTCUSDT&limit=1000 -> 1723161255.001: {answer}"
    )
    (folder / f"BINANCE_FUTURES.ws.1.0{ending}").write_text(depth(0, 10, 20) + depth(2, 20, 30))
    feedd("import", folder, "--out", tmp_path / "out")
    told = capsys.readouterr().out
    assert f"{'book':12} {2:>12}" in told
    assert f"BINANCE_FUTURES.0{ending}: has no stream of any channel, only GET fapi" in told


BINARY = [
    (b"FDR1" + bytes(99), "is a recording of feedd, which needs no import"),
    (b"ARROW1\0\0", "is an Arrow"),
    (b"\xff\xfea\0", "is UTF-16 text"),
    (b"a\0b\0c", "is not text"),
    (b"\x89PNG\r\n", "is not UTF-8 text"),
    (b"BZh91AY", "packed with bzip2"),
    (b"PK\x03\x04xx", "the zip archive can't be read"),
    (b"\x1f\x8b\x08junkjunkjunk", "can't be read to its end"),
]


@pytest.mark.parametrize(("data", "error"), BINARY)
def test_a_file_that_is_no_text_is_named_for_what_it_is(
    tmp_path: Path, data: bytes, error: str
) -> None:
    path = tmp_path / "x"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match=error):
        feedd("import", path, "--out", tmp_path / "out")


def test_a_dry_run_announces_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tape").write_text(trade(0, 1) + quote(1, 1))
    feedd("import", tmp_path / "tape", "--out", tmp_path / "out", "--dry-run")
    told = capsys.readouterr().out
    assert "tape: raw messages of binanceusdm, times of receipt: ns; BTC/USDT:USDT; " in told
    assert "quote, trade; 2 lines" in told
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("binance_btcusdt_20240808.gz", {"quote": 28_040, "trade": 9_757}),
        ("binanceusdm_btcusdt_20240808.gz", {"quote": 66_089, "trade": 21_313}),
    ],
)
def test_a_real_recording_is_recognised_without_an_option(
    tmp_path: Path, name: str, counts: dict[str, int], capsys: pytest.CaptureFixture[str]
) -> None:
    feedd("import", real_recording(name), "--out", tmp_path)
    told = capsys.readouterr().out
    for channel, count in counts.items():
        assert f"{channel:12} {count:>12,}" in told
    assert f"raw messages of {name.partition('_')[0]}, " in told
