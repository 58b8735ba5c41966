"""Clocks and times."""

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedd.clock import Clock, from_iso8601, iso8601


def test_a_scaled_clock_runs_faster_and_an_unscaled_one_is_the_machines() -> None:
    fast = Clock(scale=1000.0)
    wall_ns, mono_s = fast.now_ns(), fast.monotonic_s()
    time.sleep(0.02)
    assert fast.now_ns() - wall_ns >= 20 * 10**9
    assert fast.monotonic_s() - mono_s >= 20
    before_ns = time.time_ns()
    assert before_ns <= Clock().now_ns() <= time.time_ns()
    with pytest.raises(ValueError, match="above 0"):
        Clock(scale=0)


def test_time_is_written_with_its_milliseconds_in_utc() -> None:
    assert iso8601(1723161256299) == "2024-08-08T23:54:16.299Z"
    assert iso8601(1723161256000) == "2024-08-08T23:54:16.000Z"


@given(st.lists(st.integers(0, 253_402_300_799_998), max_size=40))
def test_time_is_written_as_pythons_own_datetime_writes_it(times_ms: list[int]) -> None:
    for time_ms in times_ms:
        for at in (time_ms, time_ms + 1):  # of one second, mostly
            expected = datetime.fromtimestamp(at // 1000, UTC).replace(microsecond=at % 1000 * 1000)
            assert iso8601(at) == expected.isoformat(timespec="milliseconds")[:-6] + "Z"


@pytest.mark.parametrize(
    ("text", "at_ms"),
    [("2026-08-09T21:05:48.228568804Z", 1786309548228), ("2021-04-17T16:48:52Z", 1618678132000),
     ("2023-10-06T17:35:55.9999Z", 1696613755999), ("2023-10-06T19:35:55.5+02:00", 1696613755500)],
)  # fmt: skip
def test_a_text_is_a_time_in_ms(text: str, at_ms: int) -> None:
    assert from_iso8601(text) == at_ms


@pytest.mark.parametrize("text", ["2023-10-06T17:35:55", "now", "", "2023-13-06T17:35:55Z"])
def test_another_text_is_not_a_time(text: str) -> None:
    with pytest.raises(ValueError, match="month" if "13" in text else text or "Invalid"):
        from_iso8601(text)
