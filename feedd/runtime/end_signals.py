"""End of a command by a signal, with the clean-up of what it has started."""

from __future__ import annotations

import ctypes
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from types import FrameType

PR_SET_PDEATHSIG = 1  # linux/prctl.h
END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def exit_on_signals() -> None:
    """Raise SystemExit in the main thread at the first SIGINT, SIGTERM or SIGHUP.

    So `with` and `finally` end processes and remove folders; further signals do not interrupt them.
    SIGHUP stays ignored where it is, as by nohup.
    """
    for number in END_SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _exit)


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends: a `preexec_fn`. Linux only."""
    if _prctl is not None:
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


# Looked up here: little is safe between fork and exec.
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


def _exit(number: int, _frame: FrameType | None) -> NoReturn:
    for other in END_SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    raise SystemExit(128 + number)  # as a shell reports it
