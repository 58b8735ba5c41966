"""Log messages of libraries and of Python itself, instead of printing them."""

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
    logging.raiseExceptions = False  # it would print faulty records on standard error
    logging.captureWarnings(capture=True)
    root = logging.getLogger()
    root.handlers = [_ToStructlog(logging.WARNING)]
    threading.excepthook = _log_thread_error
    sys.unraisablehook = _log_unraisable


class _ToStructlog(logging.Handler):
    """Forwards records, each with the name of its logger."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001  a caller's arguments may not fit its text
            text = f"{record.msg} {record.args}"
        log = _log.error if record.levelno >= logging.ERROR else _log.warning
        log(text, logger=record.name, exc_info=record.exc_info)


def _log_thread_error(error: threading.ExceptHookArgs) -> None:
    name = error.thread.name if error.thread is not None else None
    _log.error("a thread has failed", thread=name, exc_info=error.exc_value)


def _log_unraisable(error: UnraisableHookArgs) -> None:
    what = error.err_msg or "ignored"
    _log.error("an error that can't be caught", what=what, exc_info=error.exc_value)
