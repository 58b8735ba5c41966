"""Real-time scheduling: threads that do not wait for a CPU behind ordinary ones.

A SCHED_RR thread runs before every ordinary thread, whatever their nice values and groups are
(sched(7)). It takes CAP_SYS_NICE or a limit of real-time priority (`ulimit -r`) of 1 or more. The
kernel leaves 5 % of the time to ordinary threads (`sched_rt_runtime_us`), so that a real-time
thread that never sleeps does not block the machine.
"""

from __future__ import annotations

import os

import structlog

PRIORITY = 1  # of 1 to 99: above ordinary threads, below every other real-time thread

_log = structlog.get_logger()


def enter_realtime(*, inherit: bool = False) -> None:
    """Give the calling thread real-time priority, and with `inherit` the threads that it starts.

    Raises OSError if the system refuses.
    """
    policy = os.SCHED_RR if inherit else os.SCHED_RR | os.SCHED_RESET_ON_FORK
    os.sched_setscheduler(0, policy, os.sched_param(PRIORITY))


def realtime_permitted() -> bool:
    """Whether this process may give its threads real-time priority; log a warning if not."""
    try:
        enter_realtime()
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    except (OSError, AttributeError) as error:  # AttributeError: not on Linux
        _log.warning(
            "threads get no real-time priority: allow it with `ulimit -r 1` or LimitRTPRIO=1",
            why=str(error),
        )
        return False
    return True
