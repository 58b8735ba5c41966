"""Standard error: under supervisord a pipe, which is full when supervisord does not read it."""

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
    """Have writes to standard output and error fail where they would wait.

    For a process whose pipes are its own: a terminal is shared with the shell, which would see
    its own reads and writes fail.
    """
    for descriptor in (STDOUT, STDERR):
        with contextlib.suppress(OSError):
            os.set_blocking(descriptor, False)


def write_line(text: str) -> None:
    """Write a line for a person, blanked; what the pipe does not take is lost."""
    with contextlib.suppress(OSError):
        write(f"{secrets.redact(text)}\n".encode(errors="replace"))


def write(line: bytes) -> None:
    """Write all of a line; raise OSError where it can't be."""
    while line:
        line = line[os.write(STDERR, line) :]


def report_exception(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Say why Python ends: a `sys.excepthook` that blanks and never blocks."""
    write_line("".join(traceback.format_exception(kind, error, trace)).rstrip("\n"))
