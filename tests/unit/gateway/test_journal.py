"""Journal of the gateway."""

from __future__ import annotations

import pytest
from gateway_events import AT_MS, FEED

from feedd.client.events import Gap, NewSession, Notice, StateChange, Stopped, UpstreamGap
from feedd.gateway.journal import GAPS, MAX_REASON, Entry, Journal

GAP = Gap(f"trade.{FEED}", 7, 3, 5, "the history lacks them")
UPSTREAM = UpstreamGap(FEED, "book", 10, 14, "the exchange skipped them")


@pytest.mark.parametrize(
    ("notice", "entry"),
    [
        (GAP, Entry(1, AT_MS, "gap", FEED, "trade", 7, 3, 5, reason="the history lacks them")),
        (
            UPSTREAM,
            Entry(1, AT_MS, "upstream_gap", FEED, "book", from_id=10, to_id=14,
                  reason="the exchange skipped them"),
        ),
        (NewSession(FEED, 6, 7), Entry(1, AT_MS, "restart", FEED, session=7)),
        (
            StateChange(FEED, "stale", "silent"),
            Entry(1, AT_MS, "state", FEED, state="stale", reason="silent"),
        ),
        (StateChange("", "behind", None), Entry(1, AT_MS, "state", "", state="behind")),
        (
            Stopped(FEED, 7, "removed"),
            Entry(1, AT_MS, "stopped", FEED, session=7, reason="removed"),
        ),
    ],
)  # fmt: skip
def test_each_notice_is_an_entry_with_its_range_and_reason(notice: Notice, entry: Entry) -> None:
    assert Journal().add(notice, AT_MS) == entry


def test_entries_are_returned_newest_first_and_by_pages() -> None:
    journal = Journal()
    for number in range(5):
        journal.add(GAP, AT_MS + number)
    assert [entry.number for entry in journal.newest(2)] == [5, 4]
    assert [entry.number for entry in journal.newest(2, before=4)] == [3, 2]
    assert [entry.number for entry in journal.newest(9, before=2)] == [1]


def test_entries_are_filtered_by_feed_and_kind() -> None:
    journal = Journal()
    for notice in (GAP, UPSTREAM, StateChange(FEED, "live", None), Gap("trade.x.Y.", 1, 1, 1, "")):
        journal.add(notice, AT_MS)
    assert [entry.number for entry in journal.newest(9, feed=FEED)] == [3, 2, 1]
    assert [entry.number for entry in journal.newest(9, feed=FEED, kinds=GAPS)] == [2, 1]


def test_a_full_journal_drops_the_oldest_entries_and_counts_them() -> None:
    journal = Journal(limit=2)
    assert journal.oldest_ms is None
    for number in range(5):
        journal.add(GAP, AT_MS + number)
    assert [entry.number for entry in journal.newest(9)] == [5, 4]
    assert (journal.count, journal.dropped, journal.oldest_ms) == (5, 3, AT_MS + 3)


def test_a_long_reason_is_cut() -> None:
    entry = Journal().add(StateChange(FEED, "stale", "x" * 10_000), AT_MS)
    assert entry.reason == "x" * MAX_REASON
