"""Joining: hold messages until the history service has sent the last message of each topic.

Pure: no clock and no socket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.client.decoding import STATUS_TYPES
from feedd.client.history_responses import ErrorResponse, SnapshotResponse, decode_from_history
from feedd.client.missing_ranges import MAX_REPAIRED
from feedd.client.reorder_buffer import ReorderBuffer
from feedd.client.topic_table import MAX_TOPICS

if TYPE_CHECKING:
    from feedd.client.decoding import Message, StatusMessage
    from feedd.client.deployment_gate import DeploymentGate
    from feedd.client.event_emitter import EventEmitter
    from feedd.client.history_requests import HistoryRequest, HistoryRequests
    from feedd.client.history_responses import HistoryResponse
    from feedd.client.sequencer import Sequencer
    from feedd.client.topic_table import FeedState, TopicState, TopicTable

    LowestHeld = dict[tuple[TopicState, int], int]  # seq by topic and session

JOIN_S = 2.0  # without a snapshot by then, the stream begins without one
MAX_HELD = 50_000  # messages


class Joining:
    """Requests the snapshot page by page, holds live messages, and then begins the stream once.

    It is `finished` when the stream has begun.
    """

    def __init__(
        self,
        table: TopicTable,
        sequencer: Sequencer,
        emitter: EventEmitter,
        requests: HistoryRequests,
        now_s: float,
        gate: DeploymentGate | None = None,
    ) -> None:
        self.finished = False
        self._gate = gate
        self._table = table
        self._sequencer = sequencer
        self._emitter = emitter
        self._requests = requests
        self._until_s = now_s + JOIN_S
        self._held: list[tuple[TopicState, Message, float]] = []  # with the time of receipt
        self._snapshot: list[tuple[bytes, bytes]] = []
        self._request_page(0, now_s)

    def hold(self, topic: TopicState, message: Message, now_s: float) -> None:
        """Hold a live message until the stream begins."""
        self._held.append((topic, message, now_s))

    def completed(self, request: HistoryRequest, response: HistoryResponse, now_s: float) -> None:
        """Handle the response to a request for a page of the snapshot."""
        if isinstance(response, ErrorResponse):
            self._begin(now_s, "the history service rejected the request")
        elif isinstance(response, SnapshotResponse):
            self._snapshot += response.messages
            self._until_s = now_s + JOIN_S
            too_many = len(self._snapshot) > MAX_TOPICS
            if response.complete or not response.messages or too_many:
                self._begin(now_s)
            else:
                self._request_page(request.history, now_s)

    def timed_out(self, request: HistoryRequest, now_s: float) -> None:
        """Request the page from the next history."""
        self._request_page(request.history + 1, now_s)

    def check(self, now_s: float) -> None:
        """Begin the stream without a snapshot if it takes too long or too much is held."""
        if now_s > self._until_s:
            self._begin(now_s, "the history service does not respond")
        elif len(self._held) >= MAX_HELD:
            self._begin(now_s, "too many messages came before the history service responded")

    def _request_page(self, history: int, now_s: float) -> None:
        after = self._snapshot[-1][0].decode(errors="replace") if self._snapshot else None
        self._requests.snapshot(self._table.subscriptions, after, now_s, history)

    # --- the beginning of the stream ----------------------------------------------------------

    def _begin(self, now_s: float, failure: str | None = None) -> None:
        """Begin the stream: the snapshot, then the held messages.

        `failure` is why the snapshot is missing or incomplete.
        """
        self.finished = True
        if failure is not None:
            self._emitter.history_unavailable(f"{failure}: the stream begins without a snapshot")
        snapshot = self._decoded_snapshot()
        if self._gate is not None:
            self._held += self._gate.release()
        lowest = self._lowest_held()
        self._catch_up_resumed(snapshot, lowest, now_s)
        late = [
            (topic, message)
            for topic, message in snapshot
            if not self._begin_with(topic, message, lowest.get((topic, message.session)), now_s)
        ]
        statuses = [
            (topic.feed, message)
            for topic, message in snapshot
            if isinstance(message, STATUS_TYPES) and message.session == topic.feed.session
        ]
        for feed, status in statuses:
            self._begin_with_status(feed, status, lowest, now_s)
        for (topic, session), seq in lowest.items():
            if topic.buffer is None and topic.feed.session in {None, session}:
                topic.feed.session = session
                topic.buffer = ReorderBuffer(session, 1 if topic.feed.complete else seq)
        for topic, message, received_s in self._held:
            self._sequencer.receive(topic, message, received_s)
        for topic, message in late:
            self._sequencer.receive(topic, message, now_s)
        for feed, status in statuses:
            if status.session == feed.session:
                self._sequencer.receive_next_seqs(feed, status, now_s)

    def _lowest_held(self) -> LowestHeld:
        lowest: LowestHeld = {}
        for topic, message, _ in self._held:
            key = (topic, message.session)
            lowest[key] = min(message.seq, lowest.get(key, message.seq))
        return lowest

    def _decoded_snapshot(self) -> list[tuple[TopicState, Message]]:
        """Return the snapshot's messages, statuses first, and note their sessions."""
        decoded = []
        for frame, payload in self._snapshot:
            topic = self._table.get(frame)
            if topic is None:
                continue
            message = decode_from_history(topic, frame, payload, "snapshot")
            if message is not None:
                decoded.append((topic, message))
        self._emitter.topics_rejected(self._table.rejected)
        decoded.sort(key=lambda one: not one[0].is_status)
        if self._gate is not None:
            decoded = [one for one in decoded if self._gate.admits(*one)]
        for topic, message in decoded:
            if not topic.feed.resumed:
                topic.feed.session = max(topic.feed.session or 0, message.session)
        return decoded

    def _catch_up_resumed(
        self, snapshot: list[tuple[TopicState, Message]], lowest: LowestHeld, now_s: float
    ) -> None:
        """Request what was published of resumed feeds since the earlier stream ended."""
        known = [(topic, message.session, message.seq) for topic, message in snapshot]
        known += [(topic, session, seq - 1) for (topic, session), seq in lowest.items()]
        known = [one for one in known if one[0].feed.resumed]
        newest: dict[FeedState, int] = {}
        for topic, session, _ in known:
            newest[topic.feed] = max(session, newest.get(topic.feed, session))
        for feed, session in newest.items():
            if session != feed.session:
                self._sequencer.new_session(feed, session)
            feed.resumed = False
        for topic, session, high in sorted(known, key=lambda one: one[2]):
            if topic.buffer is None and topic.feed.complete and session == topic.feed.session:
                topic.buffer = ReorderBuffer(session, 1)
            self._sequencer.catch_up(topic, session, high, now_s)

    def _begin_with(
        self, topic: TopicState, message: Message, held: int | None, now_s: float
    ) -> bool:
        """Begin a topic with its snapshot; return whether the snapshot is done with.

        It is not where the live messages begin before it: `held` is the first seq of those.
        """
        if topic.buffer is not None:
            return True
        if message.session != topic.feed.session:  # the last one, although of an older session
            self._sequencer.emit(topic, message)
            return True
        if held is not None and held <= message.seq:
            topic.buffer = ReorderBuffer(message.session, held)
            return False
        if held is not None and held - message.seq > MAX_REPAIRED:
            topic.buffer = ReorderBuffer(message.session, held)
            return True
        topic.buffer = ReorderBuffer(message.session, message.seq)
        topic.buffer.offer(message.seq, message, now_s, 0.0)
        self._sequencer.advance(topic)
        return True

    def _begin_with_status(
        self, feed: FeedState, status: StatusMessage, lowest: LowestHeld, now_s: float
    ) -> None:
        """Begin the topics without a snapshot where the feed's status shows."""
        feed.complete = bool(feed.complete)
        feed.heartbeat_s = now_s
        feed.stopped = status.state == "stopped"
        for name, next_seq in status.next_seq.items():
            topic = self._table.get(name.encode())
            if topic is not None and topic.feed is feed and topic.buffer is None:
                held = lowest.get((topic, status.session), next_seq)
                first = 1 if feed.complete else max(1, min(held, next_seq))
                topic.buffer = ReorderBuffer(status.session, first)
