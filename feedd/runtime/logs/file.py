"""A log file of whole lines, rotated by size."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 10_000_000
BACKUPS = 5
DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class LogFile:
    """`path`, and when it would grow beyond `max_bytes` `path.1`, `path.2` … of earlier lines.

    One thread of one process writes it, unbuffered. A file that was moved or removed is created
    again. Raises OSError if it can't be opened, except on a full disk: that may pass.
    """

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES, backups: int = BACKUPS) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._backups = backups
        self._file: int | None = None
        self._size = 0
        self._torn = False  # the file ends inside a line
        try:
            self._open()
        except OSError as error:
            if error.errno not in DISK_FULL:
                raise

    def append(self, line: bytes) -> None:
        """Write a line, which ends with a newline; raise OSError if it can't be written whole.

        A part that was written is cut off again, or else followed by a newline.
        """
        if self._file is not None and not self._in_place(self._file):
            self._close()
        file = self._open() if self._file is None else self._file
        if self._size and self._size + len(line) > self._max_bytes:
            self._rotate()
            file = self._open()
        whole = b"\n" + line if self._torn else line
        written = 0
        try:
            while written < len(whole):
                written += os.write(file, whole[written:])
        except OSError:
            if written:
                self._cut_off(file, written)
            raise
        self._size += written
        self._torn = False

    def close(self) -> None:
        """Close the file; the next line opens it again."""
        self._close()

    def _open(self) -> int:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        self._file = file
        self._size = os.fstat(file).st_size
        self._torn = self._size > 0 and os.pread(file, 1, self._size - 1) != b"\n"
        return file

    def _close(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            self._size = 0
            os.close(file)

    def _in_place(self, file: int) -> bool:
        try:
            return os.path.samestat(os.fstat(file), self._path.stat())
        except FileNotFoundError:
            return False

    def _cut_off(self, file: int, written: int) -> None:
        """Remove the written part of a line."""
        try:
            os.ftruncate(file, os.fstat(file).st_size - written)
        except OSError:
            self._size += written
            self._torn = True

    def _rotate(self) -> None:
        self._close()
        names = [self._path, *(self._backup(number) for number in range(1, self._backups + 1))]
        for older, newer in zip(names[:0:-1], names[-2::-1], strict=True):
            with contextlib.suppress(FileNotFoundError):
                newer.replace(older)

    def _backup(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")
