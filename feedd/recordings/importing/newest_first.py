"""Tables whose newest row is first, read from their end."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from feedd.errors import ConfigError
from feedd.recordings.importing.times import Times

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    from feedd.recordings.importing.files import InputFile
    from feedd.recordings.importing.table_rows import TableRows

ROWS_AT_MOST = 600_000  # in memory: a year of minutes
ROWS_LOOKED_AT = 1000


class NewestFirst:
    """Rows of a table in reverse. Raises ConfigError for more than ROWS_AT_MOST."""

    def __init__(self, file: InputFile, rows: TableRows) -> None:
        self.header = rows.header
        self.left_out: Counter[str] = rows.left_out
        self._rows = list(islice(rows.read(), ROWS_AT_MOST + 1))
        if len(self._rows) > ROWS_AT_MOST:
            raise ConfigError(
                f"{file}: its newest row is first, and it has more than {ROWS_AT_MOST:,} rows; "
                "reverse it (tac), with the header in front"
            )
        self._rows.reverse()
        self.first = self._rows[0][1]

    def read(self) -> Iterator[tuple[int | str, list[str]]]:
        """Yield the rows, the oldest first, each with its place in the file."""
        yield from self._rows


def is_newest_first(rows: TableRows, time_at: int, symbol_at: int | None) -> bool:
    """Whether the first two times of a symbol that differ fall."""
    times = Times()
    before: dict[str, int] = {}
    for _, fields in islice(rows.read(), ROWS_LOOKED_AT):
        symbol = "" if symbol_at is None else fields[symbol_at]
        try:
            ns = times.of_text(fields[time_at])
        except ValueError:
            return False  # the check of all rows names the fault
        last = before.setdefault(symbol, ns)
        if ns != last:
            return ns < last
    return False
