"""Sequencer: puts all topics of a stream in order and detects gaps and new sessions.

Pure: no clock and no socket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.client.decoding import STATUS_TYPES
from feedd.client.missing_ranges import MAX_REPAIRED, MissingRange
from feedd.client.reorder_buffer import ReorderBuffer
from feedd.clock import NS_PER_S

if TYPE_CHECKING:
    from collections.abc import Mapping

    from feedd.client.decoding import Message, StatusMessage
    from feedd.client.event_emitter import EventEmitter
    from feedd.client.topic_table import FeedState, TopicState, TopicTable

MAX_RESUMED = 10_000  # messages of a topic that are requested: as many as a history keeps
# A first status published so long before the stream is a recording's, and its worker's uptime says
# nothing about the stream. Shorter times are differences of clocks.
RECORDED_NS = 10 * NS_PER_S
OTHER_ENDPOINT_S = 0.05  # another endpoint may fill a gap, or the message may only be late


class Sequencer:
    """All topics of a stream that began at `since_s`, by the wall clock at `since_ns`.

    `incomplete` are the topics with missing ranges, in the order of their requests. `urgent`: a gap
    was detected since it was last set to False. `repairs`: missing ranges can be requested.
    """

    def __init__(
        self, table: TopicTable, emitter: EventEmitter, since_s: float, since_ns: int,
        *, repairs: bool,
    ) -> None:  # fmt: skip
        self.incomplete: dict[TopicState, None] = {}
        self.urgent = False
        self.endpoints_up = 1
        self._table = table
        self._emitter = emitter
        self._since_s = since_s
        self._since_ns = since_ns
        self._repairs = repairs

    @property
    def request_delay_s(self) -> float:
        """How long a missing range waits before it is requested."""
        alone = self.endpoints_up <= 1 and self._repairs
        return 0.0 if alone else OTHER_ENDPOINT_S

    def resume(self, ends: Mapping[str, tuple[int, int]]) -> None:
        """Resume an earlier stream; `ends` maps each topic to its session and next seq.

        A feed whose status is not among them may have topics that are not known.
        """
        topics = [(self._table.get(name.encode()), *end) for name, end in ends.items()]
        known = [(topic, session, first) for topic, session, first in topics if topic is not None]
        for topic, session, _ in known:
            topic.feed.session = max(topic.feed.session or 0, session)
        for topic, session, first in known:
            feed = topic.feed
            if session == feed.session:
                topic.buffer = ReorderBuffer(session, first)
                feed.resumed = True
                feed.complete = feed.complete or topic.is_status

    def catch_up(self, topic: TopicState, session: int, high: int, now_s: float) -> None:
        """Request, in pieces, what was published of a resumed topic meanwhile: up to `high`."""
        buffer = topic.buffer
        if buffer is None or buffer.session != session or high <= buffer.high:
            return
        known = buffer.high
        if high - known > MAX_RESUMED:
            known = high - MAX_RESUMED
            buffer.published(known, now_s, self.request_delay_s)
            reason = f"it is more than {MAX_RESUMED:,} messages ago"
            buffer.missing.give_up_overlapping(buffer.next, known, reason)
        for last in range(known + MAX_REPAIRED, high, MAX_REPAIRED):
            buffer.published(last, now_s, self.request_delay_s)
        buffer.published(high, now_s, self.request_delay_s)
        self.advance(topic)

    def receive(self, topic: TopicState, message: Message, now_s: float) -> None:
        """Receive a message of a subscription or of the snapshot."""
        feed = topic.feed
        if feed.session is None:
            feed.session = message.session
        elif message.session != feed.session:
            if message.session < feed.session and not feed.resumed:
                return
            self.new_session(feed, message.session)
        feed.resumed = False
        status = None
        if topic.is_status and isinstance(message, STATUS_TYPES):
            status = message
            if status.origin == "live":
                feed.heartbeat_s = now_s
                feed.stopped = status.state == "stopped"
        if topic.buffer is None:
            topic.buffer = ReorderBuffer(message.session, 1 if feed.complete else message.seq)
        if topic.buffer.offer(message.seq, message, now_s, self.request_delay_s):
            self.advance(topic)
        if status is not None:
            self.receive_next_seqs(feed, status, now_s)

    def advance(self, topic: TopicState) -> None:
        """Emit what is next, and note whether the topic is incomplete."""
        buffer = topic.buffer
        if buffer is None:
            return
        for item in buffer.advance():
            if isinstance(item, MissingRange):
                # Without the message before its first one, a topic begins with the first one.
                before = item.as_snapshot and item.first == buffer.begins_at
                first, reason = item.first + before, item.given_up or ""
                if first <= item.last:
                    self._emitter.gap(topic, buffer.session, first, item.last, reason)
            else:
                self.emit(topic, item)
        if buffer.missing.ranges:
            self.urgent = self.urgent or topic not in self.incomplete
            self.incomplete.setdefault(topic)
        else:
            self.incomplete.pop(topic, None)

    def emit(self, topic: TopicState, message: Message) -> None:
        """Emit a message, whatever its seq."""
        if topic.is_status and isinstance(message, STATUS_TYPES):
            self._emitter.status(topic.feed, message)
        if topic.wanted:
            self._emitter.events.append(message)

    def receive_next_seqs(self, feed: FeedState, status: StatusMessage, now_s: float) -> None:
        """Detect lost tails, and where topics begin, by a status."""
        if feed.complete is None and status.origin == "live":
            recorded = status.published_ns < self._since_ns - RECORDED_NS
            feed.complete = status.uptime_s < now_s - self._since_s and not recorded
            if feed.complete:
                self._report_missed_beginnings(feed)
        for name, next_seq in status.next_seq.items():
            topic = self._table.get(name.encode())
            if topic is None or topic.feed is not feed:
                continue
            if topic.buffer is None:
                topic.buffer = self._begun_by_status(feed, status.session, next_seq, now_s)
            topic.buffer.published(next_seq - 1, now_s, self.request_delay_s)
            self.advance(topic)

    def _begun_by_status(
        self, feed: FeedState, session: int, next_seq: int, now_s: float
    ) -> ReorderBuffer:
        """Return the buffer of a topic without a message, neither live nor in the snapshot.

        Messages published between the snapshot and our subscription are in neither. The last of
        them is requested: otherwise a quiet topic would have no value until its next message.
        """
        if feed.complete or not self._repairs or next_seq < 2:
            return ReorderBuffer(session, 1 if feed.complete else max(1, next_seq))
        buffer = ReorderBuffer(session, next_seq - 1)
        buffer.published(next_seq - 1, now_s, self.request_delay_s, as_snapshot=True)
        return buffer

    def new_session(self, feed: FeedState, session: int) -> None:
        """Start over with all topics of a feed, each from its first message."""
        old = feed.session
        for topic in feed.topics:
            if topic.buffer is not None:
                topic.buffer.missing.give_up_all("a new session began before it was repaired")
                self.advance(topic)
                topic.buffer.begin(session, 1)
        if old is not None:
            self._emitter.new_session(feed, old, session)
        feed.session, feed.complete, feed.stopped = session, True, False

    def _report_missed_beginnings(self, feed: FeedState) -> None:
        for topic in feed.topics:
            buffer = topic.buffer
            missed = buffer.take_missed_beginning() if buffer is not None else 0
            if buffer is not None and missed:
                reason = "it was published before the feed's first status was received"
                self._emitter.gap(topic, buffer.session, 1, missed, reason)
