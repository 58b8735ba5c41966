"""Series writer: the segments of one exchange, one after the other.

It buffers at most a block, or the records of `fsync_s`. It drops what can't be written, and reports
that in the recording as soon as there is room (`LostRecords`).
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from feedd.client.events import StateChange
from feedd.clock import NS_PER_HOUR, NS_PER_MS, NS_PER_S, iso8601
from feedd.recordings.format.block_records import LIVE, NOTICE, REPLAYED
from feedd.recordings.format.segment_schema import SegmentMeta
from feedd.recordings.format.segment_writer import BLOCK_BYTES, SegmentWriter
from feedd.recordings.recorder.lost_records import LostRecords
from feedd.recordings.recorder.segment_paths import (
    make_folder,
    next_midnight,
    segment_path,
    sync_folder,
)
from feedd.runtime.files import DISK_FULL

if TYPE_CHECKING:
    from pathlib import Path

    from feedd.client.events import Notice
    from feedd.config.settings import RecorderSettings
    from feedd.recordings.recorder.recorder_log import RecorderLog

RECORD_BYTES = 15  # of a record without its payload
RETRY_S = 0.25  # between two attempts while the disk is full
LOG_EVERY_S = 60.0
SAME_CLOCK_NS = NS_PER_HOUR  # a series resumed within it keeps the earlier clock
MAX_NAMES = 1000  # tried, 1 ms apart, if the file exists
MADE_BY = "feedd record"


class SeriesWriter:
    """Writes records. No call raises OSError: what can't be written is counted and reported.

    `clock_ns` is the recording's clock at the end of the existing series, None if there is none.
    """

    def __init__(
        self,
        root: Path,
        exchange: str,
        settings: RecorderSettings,
        clock_ns: int | None,
        log: RecorderLog,
    ) -> None:
        self.exchange = exchange
        self.path: Path | None = None  # of the current segment
        self.records = 0  # written
        self.lost_records: LostRecords | None = None
        self.lost = 0  # records, total
        self._root = root
        self._settings = settings
        self._log = log
        self._held: list[tuple[int, int, bytes, bytes]] = []
        self._held_bytes = 0
        self._writer: SegmentWriter | None = None
        self._clock_ns = clock_ns
        self._resumed = True  # the clock is that of an earlier recorder
        self._finished_bytes = 0
        self._ends_ns = 0
        self._unsynced = False
        self._synced_ns = time.time_ns()
        self._synced_s = time.monotonic()
        self._retry_s = 0.0
        self._logged_s = float("-inf")
        self._logged = False

    @property
    def size(self) -> int:
        """Bytes written, to all segments."""
        return self._finished_bytes + (0 if self._writer is None else self._writer.size)

    def add_notice(self, notice: Notice, now_ns: int) -> None:
        """Add a notice."""
        self.add(now_ns, NOTICE, type(notice).__name__.encode(), msgspec.msgpack.encode(notice))

    def add(self, ns: int, kind: int, topic: bytes, payload: bytes) -> None:
        """Add a record; see `SegmentWriter.add`."""
        self._held.append((ns, kind, topic, payload))
        self._held_bytes += len(payload) + RECORD_BYTES
        if self._held_bytes >= BLOCK_BYTES:
            self.write()

    def check(self, now_ns: int, now_s: float) -> None:
        """Do what is due: write, sync, begin the next segment."""
        if now_s - self._synced_s >= self._settings.fsync_s:
            self._synced_s = now_s
            self.write()
            self._sync(now_ns)
        writer = self._writer
        if writer is not None and now_ns >= self._ends_ns:
            self.write()
            self._finish("the next one begins")

    def close(self, ended: str) -> None:
        """Write all records and the index; `ended` is the reason of the end."""
        self._retry_s = 0.0
        self.write()
        self._finish(ended)
        if self.lost_records is not None:
            self._abandon()
            self._log.error(
                f"{self.exchange}: {self.lost_records.text}; the recording can't report it"
            )

    # --- writing --------------------------------------------------------------------------------

    def write(self) -> None:
        """Write the buffered records as one block."""
        if not self._held and self.lost_records is None:
            return
        if self.lost_records is not None and time.monotonic() < self._retry_s:
            self._drop()
            return
        try:
            writer = self._writer or self._open()
            if self.lost_records is not None:
                now_ns = time.time_ns()
                for notice in self.lost_records.notices():
                    payload = msgspec.msgpack.encode(notice)
                    writer.add(now_ns, NOTICE, type(notice).__name__.encode(), payload)
            for record in self._held:
                writer.add(*record)
            writer.write_block()
        except OSError as error:
            self._failed(error)
            return
        self.records += len(self._held)
        self._clear()
        self._unsynced = True
        if self.lost_records is not None:
            if self._logged:  # not each time, if the disk has room now and then
                self._logged = False
                self._log.warning(f"{self.exchange}: writes again; {self.lost_records.text}")
            self.lost_records = None
        if writer.size >= self._settings.segment_mb * 1e6:
            self._finish("the next one begins")

    def _failed(self, error: OSError) -> None:
        now_s = time.monotonic()
        self._retry_s = now_s + RETRY_S
        if self._writer is not None:
            self._writer.drop_block()
            if error.errno not in DISK_FULL:
                self._abandon()
        if self.lost_records is None:
            why = error.strerror or type(error).__name__
            self.lost_records = LostRecords(why, time.time_ns())
        self._drop()
        if now_s - self._logged_s >= LOG_EVERY_S:
            self._logged_s, self._logged = now_s, True
            self._log.error(f"{self.exchange}: {self.lost_records.text}; it is retried")

    def _drop(self) -> None:
        """Drop the buffered records, and add them to the summary."""
        if self.lost_records is not None:
            self.lost += len(self._held)
            for record in self._held:
                self.lost_records.add(*record)
        self._clear()

    def _clear(self) -> None:
        self._held.clear()
        self._held_bytes = 0

    def _sync(self, now_ns: int) -> None:
        if self._writer is None or not self._unsynced:
            self._synced_ns = now_ns
            return
        try:
            self._writer.sync()
            self._writer.path.stat()
        except FileNotFoundError:
            self._restart(f"{self._writer.path} was removed while it was being written", now_ns)
        except OSError as error:
            # The kernel may have dropped the pages, and reports that only once: fsync(2).
            since = iso8601(self._synced_ns // NS_PER_MS)
            why = f"records written since {since} may be lost: {error.strerror}"
            self._restart(why, now_ns)
        self._synced_ns = now_ns
        self._unsynced = False

    def _restart(self, why: str, now_ns: int) -> None:
        """Continue in another segment, which reports the reason."""
        self._log.error(f"{self.exchange}: {why}")
        self._abandon()
        self.add_notice(StateChange("", "unwritten", why), now_ns)

    # --- segments -------------------------------------------------------------------------------

    def _open(self) -> SegmentWriter:
        """Begin a segment; raise OSError."""
        now_ns = time.time_ns()
        begun_ns = self._begun_ns(now_ns)
        meta = SegmentMeta(
            exchange=self.exchange, prefixes=self._settings.topics, begun_ns=begun_ns,
            made_by=MADE_BY,
        )  # fmt: skip
        writer = self._created(now_ns, meta)
        try:
            sync_folder(writer.path.parent)
        except OSError:
            writer.abandon()
            writer.path.unlink()
            raise
        self._writer, self.path = writer, writer.path
        self._resumed = False
        self._ends_ns = min(
            now_ns + int(self._settings.segment_minutes * 60 * NS_PER_S), next_midnight(now_ns)
        )
        self._log.info(f"{self.exchange}: began {writer.path}")
        return writer

    def _created(self, now_ns: int, meta: SegmentMeta) -> SegmentWriter:
        for later in range(MAX_NAMES):
            path = segment_path(self._root, self.exchange, now_ns + later * NS_PER_MS)
            make_folder(path.parent)
            try:
                return SegmentWriter(path, meta)
            except FileExistsError:
                continue
        raise FileExistsError(f"{path} and {MAX_NAMES:,} names after it are taken")

    def _begun_ns(self, now_ns: int) -> int:
        """Return where the segment's clock begins: at the end of the last one, or at a message.

        Messages repaired between two segments were published after the end of the last one.
        """
        first = next((ns for ns, kind, _, _ in self._held if kind in {LIVE, REPLAYED}), None)
        before = self._clock_ns
        if before is None or (
            self._resumed and first is not None and abs(first - before) > SAME_CLOCK_NS
        ):
            return now_ns if first is None else first
        return before

    def _finish(self, ended: str) -> None:
        writer = self._writer
        if writer is None or self.lost_records is not None:
            return
        self._clock_ns, self._writer = writer.clock_ns, None
        try:
            writer.close(ended)
        except OSError as error:
            self._log.error(f"{writer.path}: the index can't be written: {error.strerror}")
        self._finished_bytes += writer.size
        self._unsynced = False

    def _abandon(self) -> None:
        writer = self._writer
        if writer is not None:
            self._clock_ns, self._writer = writer.clock_ns, None
            writer.abandon()
            if writer.blocks:
                self._finished_bytes += writer.size
                return
            with suppress(OSError):  # it is empty, and the next attempt creates another
                writer.path.unlink()
