"""What libraries and Python itself have to say: lines of the log, not of standard error."""

from __future__ import annotations

import logging
import sys
import threading
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_log = structlog.get_logger()


def capture() -> None:
    """Log warnings and above of standard logging, `warnings`, threads and finalizers."""
    logging.raiseExceptions = False  # it would say on standard error what is wrong with a record
    logging.captureWarnings(capture=True)
    root = logging.getLogger()
    root.handlers = [_ToStructlog(logging.WARNING)]
    threading.excepthook = _log_thread_error
    sys.unraisablehook = _log_unraisable


class _ToStructlog(logging.Handler):
    """Hands records on, each with the name of its logger."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001  arguments that don't fit their text: logging's callers err
            text = f"{record.msg} {record.args}"
        log = _log.error if record.levelno >= logging.ERROR else _log.warning
        log(text, logger=record.name, exc_info=record.exc_info)


def _log_thread_error(error: threading.ExceptHookArgs) -> None:
    name = error.thread.name if error.thread is not None else None
    _log.error("a thread has failed", thread=name, exc_info=error.exc_value)


def _log_unraisable(error: UnraisableHookArgs) -> None:
    what = error.err_msg or "ignored"
    _log.error("an error that nobody can catch", what=what, exc_info=error.exc_value)
