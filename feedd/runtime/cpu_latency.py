"""Keep the machine's CPUs awake: an idle CPU takes some 30 µs to wake up for a message.

https://docs.kernel.org/power/pm_qos_interface.html: as long as a process has /dev/cpu_dma_latency
open and has written 0 to it, no CPU enters an idle state with a wake-up latency.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Iterator

DEVICE = "/dev/cpu_dma_latency"
NO_LATENCY = bytes(4)  # µs, as a 32-bit number

_log = structlog.get_logger()


@contextlib.contextmanager
def cpus_awake(device: str = DEVICE) -> Iterator[None]:
    """Keep CPUs out of idle states in the context; log a warning if the system refuses."""
    try:
        descriptor = os.open(device, os.O_WRONLY | os.O_CLOEXEC)
    except OSError as error:
        _log.warning(
            "the CPUs can't be kept awake: may this user write the device?",
            device=device, why=error.strerror,
        )  # fmt: skip
        yield
        return
    try:
        os.write(descriptor, NO_LATENCY)
        _log.info("the CPUs are kept awake", device=device)
        yield
    finally:
        os.close(descriptor)
