"""Fields of a payload that a time shift changes, and no others."""

from __future__ import annotations

import msgspec
import samples

from feedd.codec import decode
from feedd.recordings.replay.time_shift import PASS_MS, TimeShift, with_raised_session

NOW_NS = samples.BEGUN_NS + 86_400 * 10**9 + 123_456
SHIFT_MS = 86_400_000


def moved(
    record: samples.BlockRecord, mover: TimeShift | None = None, now_ns: int = NOW_NS
) -> dict:  # type: ignore[type-arg]
    mover = mover or TimeShift(SHIFT_MS)
    return decode(mover.shifted(record.topic, record.payload, 0, now_ns))


def test_a_further_pass_raises_the_session_and_changes_no_other_byte() -> None:
    record = samples.quote(3, 10)
    was, now = decode(record.payload), decode(with_raised_session(record.payload, 2))
    assert now == {**was, "session": was["session"] + 2 * PASS_MS}
    assert list(now) == list(was)
    assert with_raised_session(record.payload, 0) == record.payload


def test_latencies_stay_and_published_is_now() -> None:
    record = samples.quote(3, 10)
    was, now = decode(record.payload), moved(record)
    assert now["published_ns"] == NOW_NS
    assert now["published_ns"] - now["received_ns"] == was["published_ns"] - was["received_ns"]
    assert now["timestamp"] - was["timestamp"] == (NOW_NS - was["published_ns"]) // 1_000_000
    untouched = was.keys() - {"published_ns", "received_ns", "timestamp", "session"}
    assert {key: now[key] for key in untouched} == {key: was[key] for key in untouched}
    assert list(now) == list(was)


def test_the_session_is_moved_by_the_same_for_all_its_messages() -> None:
    mover = TimeShift(SHIFT_MS)
    sessions = {moved(samples.quote(n, n), mover, NOW_NS + n * n)["session"] for n in range(1, 9)}
    assert sessions == {samples.SESSION + SHIFT_MS}


def test_a_datetime_equals_the_timestamp() -> None:
    now = moved(samples.ticker(1, 0), now_ns=samples.BEGUN_NS + 86_400 * 10**9)
    assert now["datetime"] == "2025-11-26T13:00:00.000Z"
    assert now["timestamp"] == samples.BEGUN_NS // 1_000_000 + SHIFT_MS


def test_one_candle_stays_one_candle() -> None:
    mover = TimeShift(SHIFT_MS)
    opens = [
        moved(samples.candle(n, n * 1000, open_time), mover, NOW_NS + n * 1_700_000_000)[
            "open_time"
        ]
        for n, open_time in ((1, 60_000), (2, 60_000), (3, 120_000), (4, 120_000))
    ]
    assert opens[0] == opens[1] < opens[2] == opens[3]


def test_the_next_funding_is_moved_and_a_missing_one_stays_missing() -> None:
    record = samples.mark(1, 0, 1_764_086_400_000)
    by_ms = (NOW_NS - samples.BEGUN_NS) // 1_000_000
    assert moved(record)["next_funding"] == 1_764_086_400_000 + by_ms
    nothing = record._replace(
        payload=msgspec.msgpack.encode({**decode(record.payload), "next_funding": None})
    )
    assert moved(nothing)["next_funding"] is None


def test_a_status_keeps_what_is_no_time() -> None:
    record = samples.status(4, 3000, 9)
    was, now = decode(record.payload), moved(record)
    changed = {key for key in was if was[key] != now[key]}
    assert changed == {"published_ns", "received_ns", "timestamp", "session"}


def test_unknown_keys_stay_in_their_place() -> None:
    record = samples.quote(1, 0)
    payload = msgspec.msgpack.encode({"new": [1, {"a": None}], **decode(record.payload), "z": "ü"})
    now = moved(record._replace(payload=payload))
    assert [*now][:: len(now) - 1] == ["new", "z"]
    assert (now["new"], now["z"]) == ([1, {"a": None}], "ü")


def test_a_foreign_payload_stays_unchanged() -> None:
    assert TimeShift(1).shifted(b"t", b"\xc1", 0, NOW_NS) == b"\xc1"
    assert with_raised_session(b"\xc1", 1) == b"\xc1"
