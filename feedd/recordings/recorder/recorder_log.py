"""Log interface of the recorder: a worker's log, or standard error of `feedd record`."""

from __future__ import annotations

from typing import Any, Protocol


class RecorderLog(Protocol):
    """The part of structlog's interface that the recorder uses."""

    def info(self, event: str, **fields: Any) -> Any:
        """Log normal operation."""

    def warning(self, event: str, **fields: Any) -> Any:
        """Log a recovered or minor problem."""

    def error(self, event: str, **fields: Any) -> Any:
        """Log a problem that needs attention."""
