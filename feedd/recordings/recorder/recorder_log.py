"""Where the recorder says what happens: the log of a worker, or a person's standard error."""

from __future__ import annotations

from typing import Any, Protocol


class RecorderLog(Protocol):
    """What structlog's loggers are."""

    def info(self, event: str, **fields: Any) -> Any:
        """Say what is as it should be."""

    def warning(self, event: str, **fields: Any) -> Any:
        """Say what somebody may want to know."""

    def error(self, event: str, **fields: Any) -> Any:
        """Say what somebody has to see to."""
