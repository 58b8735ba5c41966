"""What a process says that it takes."""

from __future__ import annotations

import time

import psutil
import pytest

from feedd.process import usage_meter


def test_memory_is_what_the_system_says_and_cpu_is_of_the_time_since_the_last_look() -> None:
    usage = usage_meter()
    began_s, cpu_s = time.monotonic(), time.process_time()
    while time.process_time() - cpu_s < 0.2:
        pass
    percent, memory_mb = usage()
    passed_s = time.monotonic() - began_s
    assert percent == pytest.approx(100 * 0.2 / passed_s, rel=0.3)
    assert memory_mb == pytest.approx(psutil.Process().memory_info().rss / 1e6, rel=0.1)
    time.sleep(0.3)
    assert usage()[0] < percent / 2
