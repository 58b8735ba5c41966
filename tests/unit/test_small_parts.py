"""Back-off, latencies, sessions' numbers, clocks and exit codes."""

import errno
import random
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedd.clock import Clock
from feedd.errors import FINAL_EXIT_CODES, ConfigError
from feedd.feed.latency import Histogram
from feedd.runtime.files import next_session
from feedd.sources.base import Backoff


def test_backoff_doubles_up_to_its_cap_with_jitter() -> None:
    backoff = Backoff(first_s=1.0, cap_s=8.0, rng=random.Random(1))
    waits = [backoff.next_s() for _ in range(10)]
    for wait, ceiling in zip(waits, [1, 2, 4, 8, 8, 8, 8, 8, 8, 8], strict=True):
        assert ceiling / 2 <= wait <= ceiling
    assert len(set(waits)) == len(waits)
    backoff.reset()
    assert backoff.next_s() <= 1.0


def test_backoff_waits_as_long_as_it_was_asked_to_once_and_up_to_its_cap() -> None:
    backoff = Backoff(first_s=1.0, cap_s=30.0)
    backoff.at_least(20.0)
    backoff.at_least(10.0)
    assert 20.0 <= backoff.next_s() <= 22.0
    assert backoff.next_s() <= 2.0
    backoff.at_least(600.0)
    assert 30.0 <= backoff.next_s() <= 33.0
    backoff.at_least(20.0)
    backoff.reset()
    assert backoff.next_s() <= 1.0


def test_backoff_never_overflows() -> None:
    backoff = Backoff()
    assert all(backoff.next_s() <= 30.0 for _ in range(5000))


@given(st.lists(st.integers(0, 3_000_000_000_000), min_size=1, max_size=300))
def test_a_percentile_is_within_an_eighth_of_the_truth(latencies_ns: list[int]) -> None:
    histogram = Histogram()
    for latency_ns in latencies_ns:
        histogram.add(latency_ns)
    taken = histogram.take()
    ordered = sorted(latency_ns // 1000 for latency_ns in latencies_ns)
    truth = ordered[max(0, -(-len(ordered) // 2) - 1)]
    assert taken.p50 == pytest.approx(truth, rel=0.125, abs=1)
    assert taken.max == ordered[-1]
    assert histogram.take().p50 is None


def test_a_latency_below_zero_or_beyond_an_hour_is_counted_at_the_end() -> None:
    histogram = Histogram()
    histogram.add(-5_000_000_000)
    assert histogram.take().max == 0
    histogram.add(10**18)
    assert histogram.take().max == 3_600_000_000


def test_a_session_grows_even_when_the_clock_was_set_back(tmp_path: Path) -> None:
    path = tmp_path / "sessions" / "feed"
    first = next_session(path, 1000)
    second = next_session(path, 400)
    third = next_session(path, 5000)
    assert first < second < third == 5000


def test_a_torn_session_file_does_not_stop_a_worker(tmp_path: Path) -> None:
    path = tmp_path / "feed"
    path.write_text("12x")
    assert next_session(path, 7) == 7


def test_a_full_disk_stops_no_session_and_leaves_no_draft_and_a_lack_of_permission_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "feed"
    number = next_session(path, 1000)
    code = errno.ENOSPC

    def refuse(draft: Path, _data: bytes) -> int:
        draft.touch()
        raise OSError(code, "refused")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    assert next_session(path, 2000) == 2000
    assert path.read_text() == str(number)
    assert list(tmp_path.iterdir()) == [path]
    code = errno.EACCES
    with pytest.raises(ConfigError, match="refused"):
        next_session(path, 3000)


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


def test_final_exit_codes_are_those_of_sysexits() -> None:
    assert FINAL_EXIT_CODES == (65, 69, 77, 78)
