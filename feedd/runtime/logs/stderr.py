"""Standard error: under supervisord a pipe, which fills up if supervisord does not read it."""

from __future__ import annotations

import contextlib
import os
import traceback
from typing import TYPE_CHECKING

from feedd.runtime import secrets

if TYPE_CHECKING:
    from types import TracebackType

STDOUT, STDERR = 1, 2


def set_nonblocking() -> None:
    """Make writes to standard output and error fail instead of blocking.

    Only for a process with its own pipes: a terminal is shared with the shell, whose reads and
    writes would fail, too.
    """
    for descriptor in (STDOUT, STDERR):
        with contextlib.suppress(OSError):
            os.set_blocking(descriptor, False)


def write_line(text: str) -> None:
    """Write a redacted line; drop what the pipe does not accept."""
    with contextlib.suppress(OSError):
        write(f"{secrets.redact(text)}\n".encode(errors="replace"))


def write(line: bytes) -> None:
    """Write a whole line; raise OSError if it can't be written."""
    while line:
        line = line[os.write(STDERR, line) :]


def report_exception(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Write an uncaught exception: a `sys.excepthook` that redacts and never blocks."""
    write_line("".join(traceback.format_exception(kind, error, trace)).rstrip("\n"))
