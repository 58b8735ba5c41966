"""Structured logs: one JSON object a line, one file per process, nothing on standard output."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import structlog

if TYPE_CHECKING:
    from structlog.typing import EventDict, WrappedLogger

LOG_SUFFIX = ".log"
BOUND = ("process", "exchange", "symbol", "session")  # on every line of who has them


def configure(log_dir: Path | None, process: str, **bound: Any) -> structlog.stdlib.BoundLogger:
    """Send this process's log to `<log_dir>/<process>.log`, or to standard error without one.

    `bound` stands on every line. Raises OSError where the file can't be opened.
    """
    if log_dir is None:
        stream = sys.stderr.buffer
    else:
        log_dir.mkdir(parents=True, exist_ok=True)
        stream = Path(log_dir, process + LOG_SUFFIX).open("ab", buffering=0)  # noqa: SIM115
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _ordered,
            structlog.processors.JSONRenderer(serializer=_dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        logger_factory=structlog.BytesLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process, **bound)
    logger: structlog.stdlib.BoundLogger = structlog.get_logger()
    return logger


def _ordered(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Put when, how grave and what first, and whose line it is last: people read them too."""
    first = {key: event.pop(key) for key in ("timestamp", "level", "event")}
    last = {key: event.pop(key) for key in BOUND if key in event}
    return {**first, **event, **last}


def _dumps(event: EventDict, **_: Any) -> bytes:
    return orjson.dumps(event, default=str)
