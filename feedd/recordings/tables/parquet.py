"""Table writer for Parquet: the only user of pyarrow, imported only for an export to Parquet.

Times are int64 with their unit in the field's metadata (`unit`), not Arrow timestamps: DuckDB
before 2.0 reads a UTC timestamp in ns as µs and silently loses three digits
(https://duckdb.org/docs/1.4/sql/data_types/timestamp), and CSV and JSON have no such type.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

from feedd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from feedd.recordings.tables.columns import Column, Table
    from feedd.recordings.tables.rows import Row
    from feedd.recordings.tables.sheets import Sheet

GROUP_ROWS = 1 << 17
GROUP_BYTES = 1 << 25  # of columns in memory: limit of the buffer for one row group


def parquet() -> Callable[[IO[bytes], Table], Sheet]:
    """Return a factory of sheets; raise ConfigError if pyarrow is not installed."""
    try:
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError:
        raise ConfigError("Parquet needs pyarrow: pip install 'feedd[research]'") from None
    return lambda file, table: ParquetSheet(file, table, pa, pq)


class ParquetSheet:
    """Parquet file of row groups of about GROUP_ROWS rows, compressed with zstd."""

    def __init__(self, file: IO[bytes], table: Table, pa: Any, pq: Any) -> None:
        self._pa = pa
        self._types = _types(pa)
        self._columns = table.columns
        self._schema = pa.schema([self._field(column) for column in table.columns])
        self._writer = pq.ParquetWriter(file, self._schema, compression="zstd")
        self._batches: list[Any] = []
        self._rows = self._bytes = 0

    def write(self, rows: list[Row]) -> None:
        """Add rows; write a row group when the buffer is full."""
        values = zip(*rows, strict=True)
        arrays = [
            self._array(column, list(value))
            for column, value in zip(self._columns, values, strict=True)
        ]
        batch = self._pa.record_batch(arrays, schema=self._schema)
        self._batches.append(batch)
        self._rows += batch.num_rows
        self._bytes += batch.nbytes
        if self._rows >= GROUP_ROWS or self._bytes >= GROUP_BYTES:
            self._write_group()

    def close(self) -> None:
        """Write the last row group and the footer."""
        if self._batches:
            self._write_group()
        self._writer.close()

    def _write_group(self) -> None:
        table = self._pa.Table.from_batches(self._batches, self._schema)
        self._writer.write_table(table, row_group_size=GROUP_ROWS * 2)
        self._batches = []
        self._rows = self._bytes = 0

    def _field(self, column: Column) -> Any:
        metadata = None if column.unit is None else {"unit": column.unit}
        return self._pa.field(column.name, self._types[column.type], metadata=metadata)

    def _array(self, column: Column, values: list[Any]) -> Any:
        if column.type != "levels":
            return self._pa.array(values, self._types[column.type])
        pa, ends = self._pa, [0]
        for levels in values:
            ends.append(ends[-1] + len(levels))
        prices = pa.array([price for levels in values for price, _ in levels], pa.float64())
        sizes = pa.array([size for levels in values for _, size in levels], pa.float64())
        level = self._types["levels"].value_type
        return pa.ListArray.from_arrays(
            pa.array(ends, pa.int32()),
            pa.StructArray.from_arrays([prices, sizes], fields=list(level)),
            type=self._types["levels"],
        )


def _types(pa: Any) -> dict[str, Any]:
    level = pa.struct([pa.field("price", pa.float64()), pa.field("size", pa.float64())])
    return {
        "integer": pa.int64(), "number": pa.float64(), "text": pa.string(), "truth": pa.bool_(),
        "levels": pa.list_(level), "json": pa.string(),
    }  # fmt: skip
