"""Pauses between reports on the health."""

from __future__ import annotations

import pytest

from feedd.gateway.health_poll import LARGEST_SHARE, LONGEST_PAUSE_S, POLL_EVERY_S, pause_s


@pytest.mark.parametrize(
    ("passed_s", "cpu_s", "pause"),
    [
        (0.2, 0.01, POLL_EVERY_S - 0.2),
        (0.5, 0.06, 0.06 / LARGEST_SHARE - 0.5),  # many processes
        (8.0, 5.0, LONGEST_PAUSE_S),
        (8.0, 0.01, 0.1),  # it waited long, at no cost
    ],
)
def test_a_report_that_took_more_cpu_is_followed_by_a_longer_pause_up_to_a_bound(
    passed_s: float, cpu_s: float, pause: float
) -> None:
    assert pause_s(passed_s, cpu_s) == pytest.approx(pause)
