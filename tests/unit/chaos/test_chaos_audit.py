"""What chaos holds against each other: the exchange's ids and a subscriber's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from chaos.audit import Findings, audit

FEED = "binanceusdm.BTC/USDT:USDT."
GAP = {"kind": "Gap", "topic": f"trade.{FEED}"}


def ticks(*ids: int) -> list[dict[str, Any]]:
    return [{"kind": "tick", "topic": f"trade.{FEED}", "id": id_} for id_ in ids]


def judged(folder: Path, sent: range, *seen: dict[str, Any]) -> Findings:
    truth = folder / "truth.jsonl"
    lines = [{"stream": "btcusdt@trade", "id": id_, "sent_ns": id_} for id_ in sent]
    truth.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return audit(truth, seen, until_ns=8)


def test_what_was_sent_and_seen_is_right_and_what_came_before_the_first_does_not_count(
    tmp_path: Path,
) -> None:
    found = judged(tmp_path, range(1, 9), *ticks(3, 4, 5, 6, 7, 8))
    assert (found.seen, found.wrong, found.flagged) == (6, 0, 0)


def test_what_is_missing_is_flagged_where_the_stream_said_so_and_wrong_elsewhere(
    tmp_path: Path,
) -> None:
    found = judged(tmp_path, range(1, 9), *ticks(1, 2), GAP, *ticks(5, 6, 8))
    assert (found.flagged, found.missing, found.first_missing) == (2, 1, "trade btcusdt 7")


def test_a_lost_tail_is_wrong_unless_it_is_told(tmp_path: Path) -> None:
    assert judged(tmp_path, range(1, 11), *ticks(1, 2, 3, 4, 5)).missing == 3
    assert judged(tmp_path, range(1, 11), *ticks(1, 2, 3, 4, 5), GAP).missing == 0


def test_a_gap_upstream_covers_what_lies_between_its_ids_and_no_more(tmp_path: Path) -> None:
    gap = {"kind": "UpstreamGap", "feed": FEED, "channel": "trade", "from_id": 2, "to_id": 5}
    found = judged(tmp_path, range(1, 9), *ticks(1, 2, 5, 6, 8), gap)
    assert (found.flagged, found.missing) == (2, 1)


def test_twice_out_of_order_and_unknown_are_wrong(tmp_path: Path) -> None:
    found = judged(tmp_path, range(1, 9), *ticks(1, 2, 2, 4, 3, 5, 6, 7, 8, 99))
    assert (found.twice, found.out_of_order, found.unknown, found.missing) == (1, 1, 1, 0)
