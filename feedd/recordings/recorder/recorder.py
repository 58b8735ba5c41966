"""Recorder: messages of the client library to one series of segments per exchange."""

from __future__ import annotations

import os
import shutil
import time
from collections import deque
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from feedd.client.decoding import PublishedMessage
from feedd.client.events import Gap, StateChange
from feedd.client.published import subscribe_published
from feedd.clock import NS_PER_S
from feedd.errors import ConfigError
from feedd.recordings.format.block_records import LIVE, REPLAYED, SNAPSHOT
from feedd.recordings.recorder.recorder_status import RecorderStatus
from feedd.recordings.recorder.resume_point import find_resume_point
from feedd.recordings.recorder.segment_paths import exchange_of, make_folder
from feedd.recordings.recorder.series_writer import LOG_EVERY_S, SeriesWriter
from feedd.runtime import locks
from feedd.runtime.files import DISK_FULL
from feedd.runtime.recent_rate import RecentRate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from feedd.client.events import Notice
    from feedd.client.stream import Stream
    from feedd.config.settings import RecorderSettings
    from feedd.recordings.recorder.recorder_log import RecorderLog
    from feedd.recordings.recorder.resume_point import ResumePoint

LOCK = ".recorder.lock"
LOCK_WAIT_S = 2.0  # a stopping recorder may still be writing its end
RETRY_S = 1.0  # if the disk is full at the start
CHECK_S = 0.02
MESSAGES_PER_CHECK = 1000
REPORT_S = 1.0
# After a stop it ends when no message came for this time, which is longer than the stream takes to
# report dropped messages; and after DRAIN_S in any case.
QUIET_S = 0.25
DRAIN_S = 0.7
MAX_SERIES = 100  # exchanges; their names come from publishers
MAX_EARLY = 100  # notices of the stream before its first message

_KINDS = {"live": LIVE, "snapshot": SNAPSHOT, "replayed": REPLAYED}


class Recorder:
    """Records until `stop` is called, from any thread or signal handler.

    `endpoints` maps each proxy's endpoint for subscribers to its history. `lossless` is for an
    unpaced replay, which waits for its subscribers; `replayed` is where messages keep the times of
    an earlier recording. With a `deployment` it records that one only. It calls `report` with its
    status once a second, and at the end.
    """

    def __init__(
        self,
        endpoints: Mapping[str, str],
        settings: RecorderSettings,
        log: RecorderLog,
        report: Callable[[RecorderStatus], None],
        *,
        lossless: bool = False,
        replayed: bool = False,
        deployment: str | None = None,
    ) -> None:
        self._deployment = deployment
        self._endpoints = list(endpoints)
        self._histories = list(endpoints.values())
        self._lossless = lossless
        self._replayed = replayed
        self._lag_ns: int | None = None  # the most since the last report
        self._settings = settings
        self._root = Path(settings.dir)
        self._log = log
        self._write_status = report
        self._stopping = False
        self._resume_points: dict[str, ResumePoint] = {}
        self._series: dict[str, SeriesWriter] = {}
        self._by_topic: dict[bytes, SeriesWriter] = {}
        self._early: deque[Notice] = deque(maxlen=MAX_EARLY)
        self._since_ns = time.time_ns()
        self._reported_s = float("-inf")
        self._rate = RecentRate()

    def stop(self) -> None:
        """Stop it; it still records the messages that are on their way."""
        self._stopping = True

    def run(self) -> None:
        """Record; raise ConfigError if the folder can't be created or another recorder uses it."""
        with ExitStack() as stack:
            self._lock_folder(stack)
            ends = self._find_resume_points()
            stream = stack.enter_context(
                subscribe_published(
                    self._endpoints,
                    self._settings.topics,
                    self._histories,
                    ends,
                    lossless=self._lossless,
                    deployment=self._deployment,
                )
            )
            self._log.info(f"recording to {self._root}", endpoints=self._endpoints)
            try:
                self._record(stream)
                self._drain(stream)
            finally:
                for series in self._series.values():
                    series.close("the recorder was stopped" if self._stopping else "an error")
                self._report(time.monotonic())
            self._log.info("stopped", messages=self.messages)

    # --- start ----------------------------------------------------------------------------------

    def _lock_folder(self, stack: ExitStack) -> None:
        logged_s = float("-inf")
        while (why := self._create_folder()) is not None:
            now_s = time.monotonic()
            if now_s - logged_s >= LOG_EVERY_S:
                logged_s = now_s
                self._log.error(f"{why}; it is retried")
            self._report(now_s, failing=why)
            time.sleep(RETRY_S)
        try:
            stack.enter_context(locks.file_lock(self._root / LOCK, LOCK_WAIT_S))
        except locks.BusyError:
            raise ConfigError(
                f"{self._root}: another recorder uses it (its pid is in {LOCK}); stop that one, or "
                "use another folder: recorder.dir, or feedd record --dir"
            ) from None

    def _create_folder(self) -> str | None:
        """Create the folder and the lock file; return the reason if a retry may succeed."""
        try:
            make_folder(self._root)
            (self._root / LOCK).touch()
        except OSError as error:
            why = f"{self._root}: can't be created: {error.strerror}"
            if error.errno not in DISK_FULL or self._stopping:
                raise ConfigError(why) from None
            return why
        return None

    def _find_resume_points(self) -> dict[str, tuple[int, int]]:
        """Return where the existing recordings end, by topic."""
        ends: dict[str, tuple[int, int]] = {}
        for folder in sorted(path for path in self._root.iterdir() if path.is_dir()):
            try:
                found = find_resume_point(folder)
            except OSError as error:
                raise ConfigError(f"{folder}: can't be read: {error.strerror}") from None
            if found is not None:
                self._resume_points[folder.name] = found
                ends |= found.ends
                self._log.info(f"{folder.name}: {found.text(self._since_ns)}")
        return ends

    # --- recording ------------------------------------------------------------------------------

    def _record(self, stream: Stream[PublishedMessage | Notice]) -> None:
        receive, take = stream.receive, self._record_event
        while not self._stopping:
            count = 0
            while count < MESSAGES_PER_CHECK and (event := receive(0)) is not None:
                if not count:
                    self._measure_lag(event)
                take(event)
                count += 1
            self._check()
            if count < MESSAGES_PER_CHECK:
                # Polling costs less than a wakeup per message, and a late write does no harm.
                time.sleep(CHECK_S)

    def _measure_lag(self, event: PublishedMessage | Notice) -> None:
        """Take the age of the first event of a turn, which has waited the longest."""
        if self._replayed or not isinstance(event, PublishedMessage) or event.origin != "live":
            return
        lag_ns = time.time_ns() - event.published_ns
        self._lag_ns = lag_ns if self._lag_ns is None else max(self._lag_ns, lag_ns)

    def _drain(self, stream: Stream[PublishedMessage | Notice]) -> None:
        """Record the messages that are on their way, such as the last statuses of stopped feeds."""
        until_s = time.monotonic() + DRAIN_S
        while time.monotonic() < until_s and (event := stream.receive(QUIET_S)) is not None:
            self._record_event(event)

    def _record_event(self, event: PublishedMessage | Notice) -> None:
        if isinstance(event, PublishedMessage):
            topic = event.topic
            series = self._by_topic.get(topic) or self._of_topic(topic)
            series.add(event.published_ns, _KINDS[event.origin], topic, event.payload)
        else:
            self._record_notice(event)

    def _of_topic(self, topic: bytes) -> SeriesWriter:
        feed = topic.decode().partition(".")[2]
        series = self._by_topic[topic] = self._of_feed(feed)
        return series

    def _record_notice(self, notice: Notice) -> None:
        now_ns = time.time_ns()
        if isinstance(notice, StateChange) and notice.state == "foreign":
            self._log.warning(str(notice.reason))
        feed = notice.topic.partition(".")[2] if isinstance(notice, Gap) else notice.feed
        if feed:
            self._of_feed(feed).add_notice(notice, now_ns)
            return
        if isinstance(notice, StateChange) and notice.state in {"no_endpoint", "no_topic"}:
            self._log.warning(str(notice.reason))
        if self._series:
            for series in self._series.values():
                series.add_notice(notice, now_ns)
        else:
            self._early.append(notice)

    def _of_feed(self, feed: str) -> SeriesWriter:
        exchange = exchange_of(feed)
        if exchange not in self._series and len(self._series) >= MAX_SERIES:
            exchange = exchange_of("")
        series = self._series.get(exchange)
        if series is None:
            series = self._series[exchange] = self._start_series(exchange)
        return series

    def _start_series(self, exchange: str) -> SeriesWriter:
        before = self._resume_points.get(exchange)
        clock_ns = None if before is None else before.clock_ns
        series = SeriesWriter(self._root, exchange, self._settings, clock_ns, self._log)
        now_ns = time.time_ns()
        if before is not None:
            series.add_notice(StateChange("", "interrupted", before.text(self._since_ns)), now_ns)
        while self._early:
            series.add_notice(self._early.popleft(), now_ns)
        return series

    # --- once a second --------------------------------------------------------------------------

    def _check(self) -> None:
        now_ns, now_s = time.time_ns(), time.monotonic()
        for series in self._series.values():
            series.check(now_ns, now_s)
        if now_s - self._reported_s >= REPORT_S:
            self._report(now_s)

    @property
    def messages(self) -> int:
        """Number of records written."""
        return sum(series.records for series in self._series.values())

    def _report(self, now_s: float, failing: str | None = None) -> None:
        messages = self.messages
        unwritten = [
            f"{series.exchange}: {series.lost_records.text}"
            for series in self._series.values()
            if series.lost_records is not None
        ]
        self._reported_s = now_s
        lag_ns, self._lag_ns = self._lag_ns, None
        free_bytes, total_bytes = _disk_space(self._root)
        self._write_status(
            RecorderStatus(
                pid=os.getpid(),
                at_ns=time.time_ns(),
                since_ns=self._since_ns,
                dir=str(self._root),
                messages=messages,
                messages_per_s=round(self._rate.per_s(now_s, messages), 1),
                bytes=sum(series.size for series in self._series.values()),
                lost=sum(series.lost for series in self._series.values()),
                failing=failing or "; ".join(unwritten) or None,
                lag_s=None if lag_ns is None else round(lag_ns / NS_PER_S, 3),
                disk_free_bytes=free_bytes,
                disk_total_bytes=total_bytes,
            )
        )


def _disk_space(folder: Path) -> tuple[int | None, int | None]:
    """Return the bytes that are free for this user, and all; None if the system does not say."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None, None
    return usage.free, usage.total
