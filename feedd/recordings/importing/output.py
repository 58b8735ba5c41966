"""Recording written by an import: `<exchange>/<date>/<time>.feedd` below a folder.

It is written to a temporary folder. When it is complete, it is renamed, one date at a time.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from feedd.clock import NS_PER_DAY
from feedd.errors import ConfigError
from feedd.recordings.format.segment_schema import SUFFIX, SegmentMeta
from feedd.recordings.format.segment_writer import SegmentWriter
from feedd.recordings.format.timestamps import iso

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

SEGMENT_BYTES = 256_000_000  # of a file, compressed


class RecordingOutput:
    """Write records of any exchange: a context manager, all records or none.

    Raises ConfigError for a failed write, and if a recording of that exchange and date exists.
    """

    def __init__(self, folder: Path, made_by: str) -> None:
        self._folder = folder
        self._made_by = made_by
        self._draft = folder / f".import.{os.getpid()}"
        self._series: dict[str, _Series] = {}
        self.records = 0

    def __enter__(self) -> Self:
        try:
            self._draft.mkdir(parents=True)
        except OSError as error:
            raise ConfigError(f"{self._draft}: can't create the folder: {error.strerror}") from None
        return self

    def __exit__(self, *_: object) -> None:
        for series in self._series.values():
            series.abandon()
        shutil.rmtree(self._draft, ignore_errors=True)

    def add(self, exchange: str, ns: int, kind: int, topic: bytes, payload: bytes) -> None:
        """Add a record; `ns` since the epoch."""
        series = self._series.get(exchange)
        if series is None:
            series = self._series[exchange] = _Series(self._folder, self._draft, exchange)
        try:
            series.add(ns, kind, topic, payload, self._made_by)
        except OSError as error:
            raise ConfigError(f"{self._folder}: can't write: {error.strerror}") from None
        self.records += 1

    def publish(self) -> list[Path]:
        """Close all files and rename them into place; return the folders of dates."""
        published = []
        try:
            for exchange, series in self._series.items():
                series.close()
                (self._folder / exchange).mkdir(exist_ok=True)
                for date in sorted((self._draft / exchange).iterdir()):
                    target = self._folder / exchange / date.name
                    _check_free(target)
                    for segment in date.iterdir():
                        segment.rename(segment.with_suffix(""))
                    date.rename(target)
                    published.append(target)
        except OSError as error:
            raise ConfigError(f"{self._folder}: can't write: {error.strerror}") from None
        return published


class _Series:
    """One exchange's segments: a new one for each date (UTC), and after SEGMENT_BYTES."""

    def __init__(self, folder: Path, draft: Path, exchange: str) -> None:
        self._folder = folder
        self._draft = draft
        self._exchange = exchange
        self._writer: SegmentWriter | None = None
        self._date = ""
        self._date_ends_ns = 0
        self._clock_ns = 0

    def add(self, ns: int, kind: int, topic: bytes, payload: bytes, made_by: str) -> None:
        writer = self._writer
        self._clock_ns = max(self._clock_ns, ns)
        if writer is None or self._clock_ns >= self._date_ends_ns or writer.size >= SEGMENT_BYTES:
            writer = self._next(made_by)
        writer.add(ns, kind, topic, payload)
        if writer.block_full:
            writer.write_block()

    def close(self) -> None:
        if self._writer is not None:
            writer, self._writer = self._writer, None
            writer.close("the import is complete")

    def abandon(self) -> None:
        if self._writer is not None:
            writer, self._writer = self._writer, None
            writer.abandon()

    def _next(self, made_by: str) -> SegmentWriter:
        self.close()
        at = self._clock_ns
        date, time = iso(at, 9).rstrip("Z").split("T")
        self._date_ends_ns = at - at % NS_PER_DAY + NS_PER_DAY
        _check_free(self._folder / self._exchange / date)
        folder = self._draft / self._exchange / date
        folder.mkdir(parents=True, exist_ok=True)
        meta = SegmentMeta(exchange=self._exchange, prefixes=("",), begun_ns=at, made_by=made_by)
        # A killed import leaves this file; the suffix keeps readers from taking it for a recording.
        name = f"{time.replace(':', '').replace('.', '-')}{SUFFIX}.part"
        self._writer = SegmentWriter(folder / name, meta)
        return self._writer


def _check_free(target: Path) -> None:
    if target.exists():
        raise ConfigError(
            f"{target} already exists; import into another folder, or move that one away"
        )
