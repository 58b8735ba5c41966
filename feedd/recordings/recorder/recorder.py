"""The recorder: what comes through the client library, to one series of segments per exchange."""

from __future__ import annotations

import os
import time
from collections import deque
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from feedd.client.decoding import PublishedMessage
from feedd.client.events import Gap, StateChange
from feedd.client.published import subscribe_published
from feedd.errors import ConfigError
from feedd.recordings.format.block_records import LIVE, REPLAYED, SNAPSHOT
from feedd.recordings.recorder.recorder_status import RecorderStatus
from feedd.recordings.recorder.resume_point import find_resume_point
from feedd.recordings.recorder.segment_paths import exchange_of, make_folder
from feedd.recordings.recorder.series_writer import TELL_EVERY_S, SeriesWriter
from feedd.runtime import locks
from feedd.runtime.files import DISK_FULL

if TYPE_CHECKING:
    from collections.abc import Callable

    from feedd.client.events import Notice
    from feedd.client.stream import Stream
    from feedd.config.settings import Config, RecorderSettings
    from feedd.recordings.recorder.recorder_log import RecorderLog
    from feedd.recordings.recorder.resume_point import ResumePoint

LOCK = ".recorder.lock"
LOCKED_WITHIN_S = 2.0  # one that was told to stop may still be writing its end
AGAIN_S = 1.0  # where the disk is full at the start
LOOK_S = 0.02
AT_ONCE = 1000  # messages between two looks
REPORT_S = 1.0
# Once told to stop, it ends when nothing has come for so long, longer than the stream takes to tell
# what it dropped; and after DRAIN_S in any case.
QUIET_S = 0.25
DRAIN_S = 0.7
MOST_SERIES = 100  # exchanges; names come from whoever publishes
MOST_EARLY = 100  # notices of the stream before its first message

_KINDS = {"live": LIVE, "snapshot": SNAPSHOT, "replayed": REPLAYED}


class Recorder:
    """Records until `stop` is called, from any thread or signal handler.

    `tell` is called once a second, and at the end, with how it fares.
    """

    def __init__(
        self,
        config: Config,
        settings: RecorderSettings,
        log: RecorderLog,
        tell: Callable[[RecorderStatus], None],
    ) -> None:
        proxies = config.proxy_programs().values()
        self._endpoints = [proxy.subscribers for proxy in proxies]
        self._histories = [proxy.history for proxy in proxies]
        self._lossless = config.lossless  # an unpaced replay waits for its subscribers
        self._settings = settings
        self._root = Path(settings.dir)
        self._log = log
        self._tell = tell
        self._stopping = False
        self._endings: dict[str, ResumePoint] = {}
        self._series: dict[str, SeriesWriter] = {}
        self._by_topic: dict[bytes, SeriesWriter] = {}
        self._early: deque[Notice] = deque(maxlen=MOST_EARLY)
        self._since_ns = time.time_ns()
        self._reported_s = float("-inf")
        self._reported = 0

    def stop(self) -> None:
        """Have it end: what is on its way is still recorded."""
        self._stopping = True

    def run(self) -> None:
        """Record; raise ConfigError where the folder can't be, or another recorder has it."""
        with ExitStack() as stack:
            self._take_folder(stack)
            ends = self._look_back()
            stream = stack.enter_context(
                subscribe_published(
                    self._endpoints,
                    self._settings.topics,
                    self._histories,
                    ends,
                    lossless=self._lossless,
                )
            )
            self._log.info(f"recording to {self._root}", endpoints=self._endpoints)
            try:
                self._record(stream)
                self._drain(stream)
            finally:
                for series in self._series.values():
                    series.close("the recorder was stopped" if self._stopping else "a fault")
                self._report(time.monotonic())
            self._log.info("stopped", messages=self.messages)

    # --- before ---------------------------------------------------------------------------------

    def _take_folder(self, stack: ExitStack) -> None:
        told_s = float("-inf")
        while (why := self._unmade()) is not None:
            now_s = time.monotonic()
            if now_s - told_s >= TELL_EVERY_S:
                told_s = now_s
                self._log.error(f"{why}; it is tried again")
            self._report(now_s, failing=why)
            time.sleep(AGAIN_S)
        try:
            stack.enter_context(locks.file_lock(self._root / LOCK, LOCKED_WITHIN_S))
        except locks.BusyError:
            raise ConfigError(
                f"{self._root}: another recorder writes there (its pid is in {LOCK}); stop it, or "
                "give this one a folder of its own: recorder.dir, or feedd record --dir"
            ) from None

    def _unmade(self) -> str | None:
        """Make the folder, and the lock's file; return why not where there may be room later."""
        try:
            make_folder(self._root)
            (self._root / LOCK).touch()
        except OSError as error:
            why = f"{self._root}: can't be made: {error.strerror}"
            if error.errno not in DISK_FULL or self._stopping:
                raise ConfigError(why) from None
            return why
        return None

    def _look_back(self) -> dict[str, tuple[int, int]]:
        """Return where the recordings that are there end, by topic."""
        ends: dict[str, tuple[int, int]] = {}
        for folder in sorted(path for path in self._root.iterdir() if path.is_dir()):
            try:
                found = find_resume_point(folder)
            except OSError as error:
                raise ConfigError(f"{folder}: can't be read: {error.strerror}") from None
            if found is not None:
                self._endings[folder.name] = found
                ends |= found.ends
                self._log.info(f"{folder.name}: {found.text(self._since_ns)}")
        return ends

    # --- recording ------------------------------------------------------------------------------

    def _record(self, stream: Stream[PublishedMessage | Notice]) -> None:
        receive, take = stream.receive, self._take
        while not self._stopping:
            count = 0
            while count < AT_ONCE and (event := receive(0)) is not None:
                take(event)
                count += 1
            self._look()
            if count < AT_ONCE:
                # Nobody waits for the disk: to be woken by each message would cost more than it.
                time.sleep(LOOK_S)

    def _drain(self, stream: Stream[PublishedMessage | Notice]) -> None:
        """Take what is on its way: the feeds' last words, where they were stopped before."""
        until_s = time.monotonic() + DRAIN_S
        while time.monotonic() < until_s and (event := stream.receive(QUIET_S)) is not None:
            self._take(event)

    def _take(self, event: PublishedMessage | Notice) -> None:
        if isinstance(event, PublishedMessage):
            topic = event.topic
            series = self._by_topic.get(topic) or self._of_topic(topic)
            series.add(event.published_ns, _KINDS[event.origin], topic, event.payload)
        else:
            self._take_notice(event)

    def _of_topic(self, topic: bytes) -> SeriesWriter:
        feed = topic.decode("ascii").partition(".")[2]
        series = self._by_topic[topic] = self._of_feed(feed)
        return series

    def _take_notice(self, told: Notice) -> None:
        now_ns = time.time_ns()
        feed = told.topic.partition(".")[2] if isinstance(told, Gap) else told.feed
        if feed:
            self._of_feed(feed).tell(told, now_ns)
        elif self._series:
            for series in self._series.values():
                series.tell(told, now_ns)
        else:
            self._early.append(told)

    def _of_feed(self, feed: str) -> SeriesWriter:
        exchange = exchange_of(feed)
        if exchange not in self._series and len(self._series) >= MOST_SERIES:
            exchange = exchange_of("")
        series = self._series.get(exchange)
        if series is None:
            series = self._series[exchange] = self._begun(exchange)
        return series

    def _begun(self, exchange: str) -> SeriesWriter:
        before = self._endings.get(exchange)
        clock_ns = None if before is None else before.clock_ns
        series = SeriesWriter(self._root, exchange, self._settings, clock_ns, self._log)
        now_ns = time.time_ns()
        if before is not None:
            series.tell(StateChange("", "interrupted", before.text(self._since_ns)), now_ns)
        while self._early:
            series.tell(self._early.popleft(), now_ns)
        return series

    # --- now and then ---------------------------------------------------------------------------

    def _look(self) -> None:
        now_ns, now_s = time.time_ns(), time.monotonic()
        for series in self._series.values():
            series.look(now_ns, now_s)
        if now_s - self._reported_s >= REPORT_S:
            self._report(now_s)

    @property
    def messages(self) -> int:
        """How many records were written."""
        return sum(series.records for series in self._series.values())

    def _report(self, now_s: float, failing: str | None = None) -> None:
        messages, passed_s = self.messages, now_s - self._reported_s
        unwritten = [
            f"{series.exchange}: {series.unwritten.text}"
            for series in self._series.values()
            if series.unwritten is not None
        ]
        rate = (messages - self._reported) / passed_s
        self._reported_s, self._reported = now_s, messages
        self._tell(
            RecorderStatus(
                pid=os.getpid(),
                at_ns=time.time_ns(),
                since_ns=self._since_ns,
                dir=str(self._root),
                messages=messages,
                messages_per_s=round(rate, 1),
                bytes=sum(series.size for series in self._series.values()),
                lost=sum(series.lost for series in self._series.values()),
                failing=failing or "; ".join(unwritten) or None,
            )
        )
