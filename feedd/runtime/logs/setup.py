"""Structured logs: one JSON object a line, one file per process, nothing on standard output."""

from __future__ import annotations

import atexit
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import structlog

from feedd.clock import Clock
from feedd.runtime import secrets
from feedd.runtime.logs import stderr
from feedd.runtime.logs.file import LogFile
from feedd.runtime.logs.repeats import RepeatFilter
from feedd.runtime.logs.writer import LogWriter

if TYPE_CHECKING:
    from structlog.typing import EventDict, WrappedLogger

LOG_SUFFIX = ".log"
BOUND = ("process", "exchange", "symbol", "session")  # on every line; null where not known

_bound: dict[str, Any] = dict.fromkeys(BOUND)
_timestamp = structlog.processors.TimeStamper(fmt="iso", utc=True)


def configure(log_dir: Path | None, process: str, **bound: Any) -> structlog.stdlib.BoundLogger:
    """Send this process's log to `<log_dir>/<process>.log`, or to standard error without one.

    `bound` is on every line. Raises OSError if the file can't be opened.
    """
    secrets.register(os.environ)
    bind(**{**dict.fromkeys(BOUND), "process": process, **bound})
    write = stderr.write if log_dir is None else LogFile(Path(log_dir, process + LOG_SUFFIX)).append
    clock = Clock()
    repeats = RepeatFilter(clock)
    writer = LogWriter(write, render, repeats.summaries, clock)
    atexit.register(writer.close)
    structlog.configure(
        processors=[repeats, _render],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        logger_factory=lambda *_: _Lines(writer),
        cache_logger_on_first_use=True,
    )
    logger: structlog.stdlib.BoundLogger = structlog.get_logger()
    return logger


def bind(**bound: Any) -> None:
    """Add these keys to every line from now on, from any thread or task."""
    _bound.update(bound)


def render(level: str, event: EventDict) -> bytes:
    """Return the line of an event, in the common form and order."""
    return _render(None, level, event)


class _Lines:
    """A logger for structlog: one method per level."""

    def __init__(self, writer: LogWriter) -> None:
        self.debug = self.info = self.warning = self.error = self.critical = writer.put


def _render(logger: WrappedLogger, level: str, event: EventDict) -> bytes:
    """Put time, level and event first, and the bound keys last, for people who read the file.

    Redaction comes last, so that nothing bypasses it.
    """
    event = _timestamp(logger, level, event)
    event = structlog.processors.format_exc_info(logger, level, event)
    first = {"timestamp": event.pop("timestamp"), "level": level, "event": event.pop("event", None)}
    last = {key: event.pop(key, bound) for key, bound in _bound.items()}
    return secrets.redact_line(_dumps({**first, **event, **first, **last})) + b"\n"


def _dumps(event: EventDict) -> bytes:
    try:
        return orjson.dumps(event, default=str)
    except orjson.JSONEncodeError:  # a key that is not text, a lone surrogate, a number too large
        safe = {_safe(key): _safe(value) for key, value in event.items()}
        return orjson.dumps(safe, default=str)


def _safe(value: Any) -> Any:
    try:
        orjson.dumps(value, default=str)
    except orjson.JSONEncodeError:
        return repr(value)
    return value
