"""Memory and CPU that a process reports."""

from __future__ import annotations

import time

import psutil
import pytest

from feedd.runtime.process import usage_meter


def test_memory_is_the_systems_figure_and_cpu_covers_the_time_since_the_last_read() -> None:
    began_s, began_cpu_s = time.monotonic(), time.process_time()
    usage = usage_meter()
    began = time.monotonic(), time.process_time()
    while time.process_time() - began_cpu_s < 0.2:
        pass
    # A busy machine may stop this process anywhere in between: the truth lies between two.
    looking_s, looking_cpu_s = time.monotonic(), time.process_time()
    percent, memory_mb = usage()
    looked_s, looked_cpu_s = time.monotonic(), time.process_time()
    least = 100 * (looking_cpu_s - began[1]) / (looked_s - began_s)
    most = 100 * (looked_cpu_s - began_cpu_s) / (looking_s - began[0])
    assert 0.85 * least < percent < 1.15 * most
    assert memory_mb == pytest.approx(psutil.Process().memory_info().rss / 1e6, rel=0.1)
    time.sleep(0.3)
    at_least_s = time.monotonic() - looked_s
    cpu_s = time.process_time() - looking_cpu_s
    assert usage()[0] <= 100 * (cpu_s + 0.02) / at_least_s
