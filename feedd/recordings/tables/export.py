"""Export of a recording, or a part of it, to tables: one pass, in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.errors import ConfigError
from feedd.recordings.format.block_records import NOTICE
from feedd.recordings.format.damage import Damage
from feedd.recordings.tables import rows
from feedd.recordings.tables.columns import CHANNELS, GAPS, OTHER, TABLES
from feedd.recordings.tables.parquet import parquet
from feedd.recordings.tables.rows import ORIGINS, ChannelRows
from feedd.recordings.tables.sheets import CsvSheet, JsonLinesSheet, SheetFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from typing import IO, Self

    from feedd.recordings.format.block_records import BlockRecord
    from feedd.recordings.format.series_reader import ClockedEntry
    from feedd.recordings.tables.columns import Table
    from feedd.recordings.tables.forms import Form
    from feedd.recordings.tables.rows import Row
    from feedd.recordings.tables.sheets import Sheet

# Per table: rows to buffer before a write, and the bytes of their payloads.
ROWS_AT_ONCE = 8192
BYTES_AT_ONCE = 1 << 22

_STATUS_PLACES = {column.name: place for place, column in enumerate(CHANNELS["status"].columns)}


class Export:
    """Write tables to a folder as `<table>.<form>`: a context manager, all tables or none.

    No table has its final name before `publish`. Raises ConfigError for a table that exists and
    may not be replaced, and for a failed write.
    """

    def __init__(
        self, folder: Path, form: Form, *, prefixes: Iterable[str] = ("",), force: bool = False
    ) -> None:
        """Check and create the folder; `prefixes` select the topics to export."""
        self._folder = folder
        self._form = form
        self._force = force
        self._prefixes = tuple(prefix.encode() for prefix in prefixes)
        self._make = _sheet_factory(form)
        self._sheets: dict[str, _BufferedSheet] = {}
        self._channels: dict[bytes, _Channel | None] = {}
        self.damages = 0
        self._check_free()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"{folder}: can't create the folder: {error.strerror}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for sheet in self._sheets.values():
            sheet.file.discard()

    @property
    def rows(self) -> dict[Path, int]:
        """Number of rows of each file, in the order of TABLES."""
        return {
            self._sheets[name].file.path: self._sheets[name].file.rows
            for name in TABLES
            if name in self._sheets
        }

    def run(self, entries: Iterable[ClockedEntry], progress: Callable[[int], object]) -> None:
        """Write all entries; call `progress` with the number of newly read records."""
        done = 0
        try:
            self._sheet(GAPS)  # written even if empty: it shows that there is no gap
            for at_ns, entry in entries:
                if isinstance(entry, Damage):
                    self._damage(at_ns, entry)
                    continue
                self._record(entry)
                done += 1
                if done == ROWS_AT_ONCE:
                    progress(done)
                    done = 0
            for sheet in self._sheets.values():
                sheet.flush()
                sheet.file.finish()
        except OSError as error:
            raise ConfigError(f"{self._folder}: can't write: {error.strerror}") from None
        progress(done)

    def publish(self) -> None:
        """Rename all files to their final names; with `force`, remove the other existing tables."""
        self._check_free()  # a file may have appeared during the export
        try:
            for sheet in self._sheets.values():
                sheet.file.publish()
            if self._force:
                for path in set(self._paths()) - set(self.rows):
                    path.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError(f"{self._folder}: can't write: {error.strerror}") from None

    def _record(self, record: BlockRecord) -> None:
        if record.kind == NOTICE:
            self._notice(record)
            return
        channel = self._channel(record.topic)
        if not channel.wanted and not channel.is_status:
            return
        row = channel.row(record)
        if row is not None and channel.is_status:
            gap = rows.status_gap_row(row, _STATUS_PLACES)
            if gap is not None:
                self._sheet(GAPS).add(gap)
        if not channel.wanted:
            return
        if row is None:
            self._other(record, channel.why_not)
            return
        sheet = channel.sheet
        if sheet is None:
            sheet = channel.sheet = self._sheet(channel.table)
        sheet.add(row, len(record.payload))

    def _notice(self, record: BlockRecord) -> None:
        row = rows.notice_row(record)
        if row is None:
            self._other(record, "is not a notice")
        else:
            self._sheet(GAPS).add(row)

    def _damage(self, at_ns: int, damage: Damage) -> None:
        self.damages += 1
        self._sheet(GAPS).add(rows.damage_row(at_ns, damage))

    @property
    def topics(self) -> set[str]:
        """The topics that were read, exported or not."""
        return {topic.decode(errors="replace") for topic in self._channels}

    def _other(self, record: BlockRecord, why: str) -> None:
        self._sheet(OTHER).add(rows.other_row(record, why), 3 * len(record.payload))

    def _channel(self, topic: bytes) -> _Channel:
        channel = self._channels.get(topic)
        if channel is None:
            name = topic.partition(b".")[0].decode(errors="replace")
            wanted = topic.startswith(self._prefixes)
            channel = self._channels[topic] = _Channel(CHANNELS.get(name), wanted=wanted)
        return channel

    def _sheet(self, table: Table) -> _BufferedSheet:
        sheet = self._sheets.get(table.name)
        if sheet is None:
            file = SheetFile(self._folder / f"{table.name}.{self._form}", table, self._make)
            sheet = self._sheets[table.name] = _BufferedSheet(file)
        return sheet

    def _check_free(self) -> None:
        taken = [path for path in self._paths() if path.exists()]
        if taken and not self._force:
            raise ConfigError(f"{taken[0]} already exists; --force replaces the tables in --out")

    def _paths(self) -> list[Path]:
        return [self._folder / f"{name}.{self._form}" for name in TABLES]


class _Channel:
    """Conversion and destination of one topic's frames."""

    def __init__(self, table: Table | None, *, wanted: bool) -> None:
        self.table = table or OTHER
        self.rows = None if table is None else ChannelRows(table)
        self.wanted = wanted
        self.is_status = table is CHANNELS["status"]
        self.why_not = "its channel is unknown" if table is None else "does not fit its channel"
        self.sheet: _BufferedSheet | None = None

    def row(self, record: BlockRecord) -> Row | None:
        origin = ORIGINS.get(record.kind)
        if self.rows is None or origin is None:
            return None
        return self.rows.row(record.payload, origin)


class _BufferedSheet:
    """A table's file, with a buffer of rows."""

    def __init__(self, file: SheetFile) -> None:
        self.file = file
        self._rows: list[Row] = []
        self._bytes = 0

    def add(self, row: Row, size: int = 0) -> None:
        self._rows.append(row)
        self._bytes += size
        if len(self._rows) >= ROWS_AT_ONCE or self._bytes >= BYTES_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        if self._rows:
            self.file.write(self._rows)
            self._rows = []
            self._bytes = 0


def _sheet_factory(form: Form) -> Callable[[IO[bytes], Table], Sheet]:
    if form == "parquet":
        return parquet()
    return CsvSheet if form == "csv" else JsonLinesSheet
