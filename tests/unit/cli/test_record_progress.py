"""Progress of `feedd record`."""

from __future__ import annotations

import msgspec

from feedd.cli.record import progress_line, result_line
from feedd.recordings.recorder.recorder_status import RecorderStatus
from feedd.runtime.recent_rate import RecentRate

S = 1_000_000_000
STATUS = RecorderStatus(
    pid=1, at_ns=85 * S, since_ns=0, dir="day", messages=3907, messages_per_s=21.0, bytes=230_000,
    lost=0, failing=None,
)  # fmt: skip


def test_the_last_line_has_the_mean_rate() -> None:
    assert result_line(STATUS) == "3,907 records, 46 a second on average, 0.2 MB to day in 85 s"


def test_progress_has_the_rate_of_the_last_seconds() -> None:
    line = progress_line(msgspec.structs.replace(STATUS, lost=2))
    assert line == "3,907 records, 21 a second now, 0.2 MB to day in 85 s, 2 lost"


def test_a_rate_covers_the_last_seconds_however_close_the_reports_are() -> None:
    rate = RecentRate()
    rate.per_s(100.0, 0)
    for second in range(1, 31):
        rate.per_s(100.0 + second, 50 * second)
    assert 45 < rate.per_s(130.0001, 1500) < 51
    for second in range(31, 41):
        last = rate.per_s(100.0 + second, 1500)
    assert last == 0.0


def test_the_first_rate_is_since_the_first_report() -> None:
    rate = RecentRate()
    assert rate.per_s(100.0, 20) == 0.0
    assert rate.per_s(100.5, 40) == 40.0
