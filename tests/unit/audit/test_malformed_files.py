"""Files that are nearly right: each is audited, or refused by file and line."""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path
from typing import Any

import pytest
from unit.audit.handmade_logs import (
    BYBIT_FEED,
    FEED,
    QUOTE,
    TRADE,
    as_lines,
    client_gap,
    client_state,
    mark,
    notice,
    quote_seen,
    quote_sent,
    seen,
    sent,
    status_seen,
    trade_seen,
    trade_sent,
)  # fmt: skip

from feedd.cli.audit import run_audit
from feedd.errors import ConfigError

BOOK = f"book.{BYBIT_FEED}"
GAP = {"channel": "trade", "from_id": 3, "to_id": 5, "reason": "reconnect"}
HEAD = {"recording": 1, "by": "client", "ns": 1, "topics": ["trade.", "quote.", "book.", "status."]}
KLINE = {"e": "kline", "E": 1, "s": "BTCUSDT", "k": {"t": 1, "x": True, "o": "1", "h": "1",
         "l": "1", "c": "1", "v": "1"}}  # fmt: skip
LIQUIDATION = {"e": "forceOrder", "E": 1, "o": {"s": "BTCUSDT", "S": "SELL", "T": 1, "ap": "1",
               "l": "1"}}  # fmt: skip
DEPTH = {"topic": "orderbook.50.BTCUSDT", "type": "snapshot", "ts": 1,
         "data": {"s": "BTCUSDT", "b": [["1", "1"]], "a": [["2", "1"]], "u": 5}}  # fmt: skip
TICKER = {"topic": "tickers.BTCUSDT", "type": "snapshot", "ts": 1,
          "data": {"symbol": "BTCUSDT", "lastPrice": "1", "volume24h": "1", "highPrice24h": "1",
                   "lowPrice24h": "1", "price24hPcnt": "0.1"}}  # fmt: skip
FILES: dict[str, list[Any]] = {
    "truth": [
        *(trade_sent(id_, id_ / 10) for id_ in range(1, 8)),
        *(quote_sent(id_, 1 + id_ / 10) for id_ in range(1, 8)),
        sent("btcusdt@kline_1m", KLINE, 2),
        sent("btcusdt@forceOrder", LIQUIDATION, 2),
        sent("orderbook.50.BTCUSDT", DEPTH, 2, 5, connection=2),
        sent("tickers.BTCUSDT", TICKER, 2, connection=2),
    ],
    "truth.marks": [
        mark("opened", 0), mark("fault", 1, fault="stall"), mark("clear", 1.5, fault="stall"),
        mark("closed", 2, by="exchange"),
    ],
    "seen": [
        HEAD,
        *(trade_seen(id_, id_, id_ / 10) for id_ in range(1, 4)),
        notice("UpstreamGap", 0.45, feed=FEED, **GAP),
        status_seen(1, 0.45, gap=GAP, next_seq={TRADE: 4, QUOTE: 1}),
        trade_seen(5, 4, 0.5),
        *(quote_seen(id_, id_, 1 + id_ / 10) for id_ in range(1, 3)),
        client_gap(QUOTE, 3, 4, 1.45),
        quote_seen(5, 5, 1.5),
        client_state("stale", 1.6),
        notice("NewSession", 1.6, feed=FEED, old=1, new=2),
        quote_seen(7, 1, 1.7, session=2),
        notice("Stopped", 2, feed=FEED, session=2, reason=None),
        seen(BOOK, 1, 2, id=5, bids=[[1.0, 1.0]], asks=[[2.0, 1.0]]),
    ],
}  # fmt: skip
OTHERS = [None, 5, -1, "x", [], {}, "", 1.5, True, 10**30, 2**63, [[]], {"x": []}]


def audit(folder: Path, files: dict[str, list[Any]]) -> int:
    for name, rows in files.items():
        (folder / name).write_text(as_lines(rows))
    arguments = argparse.Namespace(
        truth=folder / "truth", seen=folder / "seen", json=True, closed_s=2.5, silences=2.0,
        live_s=60.0, stale_s=3.5,
    )  # fmt: skip
    return run_audit(arguments)


def mutated(rows: list[Any], chance: random.Random) -> list[Any]:
    """Return the rows with one value, at some depth, replaced or taken away."""
    changed: list[Any] = json.loads(json.dumps(rows))
    inside: Any = changed
    key: Any = chance.randrange(len(changed))
    for _ in range(chance.randint(1, 5)):
        value = inside[key]
        if not value or not isinstance(value, dict | list):
            break
        inside = value
        key = (
            chance.choice(list(value)) if isinstance(value, dict) else chance.randrange(len(value))
        )
    if isinstance(inside, dict) and chance.random() < 0.2:
        del inside[key]
    else:
        inside[key] = chance.choice(OTHERS)
    return changed


def test_a_file_with_one_wrong_value_is_audited_or_rejected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit(tmp_path, FILES) in {0, 1}
    refused = dict.fromkeys(FILES, 0)
    for seed in range(1500):
        chance = random.Random(seed)
        name = chance.choice(list(FILES))
        said = ""
        try:
            assert audit(tmp_path, FILES | {name: mutated(FILES[name], chance)}) in {0, 1}, seed
        except ConfigError as error:
            said = str(error)
            refused[name] += 1
        assert not said or f"{tmp_path / name}, line " in said, seed
    assert min(refused.values()) > 50, refused
    capsys.readouterr()


@pytest.mark.parametrize(
    ("name", "row", "wrong", "line"),
    [
        ("seen", 0, {**HEAD, "topics": 5}, 1),
        ("seen", 0, {**HEAD, "by": []}, 1),
        ("seen", 11, notice("StateChange", 1.6, feed=1.5, state="stale", reason=None), 12),
        ("seen", 5, status_seen(1, 0.45, gap={**GAP, "from_id": []}), 6),
        ("seen", 15, seen(BOOK, 1, 2, id=5, bids=[[1.0]], asks=[]), 16),
        ("truth", 0, {**trade_sent(1, 0.1), "sent_ns": 2**63}, 1),
        ("truth", 15, sent("btcusdt@forceOrder", {**LIQUIDATION, "o": {"S": 5, "T": 1}}, 2), 16),
        ("truth", 16, sent("orderbook.50.BTCUSDT", {**DEPTH, "data": {"u": 5, "b": 1}}, 2, 5), 17),
        ("truth.marks", 0, mark("opened", 0, connection=None), 1),
        ("truth.marks", 3, mark("closed", 2, (5,)), 4),  # type: ignore[arg-type]
    ],
)
def test_a_wrong_value_is_reported_with_file_and_line(
    tmp_path: Path, name: str, row: int, wrong: Any, line: int
) -> None:
    rows = [*FILES[name][:row], wrong, *FILES[name][row + 1 :]]
    with pytest.raises(ConfigError, match=f"{name}, line {line}: ") as refused:
        audit(tmp_path, FILES | {name: rows})
    assert refused.value.exit_code == 78
