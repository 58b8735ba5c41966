"""Recordings of raw messages of venues that have a `played.py`, imported."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from imported_tables import events, gaps

from feedd.errors import ConfigError
from feedd.recordings.importing.run import run_import

LISTED = [
    {"instId": f"{base}-USDT", "instType": "SPOT", "baseCcy": base, "quoteCcy": "USDT"}
    for base in ("BTC", "ETH")
]
START = 1_652_459_225


def message(channel: str, row: dict[str, Any], base: str = "BTC", **more: Any) -> dict[str, Any]:
    arg = {"channel": channel, "instId": f"{base}-USDT"}
    return {"arg": arg, **more, "data": [{"ts": f"{START}100", **row}]}


def trade(id_: int, base: str = "BTC") -> dict[str, Any]:
    return message("trades", {"tradeId": str(id_), "px": "5.5", "sz": "2", "side": "buy"}, base)


def book(before: int, last: int, bid: str, size: str = "1") -> dict[str, Any]:
    row = {"bids": [[bid, size, "0", "1"]], "asks": [["9", "1", "0", "1"]],
           "seqId": last, "prevSeqId": before}  # fmt: skip
    return message("books", row, action="snapshot" if before < 0 else "update")


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def recording(*messages: dict[str, Any], name: str = "okx.jsonl") -> Path:
        rows: list[dict[str, Any]] = [
            {"t": "header", "exchange": "OKX"},
            {"t": "http", "ts": START, "url": "/api/v5/public/instruments",
             "data": json.dumps({"data": LISTED})},
            *({"t": "recv", "ts": START + at / 10, "data": json.dumps(one)}
              for at, one in enumerate(messages, 1)),
        ]  # fmt: skip
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return recording


def imported(path: Path, channel: str, **options: Any) -> list[dict[str, Any]]:
    out = path.with_suffix(".out")
    assert run_import([path], out, **options) == 0
    return [one for one in events(out) if one["channel"] == channel]


def test_a_recording_is_imported_as_its_own_exchange(write: Callable[..., Path]) -> None:
    first, second = imported(write(trade(1), trade(2)), "trade")
    assert second["id"] == 2
    assert (first["exchange"], first["symbol"]) == ("okx", "BTC/USDT")
    assert (first["id"], first["price"], first["side"]) == (1, 5.5, "buy")
    assert first["timestamp"] == START * 1000 + 100
    assert first["received_ns"] == START * 10**9 + 100_000_000


def test_a_trade_that_comes_again_is_imported_once(write: Callable[..., Path]) -> None:
    found = imported(write(trade(1), trade(2), trade(1)), "trade")
    assert [one["id"] for one in found] == [1, 2]


def test_one_symbol_of_several_is_chosen(write: Callable[..., Path]) -> None:
    path = write(trade(1), trade(7, "ETH"))
    (found,) = imported(path, "trade", symbols=["ETH/USDT"])
    assert (found["symbol"], found["id"]) == ("ETH/USDT", 7)


def test_a_missing_update_is_a_gap_until_the_next_whole_book(write: Callable[..., Path]) -> None:
    path = write(
        book(-1, 10, "5"), book(10, 11, "6"), book(12, 13, "7"), book(13, 14, "7"),
        book(-1, 20, "4"), book(20, 21, "4", "3"),
    )  # fmt: skip
    found = [(one["id"], tuple(one["bids"][0])) for one in imported(path, "book")]
    assert found == [(10, (5.0, 1.0)), (11, (6.0, 1.0)), (20, (4.0, 1.0)), (21, (4.0, 3.0))]
    assert gaps(path.with_suffix(".out")) == [
        ("book", 11, 20, "an update of the book is missing in the file")
    ]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"exchange": "kraken"}, "is a recording of okx, not of kraken; give --exchange okx"),
        ({"symbols": ["A/B"]}, "does not hold A/B; it holds BTC/USDT, ETH/USDT of okx"),
        ({"symbols": ["XRP-USDT=XRP/USDT"]}, "no file has XRP-USDT"),
    ],
)
def test_options_that_contradict_the_file_are_refused(
    write: Callable[..., Path], options: dict[str, Any], error: str
) -> None:
    with pytest.raises(ConfigError, match=error):
        run_import([write(trade(1), trade(7, "ETH"))], None, dry_run=True, **options)
