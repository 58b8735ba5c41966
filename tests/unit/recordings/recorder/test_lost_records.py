"""Report of records that did not fit on the disk."""

from __future__ import annotations

import msgspec
from unit.client.simulated import FEED, QUOTE, TRADE, quote, trade

from feedd.client.events import Gap, NewSession, Notice, StateChange
from feedd.recordings.format.block_records import LIVE, NOTICE, SNAPSHOT
from feedd.recordings.recorder import lost_records
from feedd.recordings.recorder.lost_records import LostRecords

WHY = "No space left on device"
REASON = f"the recorder could not write: {WHY}"


def lost(*records: tuple[bytes, bytes] | Notice) -> list[Notice]:
    """Return the report of frames and notices that are one ns apart."""
    summary = LostRecords(WHY, 0)
    for ns, one in enumerate(records, 1):
        if isinstance(one, tuple):
            summary.add(ns, LIVE, *one)
        else:
            payload = msgspec.msgpack.encode(one)
            summary.add(ns, NOTICE, type(one).__name__.encode(), payload)
    return summary.notices()[1:]


def test_each_topic_and_session_is_one_gap_from_its_first_to_its_last() -> None:
    told = lost(quote(5), trade(1), quote(6), quote(7), quote(1, session=2), quote(2, session=2))
    assert told == [
        Gap(QUOTE, 1, 5, 7, REASON), Gap(TRADE, 1, 1, 1, REASON), Gap(QUOTE, 2, 1, 2, REASON),
    ]  # fmt: skip


def test_a_gap_among_them_belongs_to_what_is_lost() -> None:
    assert lost(quote(5), Gap(QUOTE, 1, 6, 9, "not repaired")) == [Gap(QUOTE, 1, 5, 9, REASON)]


def test_other_notices_are_recorded_and_delivered() -> None:
    notices = [NewSession(FEED, 1, 2), StateChange(FEED, "stale", "silent")]
    assert lost(notices[0], quote(1, session=2), notices[1]) == [
        *notices, Gap(QUOTE, 2, 1, 1, REASON),
    ]  # fmt: skip


def test_the_first_notice_has_the_count_and_the_time_range() -> None:
    summary = LostRecords(WHY, 0)
    second = 1_000_000_000
    summary.add(1_700_000_000 * second, LIVE, *quote(1))
    summary.add(1_700_000_003 * second, SNAPSHOT, *quote(2))
    told = summary.notices()[0]
    assert told == StateChange(
        "", "unwritten", "2 records from 2023-11-14T22:13:20.000Z to 2023-11-14T22:13:23.000Z "
        f"could not be written: {WHY}",
    )  # fmt: skip


def test_losses_beyond_the_bounds_are_counted() -> None:
    many = [quote(1, symbol=f"A{n}/B") for n in range(lost_records.MAX_RANGES + 3)]
    notices = [StateChange(FEED, "stale", str(n)) for n in range(lost_records.MAX_NOTICES + 2)]
    summary = LostRecords(WHY, 0)
    for frames in many:
        summary.add(1, LIVE, *frames)
    for told in notices:
        summary.add(1, NOTICE, b"StateChange", msgspec.msgpack.encode(told))
    summary.add(1, LIVE, b"quote.x.y.", b"no MessagePack")
    assert summary.beyond == 3 + 2 + 1
    assert len(summary.notices()) == 1 + lost_records.MAX_RANGES + lost_records.MAX_NOTICES
    assert "6 of them are in no range" in summary.text
