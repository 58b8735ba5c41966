"""Rows of a table as texts: CSV and TSV, JSON lines or an array, Parquet.

`header` is None where a CSV file has none. An empty text is a missing value.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from feedd.errors import ConfigError
from feedd.recordings.importing.cell_texts import cell_text
from feedd.recordings.importing.files import NoEventsError, rows, shortened, wrong
from feedd.recordings.importing.raw_texts import array_elements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from feedd.recordings.importing.files import InputFile

DELIMITERS = ",\t;|"
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
ROWS_FOR_KEYS = 1000
OHLCV = ("timestamp", "open", "high", "low", "close", "volume")  # of ccxt's fetchOHLCV


class TableRows(Protocol):
    """A table's header and rows; can be read several times."""

    header: list[str] | None
    first: list[str]  # row
    left_out: Counter[str]  # keys without a column

    def read(self) -> Iterator[tuple[int | str, list[str]]]:
        """Yield each row's place and fields; raise ConfigError for a malformed row."""


class CsvRows:
    """CSV with any of DELIMITERS; raises ConfigError for a file without rows."""

    def __init__(self, file: InputFile) -> None:
        self._file = file
        self.left_out: Counter[str] = Counter()
        first = next((line for line in rows(file) if line.strip()), "")
        self._delimiter = max(DELIMITERS, key=first.count)
        self.header: list[str] | None = None
        self.first: list[str] = []
        for number, (_, fields) in enumerate(self._fields()):
            if number == 0 and not _is_data(fields):
                self.header = [field.strip() for field in fields]
                doubled = [name for name, count in Counter(self.header).items() if count > 1]
                if doubled:
                    raise wrong(file, 1, doubled[0], "the header has it twice; remove one")
                continue
            self.first = fields
            break
        else:
            raise NoEventsError(f"{file}: has no rows; add at least one below the header")

    def read(self) -> Iterator[tuple[int | str, list[str]]]:
        """Yield the rows; raise ConfigError for a row of another length."""
        width = len(self.first if self.header is None else self.header)
        found = self._fields()
        if self.header is not None:
            next(found)
        for number, fields in found:
            if len(fields) != width:
                than = "the header" if self.header is not None else "the first row"
                raise wrong(
                    self._file, number, None, f"has {len(fields)} fields, but {than} has {width}"
                )
            yield number, fields

    def _fields(self) -> Iterator[tuple[int, list[str]]]:
        reader = csv.reader(rows(self._file), delimiter=self._delimiter, strict=True)
        try:
            for fields in reader:
                if fields:
                    yield reader.line_num, fields
        except csv.Error as error:
            raise wrong(self._file, reader.line_num, None, f"is not CSV: {error}") from None


class JsonRows:
    """JSON objects or arrays, a line each or in an array.

    The columns are the keys of the first ROWS_FOR_KEYS objects. Arrays have no header; those of six
    values are ccxt's OHLCV.
    """

    def __init__(self, file: InputFile) -> None:
        self._file = file
        self.left_out: Counter[str] = Counter()
        firsts = [value for _, value in islice(self._values(), ROWS_FOR_KEYS)]
        if not firsts:
            raise ConfigError(f"{file}: has no rows")
        self._width = len(firsts[0]) if isinstance(firsts[0], list) else None
        keys = (key for value in firsts if isinstance(value, dict) for key in value)
        self.header: list[str] | None = list(dict.fromkeys(keys))
        if self._width is not None:
            self.header = list(OHLCV) if self._width == len(OHLCV) else None
        self._known = set(self.header or ())
        _, self.first = next(self.read())
        self.left_out.clear()

    def read(self) -> Iterator[tuple[int | str, list[str]]]:
        """Yield the values of the columns; count other keys in `left_out`."""
        self.left_out.clear()
        if self._width is not None:
            yield from self._arrays(self._width)
            return
        header, known = self.header or [], self._known
        for place, value in self.objects():
            if not known.issuperset(value):
                self.left_out.update(key for key in value if key not in known)
            yield place, [cell_text(value.get(key)) for key in header]

    def objects(self) -> Iterator[tuple[int | str, dict[str, Any]]]:
        """Yield the objects as they are; raise ConfigError for other JSON."""
        for place, value in self._values():
            if not isinstance(value, dict):
                raise wrong(
                    self._file, place, None, f"{shortened(str(value))} is not a JSON object"
                )
            yield place, value

    def _arrays(self, width: int) -> Iterator[tuple[int | str, list[str]]]:
        for place, value in self._values():
            if not isinstance(value, list) or len(value) != width:
                raise wrong(
                    self._file, place, None,
                    f"{shortened(str(value))} is not an array of {width} values, as the first row",
                )  # fmt: skip
            yield place, [cell_text(one) for one in value]

    def _values(self) -> Iterator[tuple[int | str, Any]]:
        lines = rows(self._file)
        first = next((line for line in lines if line.strip()), "")
        decode = msgspec.json.decode
        if first.lstrip().startswith("["):
            elements = array_elements(self._file, chain([first], lines))
            for number, element in enumerate(elements, 1):
                yield f"element {number}", decode(element)
            return
        for number, line in enumerate(rows(self._file), 1):
            if not line.strip():
                continue
            try:
                value = decode(line)
            except (msgspec.DecodeError, RecursionError) as error:
                raise wrong(
                    self._file, number, None,
                    f"{shortened(line.strip())} is not a JSON object: {error}",
                ) from None  # fmt: skip
            yield number, value


def _is_data(fields: list[str]) -> bool:
    """Whether a first row is not a header: its fields are numbers, truths or empty."""
    return any(field.strip() for field in fields) and all(_is_value(field) for field in fields)


def _is_value(field: str) -> bool:
    text = field.strip()
    if not text or text.lower() in {"true", "false"} or _DATE.match(text):
        return True
    try:
        float(text)
    except ValueError:
        return False
    return True
