"""Restarts are counted once each, by the hour and since the start, and survive the watchdog."""

from __future__ import annotations

from pathlib import Path

from feedd.supervision.restarts import FILE, RestartCounts, Restarts, read_counts, write_counts

NOW_S = 1_700_000_000.0


def test_a_start_after_an_end_counts_and_one_after_a_stop_does_not() -> None:
    counts = RestartCounts(daemon=7, since_s=NOW_S)
    assert not counts.started("feed-a", "STOPPED", 1, NOW_S)
    for serial, before in enumerate(("EXITED", "BACKOFF", "FATAL", "UNKNOWN"), start=2):
        assert counts.started("feed-a", before, serial, NOW_S)
    assert counts.processes["feed-a"].total == 4
    assert "feed-b" not in counts.processes


def test_an_event_that_supervisord_sends_again_is_counted_once() -> None:
    counts = RestartCounts(daemon=7, since_s=NOW_S)
    assert counts.started("proxy", "EXITED", 5, NOW_S)
    assert not counts.started("proxy", "EXITED", 5, NOW_S)
    assert counts.processes["proxy"].total == 1


def test_the_last_hour_forgets_and_the_total_does_not() -> None:
    counted = Restarts()
    counted.add(NOW_S)
    counted.add(NOW_S + 1800)
    assert counted.last_hour(NOW_S + 1800) == 2
    assert counted.last_hour(NOW_S + 3700) == 1
    assert counted.last_hour(NOW_S + 9000) == 0
    assert counted.total == 2


def test_a_process_that_restarts_all_day_takes_bounded_memory() -> None:
    counted = Restarts()
    for second in range(0, 86_400, 10):
        counted.add(NOW_S + second)
    assert counted.total == 8640
    assert len(counted.minutes) <= 60
    assert counted.last_hour(NOW_S + 86_400) <= 360


def test_counts_are_of_one_supervisord(tmp_path: Path) -> None:
    path = tmp_path / FILE
    assert read_counts(path, 7) is None
    counts = RestartCounts(daemon=7, since_s=NOW_S)
    counts.started("proxy", "EXITED", 5, NOW_S)
    write_counts(counts, path)
    assert read_counts(path, 7) == read_counts(path, 7, NOW_S + 1) == counts
    assert read_counts(path, 8) is None  # of an earlier one
    assert read_counts(path, 7, NOW_S + 3600) is None  # which had the same pid
    path.write_text("{")
    assert read_counts(path, 7) is None
