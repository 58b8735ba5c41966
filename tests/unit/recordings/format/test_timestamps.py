"""Times as people give them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from feedd.errors import ConfigError
from feedd.recordings.format.timestamps import as_ns, iso, parse_time

BEGUN_NS = 1_795_651_199_123_456_789  # 2026-11-25T23:59:59.123456789Z
ONE_O_CLOCK = 1_795_611_600_000_000_000  # 2026-11-25T13:00:00Z


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("2026-11-25T13:00:00Z", ONE_O_CLOCK),
        ("2026-11-25T13:00:00", ONE_O_CLOCK),
        ("2026-11-25 13:00", ONE_O_CLOCK),
        ("2026-11-25t13:00z", ONE_O_CLOCK),
        ("2026-11-25T14:30:00+01:30", ONE_O_CLOCK),
        ("2026-11-25T13:00:00.5Z", ONE_O_CLOCK + 500_000_000),
        ("2026-11-25T13:00:00.000000001Z", ONE_O_CLOCK + 1),
        ("2026-11-25", ONE_O_CLOCK - 13 * 3600 * 10**9),
        ("13:00", ONE_O_CLOCK),
        (" 13:00:00 ", ONE_O_CLOCK),
        ("13:00:00.25", ONE_O_CLOCK + 250_000_000),
        ("15:00+02:00", ONE_O_CLOCK),
        ("1969-12-31T23:59:59.75Z", -250_000_000),
    ],
)
def test_a_time_is_read_to_the_nanosecond(text: str, ns: int) -> None:
    assert parse_time(text, BEGUN_NS) == ns
    assert as_ns(text, BEGUN_NS) == ns


@pytest.mark.parametrize(
    "text",
    [
        "", "now", "13", "1:00", "13:00:00.", "13:00.5", "13:00:00.1234567890", "24:00", "25:00",
        "2026-11-25T", "2026-02-30T13:00", "2026-11-25T13:00+25:00", "0000-01-01T00:00",
        "20261125", "2026-W48-3", "2026-11-25Z", "2026-11-2513:00", "1795611600",
        "2026-11-25T13:00:00Z junk", "１３:00",  # noqa: RUF001  digits, but not ASCII
    ],
)  # fmt: skip
def test_anything_else_is_one_clear_error(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a time: give 2026-11-25T13:00:00Z, or 13:00 on"):
        parse_time(text, BEGUN_NS)


def test_a_program_may_give_datetimes_and_ns() -> None:
    one = datetime(2026, 11, 25, 13, tzinfo=UTC)
    assert as_ns(one, BEGUN_NS) == ONE_O_CLOCK
    assert as_ns(one.replace(tzinfo=None), BEGUN_NS) == ONE_O_CLOCK
    there = one.astimezone(timezone(timedelta(hours=-5)))
    assert as_ns(there + timedelta(microseconds=3), BEGUN_NS) == ONE_O_CLOCK + 3000
    assert as_ns(ONE_O_CLOCK + 7, BEGUN_NS) == ONE_O_CLOCK + 7
    assert as_ns(None, BEGUN_NS) is None


@pytest.mark.parametrize("given", [ONE_O_CLOCK // 10**9, ONE_O_CLOCK // 10**6, ONE_O_CLOCK // 1000])
def test_seconds_ms_and_us_are_not_taken_for_ns(given: int) -> None:
    with pytest.raises(ConfigError, match="give ns since the epoch, not s, ms or µs"):
        as_ns(given, BEGUN_NS)


@pytest.mark.parametrize("given", [1.5, True, b"13:00", object()])
def test_other_things_are_no_times(given: object) -> None:
    with pytest.raises(ConfigError, match="is not a time"):
        as_ns(given, BEGUN_NS)  # type: ignore[arg-type]


def test_a_time_is_written_as_it_is_read() -> None:
    assert iso(BEGUN_NS) == "2026-11-25T23:59:59.123Z"
    assert iso(BEGUN_NS, 0) == "2026-11-25T23:59:59Z"
    assert parse_time(iso(BEGUN_NS, 9), 0) == BEGUN_NS
