"""Tables that Tardis offers: recognised by header, with the time of receipt and built books."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from imported_tables import Events, events, gaps, import_table, pick
from table_samples import feedd

from feedd.errors import ConfigError

US = 1_598_918_400_000_000
TRADES = (
    "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
    f"binance-futures,BTCUSDT,{US},{US + 5123},101,buy,11650.5,0.5\n"
    f"binance-futures,BTCUSDT,{US + 1000},{US + 6000},102,unknown,11650.6,0.1\n"
)
QUOTES = (
    "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount\n"
    f"bybit,BTCUSDT,{US},{US + 5},3,11650.6,11650.5,2\n"
    f"bybit,BTCUSDT,{US + 10},{US + 15},3,11650.6,,\n"
)
BOOK = "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n"


def level(at: int, side: str, price: float, amount: float, snapshot: str = "false") -> str:
    return f"binance,BTCUSDT,{US + at},{US + at + 500},{snapshot},{side},{price},{amount}\n"


def snapshot(at: int, bid: float = 99, ask: float = 101) -> str:
    return "".join(
        level(at, side, price, 1, "true")
        for side, price in (("bid", bid), ("ask", ask), ("bid", bid - 1), ("ask", ask + 1))
    )


def test_trades_have_both_times_and_an_unknown_side_is_nil(tmp_path: Path) -> None:
    text = gzip.compress(TRADES.encode())
    found = import_table(tmp_path, "binance-futures_trades_2020-09-01_BTCUSDT.csv.gz", text)
    keys = ("exchange", "symbol", "timestamp", "received_ns", "id", "side", "price", "size")
    assert pick(found, *keys) == [
        ("binanceusdm", "BTC/USDT:USDT", US // 1000, (US + 5123) * 1000, 101, "buy", 11650.5, 0.5),
        ("binanceusdm", "BTC/USDT:USDT", US // 1000 + 1, (US + 6000) * 1000, 102, None, 11650.6,
         0.1),
    ]  # fmt: skip
    assert [one["published_ns"] for one in found] == [one["received_ns"] for one in found]
    statuses = [one for one in events(tmp_path / "out") if one["channel"] == "status"]
    assert statuses[-1]["exchange_latency_us"]["max"] == 5123


def test_quotes_have_nil_for_an_empty_side(tmp_path: Path) -> None:
    empty = f"bybit,BTCUSDT,{US + 20},{US + 25},,,,\n"
    found = import_table(tmp_path, "a.csv", QUOTES + empty, "--symbol", "BTCUSDT=BTC/USDT:USDT")
    assert pick(found, "exchange", "bid", "bid_size", "ask", "ask_size") == [
        ("bybit", 11650.5, 2, 11650.6, 3), ("bybit", None, None, 11650.6, 3),
    ]  # fmt: skip


def test_derivative_tickers_are_marks(tmp_path: Path) -> None:
    header = (
        "exchange,symbol,timestamp,local_timestamp,funding_timestamp,funding_rate,"
        "predicted_funding_rate,open_interest,last_price,index_price,mark_price\n"
    )
    row = f"binance-futures,BTCUSDT,{US},{US + 9},{US + 28_800_000_000},0.0001,,5,1,11649.5,11650\n"
    without = f"binance-futures,BTCUSDT,{US + 5},{US + 10},,,,5,1,,\n"
    found = import_table(tmp_path, "a.csv", header + row + without)
    assert pick(found, "mark_price", "index_price", "funding_rate", "next_funding") == [
        (11650.0, 11649.5, 0.0001, US // 1000 + 28_800_000)
    ]


def test_liquidations_have_the_header_of_trades_and_are_known_by_their_folder_or_name(
    tmp_path: Path,
) -> None:
    for number, name in enumerate((
        "binance-futures_liquidations_2020-09-01_BTCUSDT.csv",
        "binance-futures/liquidations/2020/09/01/BTCUSDT.csv",
    )):  # fmt: skip
        found = import_table(tmp_path / str(number), name, TRADES)
        assert pick(found, "channel", "side") == [("liquidation", "buy"), ("liquidation", None)]
    name = "liquidations/binance-futures_trades_2020-09-01_BTCUSDT.csv"
    assert import_table(tmp_path / "t", name, TRADES)[0]["channel"] == "trade"


def as_updates(recording: Path, count: int) -> str:
    """Write a recording's depth answer and the first updates after it as Tardis does."""
    rows, answer = [], None

    def add(ns: int, ms: int, snapshot: str, sides: dict[str, Any]) -> None:
        rows.extend(
            f"binance-futures,BTCUSDT,{ms * 1000},{ns // 1000},{snapshot},{side},{price},{size}\n"
            for side, levels in sides.items()
            for price, size in levels
        )

    with gzip.open(recording, "rt") as lines:
        for line in lines:
            ns, _, text = line.partition(" ")
            data = json.loads(text)
            if "lastUpdateId" in data and answer is None:
                answer = data["lastUpdateId"]
                add(int(ns), data["E"], "true", {"bid": data["bids"], "ask": data["asks"]})
            elif answer is not None and "@depth" in data.get("stream", ""):
                update = data["data"]
                if update["u"] >= answer and count:
                    count -= 1
                    add(int(ns), update["E"], "false", {"bid": update["b"], "ask": update["a"]})
    return BOOK + "".join(rows)


def test_books_from_rows_are_those_of_the_raw_messages(tmp_path: Path, btcusdt: Path) -> None:
    feedd("import", btcusdt, "--out", tmp_path / "raw")
    raw: dict[int, list[Any]] = {}
    for one in events(tmp_path / "raw"):
        if one["channel"] == "book":
            raw.setdefault(one["timestamp"], []).append((one["bids"], one["asks"]))
    found = import_table(tmp_path, "a.csv", as_updates(btcusdt, 300))
    assert len(found) == 301
    for one in found[1:]:
        assert (one["bids"], one["asks"]) in raw[one["timestamp"]]


def books(found: Events) -> list[tuple[list[list[float]], list[list[float]]]]:
    return [(one["bids"], one["asks"]) for one in found]


def test_a_book_is_published_after_each_message_of_rows(tmp_path: Path) -> None:
    text = BOOK + snapshot(0) + level(1000, "bid", 99.5, 2) + level(1000, "ask", 101, 0)
    text += level(2000, "bid", 99.5, 0)
    found = import_table(tmp_path, "a.csv", text, "--book-depth", "1")
    assert books(found) == [
        ([[99, 1]], [[101, 1]]), ([[99.5, 2]], [[102, 1]]), ([[99, 1]], [[102, 1]]),
    ]  # fmt: skip
    assert [one["received_ns"] for one in found] == [
        (US + at + 500) * 1000 for at in (0, 1000, 2000)
    ]
    assert gaps(tmp_path / "out") == []


def test_a_new_snapshot_replaces_the_book_and_is_a_gap(tmp_path: Path) -> None:
    text = BOOK + snapshot(0) + level(1000, "bid", 99.5, 2) + snapshot(5000, 90, 92)
    found = import_table(tmp_path, "a.csv", text)
    assert books(found)[-1] == ([[90, 1], [89, 1]], [[92, 1], [93, 1]])
    assert gaps(tmp_path / "out") == [
        ("book", None, None, "a new snapshot: the recorder reconnected")
    ]


def test_rows_before_the_snapshot_and_crossed_books_are_not_published(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = BOOK + level(-1000, "bid", 1, 1) + snapshot(0) + level(1000, "bid", 103, 1)
    text += level(2000, "bid", 103, 0)
    found = import_table(tmp_path, "a.csv", text)
    assert len(found) == 2
    assert gaps(tmp_path / "out") == [("book", None, None, "the book was crossed")]
    told = capsys.readouterr().out
    assert "not imported: row before the first snapshot of a book (1)" in told
    assert "not imported: crossed book (1)" in told


def test_books_of_two_symbols_in_one_file_are_two_books(tmp_path: Path) -> None:
    other = snapshot(100, 5, 6).replace("BTCUSDT", "ETHUSDT")
    text = BOOK + snapshot(0) + other + level(1000, "bid", 99.5, 2)
    found = import_table(tmp_path, "a.csv", text, "--book-depth", "1")
    assert pick(found, "symbol", "bids") == [
        ("BTC/USDT", [[99, 1]]), ("ETH/USDT", [[5, 1]]), ("BTC/USDT", [[99.5, 2]]),
    ]  # fmt: skip


@pytest.mark.parametrize("levels", [5, 25])
def test_book_snapshots_are_books_of_their_columns(tmp_path: Path, levels: int) -> None:
    names = [
        f"{side}[{n}].{what}"
        for n in range(levels)
        for side in ("asks", "bids")
        for what in ("price", "amount")
    ]
    values = [
        value for n in range(levels) for value in (
            (101 + n, 1, 99 - n, 2) if n < levels - 1 else ("", "", 99 - n, 2)
        )
    ]  # fmt: skip
    text = (
        f"exchange,symbol,timestamp,local_timestamp,{','.join(names)}\n"
        f"binance,BTCUSDT,{US},{US + 1},{','.join(map(str, values))}\n"
    )
    (book,) = import_table(tmp_path, "a.csv", text)
    assert book["bids"] == [[99 - n, 2] for n in range(min(levels, 20))]
    assert book["asks"] == [[101 + n, 1] for n in range(min(levels - 1, 20))]
    row = text.splitlines()[1]
    crossed = (
        row.replace(",101,", ",98,").replace(str(US), str(US + 5)).replace(str(US + 1), str(US + 6))
    )
    later = row.replace(str(US), str(US + 8)).replace(str(US + 1), str(US + 9))
    found = import_table(tmp_path / "x", "a.csv", f"{text}{crossed}\n{later}\n")
    assert len(found) == 2
    assert gaps(tmp_path / "x" / "out") == [("book", None, None, "crossed book")]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (TRADES.replace("binance-futures", "nowhere"), "line 2, exchange: 'nowhere' is not one of"),
        (TRADES.replace("binance-futures", "bybit"), "BTCUSDT is ambiguous: BTC/USDT or BTC/USDT:"),
        (TRADES.replace("binance-futures", "okex"), "unknown; name it: --symbol BTCUSDT=SYMBOL"),
        (TRADES.replace("buy", "long"), "line 2, side: 'long' is neither buy nor sell"),
        (TRADES.replace(str(US + 6000), str(US + 5000)), "line 3, local_timestamp: it is earlier"),
        (BOOK + level(0, "bid", 1, 1, "perhaps"), "line 2, is_snapshot: 'perhaps' is neither true"),
        (BOOK + snapshot(0) + level(1, "bid", -1, 1), "line 6, price: -1.0 is below 0"),
        ("exchange,symbol,timestamp,local_timestamp,type,strike_price,delta\na,b,1,1,call,1,1\n",
         "options_chain of Tardis can't be imported: no channel can hold options"),
        ("exchange,symbol,timestamp,local_timestamp,novelty\na,b,1,1,x\n", "can't be imported"),
    ],
)  # fmt: skip
def test_a_table_of_tardis_that_is_not_understood_is_refused_with_its_place(
    tmp_path: Path, text: str, error: str
) -> None:
    with pytest.raises(ConfigError, match=error):
        import_table(tmp_path, "a.csv", text)
    assert not (tmp_path / "out").exists()


def test_symbols_with_a_separator_are_those_of_the_vendors_spot_markets(tmp_path: Path) -> None:
    for number, (vendor, id_, exchange, symbol) in enumerate((
        ("coinbase", "BTC-USD", "coinbaseexchange", "BTC/USD"),
        ("kraken", "XBT/USD", "kraken", "BTC/USD"),
        ("gate-io", "BTC_USDT", "gate", "BTC/USDT"),
        ("binance-delivery", "BTCUSD_PERP", "binancecoinm", "BTC/USD:BTC"),
    )):  # fmt: skip
        text = TRADES.replace("binance-futures", vendor).replace("BTCUSDT", id_)
        found = import_table(tmp_path / str(number), "a.csv", text)
        assert set(pick(found, "exchange", "symbol")) == {(exchange, symbol)}
        assert len(events(tmp_path / str(number) / "out")) > 2
