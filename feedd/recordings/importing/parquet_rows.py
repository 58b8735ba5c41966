"""Rows of a Parquet file as texts; pyarrow is imported only for one."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from feedd.errors import ConfigError
from feedd.recordings.importing.cell_texts import cell_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from feedd.recordings.importing.files import InputFile

BATCH_ROWS = 1 << 14


class ParquetRows:
    """Parquet in batches: times become numbers in their unit. Raises ConfigError without rows."""

    def __init__(self, file: InputFile) -> None:
        try:
            import pyarrow as pa  # noqa: PLC0415
            import pyarrow.parquet as pq  # noqa: PLC0415
        except ImportError:
            raise ConfigError(
                f"{file}: is Parquet, which needs pyarrow: pip install 'feedd[research]'"
            ) from None
        self._pa, self._pq = pa, pq
        self._file = file
        self.left_out: Counter[str] = Counter()
        self.header: list[str] | None = None
        with self._opened() as table:
            # An index of pandas without a name is a column with a made-up one.
            self.header = [
                "" if name.startswith("__index_level_") else name
                for name in table.schema_arrow.names
            ]
        found = next(self.read(), None)
        if found is None:
            raise ConfigError(f"{file}: has no rows")
        self.first = found[1]

    def read(self) -> Iterator[tuple[int | str, list[str]]]:
        """Yield the rows, numbered from 1."""
        number = 0
        with self._opened() as table:
            try:
                for batch in table.iter_batches(BATCH_ROWS):
                    columns = [self._texts(column) for column in batch.columns]
                    for fields in zip(*columns, strict=True):
                        number += 1
                        yield f"row {number}", list(fields)
            except (self._pa.ArrowException, OSError) as error:
                raise ConfigError(f"{self._file}: can't be read to its end: {error}") from None

    def _opened(self) -> Any:
        try:
            return self._pq.ParquetFile(self._file.path)
        except (self._pa.ArrowException, OSError) as error:
            raise ConfigError(f"{self._file}: the Parquet file can't be read: {error}") from None

    def _texts(self, column: Any) -> list[str]:
        pa = self._pa
        kind = column.type
        if pa.types.is_timestamp(kind):
            column = column.cast(pa.int64())
        elif pa.types.is_date(kind) or pa.types.is_dictionary(kind) or pa.types.is_decimal(kind):
            column = column.cast(pa.string())
        return [_text(value) for value in column.to_pylist()]


def _text(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        value = [list(one.values()) for one in value]  # levels: price, size
    return cell_text(value)
