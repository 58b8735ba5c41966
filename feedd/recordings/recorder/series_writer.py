"""One exchange's segments, one after the other: what waits, when it is written, and when it can't.

What waits for the disk is at most a block, or what comes in `fsync_s`; what can't be written is
forgotten, and told in the recording as soon as there is room (`LostRecords`).
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from feedd.client.events import StateChange
from feedd.clock import NS_PER_MS, NS_PER_S, iso8601
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

RECORD_BYTES = 15  # of a record, beside its payload
AGAIN_S = 0.25  # between two attempts where the disk was full
TELL_EVERY_S = 60.0
SAME_CLOCK_NS = 3600 * NS_PER_S  # a beginning so near an earlier end goes on with its clock
NAMES = 1000  # that are tried, a ms apart, where there is such a file
MADE_BY = "feedd record"


class SeriesWriter:
    """Writes what it is given. No call raises OSError: what the disk refuses is counted and told.

    `clock_ns` is where the recording's clock stood at the end of the series so far, None where
    there is none.
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
        self.path: Path | None = None  # of the segment that is being written
        self.records = 0  # written
        self.unwritten: LostRecords | None = None
        self.lost = 0  # records, in all
        self._root = root
        self._settings = settings
        self._log = log
        self._held: list[tuple[int, int, bytes, bytes]] = []
        self._held_bytes = 0
        self._writer: SegmentWriter | None = None
        self._clock_ns = clock_ns
        self._of_before = True  # the clock is that of an earlier recorder
        self._finished_bytes = 0
        self._ends_ns = 0
        self._unsynced = False
        self._synced_ns = time.time_ns()
        self._synced_s = time.monotonic()
        self._again_s = 0.0
        self._told_s = float("-inf")
        self._told = False

    @property
    def size(self) -> int:
        """How many bytes were written, to all segments."""
        return self._finished_bytes + (0 if self._writer is None else self._writer.size)

    def tell(self, told: Notice, now_ns: int) -> None:
        """Add a notice."""
        self.add(now_ns, NOTICE, type(told).__name__.encode(), msgspec.msgpack.encode(told))

    def add(self, ns: int, kind: int, topic: bytes, payload: bytes) -> None:
        """Add a record; see `SegmentWriter.add`."""
        self._held.append((ns, kind, topic, payload))
        self._held_bytes += len(payload) + RECORD_BYTES
        if self._held_bytes >= BLOCK_BYTES:
            self.write()

    def look(self, now_ns: int, now_s: float) -> None:
        """See to what is due: writing, having it survive, the next segment."""
        if now_s - self._synced_s >= self._settings.fsync_s:
            self._synced_s = now_s
            self.write()
            self._sync(now_ns)
        writer = self._writer
        if writer is not None and now_ns >= self._ends_ns:
            self.write()
            self._finish("the next one begins")

    def close(self, ended: str) -> None:
        """Write all, and the index; `ended` says why."""
        self._again_s = 0.0
        self.write()
        self._finish(ended)
        if self.unwritten is not None:
            self._abandon()
            self._log.error(f"{self.exchange}: {self.unwritten.text}; the recording can't say so")

    # --- writing --------------------------------------------------------------------------------

    def write(self) -> None:
        """Write what waits, as one block."""
        if not self._held and self.unwritten is None:
            return
        if self.unwritten is not None and time.monotonic() < self._again_s:
            self._forget()
            return
        try:
            writer = self._writer or self._open()
            if self.unwritten is not None:
                now_ns = time.time_ns()
                for told in self.unwritten.notices():
                    payload = msgspec.msgpack.encode(told)
                    writer.add(now_ns, NOTICE, type(told).__name__.encode(), payload)
            for record in self._held:
                writer.add(*record)
            writer.write_block()
        except OSError as error:
            self._failed(error)
            return
        self.records += len(self._held)
        self._clear()
        self._unsynced = True
        if self.unwritten is not None:
            if self._told:  # of a disk on which there is room now and then, not each time
                self._told = False
                self._log.warning(f"{self.exchange}: writes again; {self.unwritten.text}")
            self.unwritten = None
        if writer.size >= self._settings.segment_mb * 1e6:
            self._finish("the next one begins")

    def _failed(self, error: OSError) -> None:
        now_s = time.monotonic()
        self._again_s = now_s + AGAIN_S
        if self._writer is not None:
            self._writer.drop_block()
            if error.errno not in DISK_FULL:
                self._abandon()
        if self.unwritten is None:
            why = error.strerror or type(error).__name__
            self.unwritten = LostRecords(why, time.time_ns())
        self._forget()
        if now_s - self._told_s >= TELL_EVERY_S:
            self._told_s, self._told = now_s, True
            self._log.error(f"{self.exchange}: {self.unwritten.text}; it is tried again")

    def _forget(self) -> None:
        """Keep of what waits only the summary."""
        if self.unwritten is not None:
            self.lost += len(self._held)
            for record in self._held:
                self.unwritten.add(*record)
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
            self._begin_anew(f"{self._writer.path} was removed while it was written", now_ns)
        except OSError as error:
            # The kernel may have dropped the pages, and not say so twice: fsync(2).
            since = iso8601(self._synced_ns // NS_PER_MS)
            why = f"what was written since {since} may not survive: {error.strerror}"
            self._begin_anew(why, now_ns)
        self._synced_ns = now_ns
        self._unsynced = False

    def _begin_anew(self, why: str, now_ns: int) -> None:
        """Go on in another segment, which tells why."""
        self._log.error(f"{self.exchange}: {why}")
        self._abandon()
        self.tell(StateChange("", "unwritten", why), now_ns)

    # --- segments -------------------------------------------------------------------------------

    def _open(self) -> SegmentWriter:
        """Begin a segment; raise OSError where that can't be."""
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
        self._of_before = False
        self._ends_ns = min(
            now_ns + int(self._settings.segment_minutes * 60 * NS_PER_S), next_midnight(now_ns)
        )
        self._log.info(f"{self.exchange}: began {writer.path}")
        return writer

    def _created(self, now_ns: int, meta: SegmentMeta) -> SegmentWriter:
        for later in range(NAMES):
            path = segment_path(self._root, self.exchange, now_ns + later * NS_PER_MS)
            make_folder(path.parent)
            try:
                return SegmentWriter(path, meta)
            except FileExistsError:
                continue
        raise FileExistsError(f"{path} and {NAMES:,} names after it are taken")

    def _begun_ns(self, now_ns: int) -> int:
        """Return where the segment's clock begins: where the last one's ended, or with a frame.

        What is repaired of the time between two segments was published after the last one's end.
        """
        first = next((ns for ns, kind, _, _ in self._held if kind in {LIVE, REPLAYED}), None)
        before = self._clock_ns
        if before is None or (
            self._of_before and first is not None and abs(first - before) > SAME_CLOCK_NS
        ):
            return now_ns if first is None else first
        return before

    def _finish(self, ended: str) -> None:
        writer = self._writer
        if writer is None or self.unwritten is not None:
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
            with suppress(OSError):  # it holds nothing, and the next attempt makes another
                writer.path.unlink()
