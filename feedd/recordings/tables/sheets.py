"""File of one table: written row by row, published complete or not at all.

CSV has a header, a newline after each row, an empty field for nil, `true` and `false`, and JSON
text for a nested value. JSON lines have the same keys in the same order, with nested values as they
are. Numbers have the fewest digits that read back as the same float64.
"""

from __future__ import annotations

import contextlib
import csv
import os
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import IO

    from feedd.recordings.tables.columns import Table
    from feedd.recordings.tables.rows import Row


class Sheet(Protocol):
    """Writer of a table's rows. Every method may raise OSError."""

    def write(self, rows: list[Row]) -> None:
        """Add rows."""

    def close(self) -> None:
        """Write the buffered rows and complete the file."""


class CsvSheet:
    """CSV as in RFC 4180, except that lines end in LF."""

    def __init__(self, file: IO[bytes], table: Table) -> None:
        self._file = _Text(file)
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._writer.writerow([column.name for column in table.columns])
        texts: dict[str, Callable[[Any], str]] = {"truth": _truth, "levels": _levels}
        self._texts = [
            (place, texts[column.type])
            for place, column in enumerate(table.columns)
            if column.type in texts
        ]

    def write(self, rows: list[Row]) -> None:
        """Add rows."""
        if not self._texts:
            self._writer.writerows(rows)
            return
        for row in rows:
            fields = list(row)
            for place, text in self._texts:
                if fields[place] is not None:
                    fields[place] = text(fields[place])
            self._writer.writerow(fields)

    def close(self) -> None:
        """Do nothing: no rows are buffered."""


class JsonLinesSheet:
    """JSON lines: one object per line."""

    def __init__(self, file: IO[bytes], table: Table) -> None:
        self._file = file
        self._names = [column.name for column in table.columns]
        self._json = [
            column.name for column in table.columns if column.type == "json"
        ]  # fmt: skip

    def write(self, rows: list[Row]) -> None:
        """Add rows."""
        lines = []
        for row in rows:
            keys = dict(zip(self._names, row, strict=True))
            for name in self._json:
                if keys[name] is not None:
                    keys[name] = msgspec.Raw(keys[name].encode())
            lines.append(keys)
        self._file.write(_encode_lines(lines))

    def close(self) -> None:
        """Do nothing: no rows are buffered."""


class SheetFile:
    """A sheet under a temporary name, until `publish` renames it to the table's."""

    def __init__(self, path: Path, table: Table, make: Callable[[IO[bytes], Table], Sheet]) -> None:
        self.path = path
        self.rows = 0
        self._draft = path.with_name(f".{path.name}.{os.getpid()}")
        self._file = self._draft.open("wb")
        self._sheet = make(self._file, table)

    def write(self, rows: list[Row]) -> None:
        """Add rows."""
        self._sheet.write(rows)
        self.rows += len(rows)

    def finish(self) -> None:
        """Complete the file under its temporary name."""
        self._sheet.close()
        self._file.close()

    def publish(self) -> None:
        """Rename the finished file; replace an existing one."""
        self._draft.replace(self.path)

    def discard(self) -> None:
        """Remove the temporary file, if it was not published."""
        if not self._file.closed:
            # A discarded file need not be complete, but a Parquet writer must be closed, and raises
            # ValueError for a file that it could not write to.
            with contextlib.suppress(OSError, ValueError):
                self._sheet.close()
            with contextlib.suppress(OSError):
                self._file.close()
        self._draft.unlink(missing_ok=True)


class _Text:
    """Text file for `csv.writer`: UTF-8 into a binary file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._write = file.write

    def write(self, text: str) -> int:
        return self._write(text.encode())


def _truth(value: bool) -> str:
    return "true" if value else "false"


def _levels(value: list[tuple[float, float]]) -> str:
    return msgspec.json.encode(value).decode()


_encode_lines = msgspec.json.Encoder().encode_lines
