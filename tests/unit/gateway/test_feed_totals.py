"""Totals of feeds over their sessions."""

import json
from pathlib import Path
from typing import Any

from made_readings import CHANNELS, SESSION, channel_status, feed, status

from feedd.client.events import Gap as StreamGap
from feedd.client.events import Status
from feedd.gateway.journal import Journal
from feedd.gateway.metrics.feed_totals import FeedTotals, SavedFeed
from feedd.gateway.metrics.saved_totals import read_saved, write_saved
from feedd.model import Gap, LatencyCounts

BTC = feed()
NAME = "binanceusdm.BTC/USDT:USDT."
LOST = Gap("trade", 1, 5, "the exchange's ids jump; the exchange has them no longer")


def followed(*statuses: Status, earlier: dict[str, SavedFeed] | None = None) -> FeedTotals:
    totals = FeedTotals(earlier or {})
    totals.follow([NAME])
    for number, one in enumerate(statuses):
        totals.message(f"status.{NAME}", one, float(number))
    return totals


def with_gaps(trade_gaps: int, gap: Gap | None = None, **changes: Any) -> Status:
    channels = {name: channel_status(gaps=trade_gaps * (name == "trade")) for name in CHANNELS}
    return status(BTC, channels=channels, gap=gap, gaps=trade_gaps, **changes)


def gaps(totals: FeedTotals) -> dict[tuple[str, str], int]:
    return totals.feeds[NAME].gaps


def test_a_gap_counts_under_the_class_of_its_reason() -> None:
    assert gaps(followed(with_gaps(0), with_gaps(1, LOST), with_gaps(1))) == {
        ("trade", "ids_jump"): 1
    }


def test_gaps_before_the_gateway_started_have_an_unknown_reason() -> None:
    totals = followed(with_gaps(3), with_gaps(4, LOST))
    assert gaps(totals) == {("trade", "unknown"): 3, ("trade", "ids_jump"): 1}


def test_a_gap_whose_status_was_lost_has_an_unknown_reason() -> None:
    assert gaps(followed(with_gaps(0), with_gaps(2, LOST))) == {
        ("trade", "ids_jump"): 1,
        ("trade", "unknown"): 1,
    }


def test_the_sum_over_the_reasons_is_what_the_feed_counted_in_all_sessions() -> None:
    second = SESSION + 5
    totals = followed(
        with_gaps(2), with_gaps(3, LOST), with_gaps(0, session=second),
        with_gaps(1, LOST, session=second),
    )  # fmt: skip
    assert gaps(totals) == {("trade", "unknown"): 2, ("trade", "ids_jump"): 2}


def test_no_counter_falls_when_a_worker_restarts() -> None:
    first = status(BTC)
    again = status(BTC, session=SESSION + 5, rejected=0, next_seq={f"trade.{NAME}": 3})
    feed_totals = followed(first, again).feeds[NAME].total()
    assert feed_totals.channels["trade"].messages == 1002
    assert feed_totals.channels["quote"].messages == 1000
    assert feed_totals.channels["trade"].reconnects == 4
    assert feed_totals.rejected == 1
    latency = feed_totals.channels["trade"].latency
    assert latency is not None
    assert sum(latency.counts) == 2 * 67


def test_latencies_below_zero_do_not_reduce_a_sum() -> None:
    behind = LatencyCounts([5, *(11 * [0])], -7_000_000)
    totals = followed(status(BTC), status(BTC, exchange_latency_counts=behind))
    assert totals.feeds[NAME].sums_us[""] == 1_234_567


def test_statuses_of_earlier_versions_have_no_histogram() -> None:
    old = status(BTC, channels={"trade": channel_status(latency_counts=None)},
                 exchange_latency_counts=None)  # fmt: skip
    total = followed(old).feeds[NAME].total()
    assert total.channels["trade"].latency is None
    assert total.exchange_latency is None


def test_only_feeds_of_the_configuration_are_followed() -> None:
    totals = followed(status(BTC))
    strange = feed("EVIL/USDT")
    totals.message("status.binanceusdm.EVIL/USDT.", status(strange), 1.0)
    assert list(totals.feeds) == [NAME]
    totals.follow([])
    assert not totals.feeds


def test_messages_that_did_not_reach_the_gateway_are_counted() -> None:
    totals = followed()
    gap = StreamGap(f"trade.{NAME}", SESSION, 3, 7, "no history service is configured")
    totals.notice(gap, Journal().add(gap, 0))
    assert {reason: count for reason, count in totals.lost.items() if count} == {"no_history": 5}
    assert totals.lost["behind"] == 0


def restarted(totals: FeedTotals, path: Path, *statuses: Status) -> FeedTotals:
    """Return the totals of a gateway that starts with what another one has saved."""
    write_saved(totals.feeds, totals.earlier, path)
    return followed(*statuses, earlier=read_saved(path))


def test_a_restart_of_the_gateway_changes_no_counter(tmp_path: Path) -> None:
    second = with_gaps(1, LOST, session=SESSION + 5)
    before = followed(with_gaps(2), second)
    after = restarted(before, tmp_path / "metrics.json", with_gaps(1, session=SESSION + 5))
    assert after.feeds[NAME].total() == before.feeds[NAME].total()
    assert gaps(after) == gaps(before) == {("trade", "unknown"): 2, ("trade", "ids_jump"): 1}
    assert after.feeds[NAME].sums_us == before.feeds[NAME].sums_us


def test_gaps_while_the_gateway_did_not_run_count(tmp_path: Path) -> None:
    after = restarted(followed(with_gaps(1, LOST)), tmp_path / "metrics.json", with_gaps(3))
    assert gaps(after) == {("trade", "ids_jump"): 1, ("trade", "unknown"): 2}


def test_a_worker_that_restarted_while_the_gateway_did_not_run_lowers_no_counter(
    tmp_path: Path,
) -> None:
    new = with_gaps(1, LOST, session=SESSION + 9)
    after = restarted(followed(with_gaps(1, LOST)), tmp_path / "metrics.json", new)
    assert after.feeds[NAME].total().channels["trade"].messages == 2000
    assert gaps(after) == {("trade", "ids_jump"): 2}


def test_totals_of_a_feed_that_is_not_seen_again_stay_until_it_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    again = restarted(restarted(followed(with_gaps(1, LOST)), path), path)
    assert list(again.earlier) == [NAME]
    again.follow([])
    assert not again.earlier


def test_a_damaged_file_and_one_of_other_bounds_count_for_nothing(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    assert read_saved(path) == {}
    path.write_text('{"feeds": 7')
    assert read_saved(path) == {}
    totals = followed(with_gaps(1))
    write_saved(totals.feeds, {}, path)
    content = json.loads(path.read_text())
    content["bounds_us"][0] = 49
    path.write_text(json.dumps(content))
    assert read_saved(path) == {}
    path.unlink()
    path.mkdir()
    assert read_saved(path) == {}
