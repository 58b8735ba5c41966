"""Gap repair: requests missing ranges, fills them or gives them up.

Pure: no clock and no socket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.client.decoding import STATUS_TYPES, set_origin
from feedd.client.history_responses import ReplayResponse, decode_from_history

if TYPE_CHECKING:
    from feedd.client.history_requests import HistoryRequest, HistoryRequests
    from feedd.client.history_responses import HistoryResponse
    from feedd.client.missing_ranges import MissingRange
    from feedd.client.reorder_buffer import ReorderBuffer
    from feedd.client.sequencer import Sequencer
    from feedd.client.topic_table import TopicState

REPAIR_S = 1.0  # from the first request; then a missing range becomes a Gap
FIRST_REQUEST_S = 5.0  # until the first request, while others are in flight
HISTORY_LAG_S = 0.25  # a message that the history has not got by then, it will not get
RETRY_S = 0.05
MAX_WAITING_IN_ALL = 50_000  # messages behind missing ranges, over all topics
PROBE_S = 1.0


class GapRepair:
    """Repairs the missing ranges of all topics from the histories."""

    def __init__(self, sequencer: Sequencer, requests: HistoryRequests, now_s: float) -> None:
        self._sequencer = sequencer
        self._requests = requests
        self._probed_s = now_s

    def check(self, now_s: float) -> None:
        """Give up what has waited too long, and request the rest."""
        waiting = 0
        for topic in list(self._sequencer.incomplete):
            waiting += len(topic.buffer.waiting) if topic.buffer else 0
            if waiting > MAX_WAITING_IN_ALL and topic.buffer:
                topic.buffer.missing.give_up_all(
                    f"more than {MAX_WAITING_IN_ALL:,} messages waited"
                )
            self._give_up_late(topic, now_s)
        self._request(now_s)

    def probe(self, now_s: float) -> None:
        """Probe the unavailable histories."""
        if now_s - self._probed_s < PROBE_S:
            return
        self._probed_s = now_s
        for history in sorted(self._requests.unavailable):
            if self._requests.possible:
                self._requests.probe(history, now_s)

    def completed(
        self, topic: TopicState, request: HistoryRequest, response: HistoryResponse, now_s: float
    ) -> None:
        """Handle the response to the request for a missing range."""
        topic.requested = False
        buffer = topic.buffer
        if buffer is None or buffer.session != request.session:
            return
        if isinstance(response, ReplayResponse):
            self._fill(request, topic, buffer, response, now_s)
        else:
            self._refuse(
                buffer, request, request.first, request.last,
                "the history service rejected the request",
            )  # fmt: skip
            self._sequencer.advance(topic)
            self._request(now_s)

    def _refuse(
        self, buffer: ReorderBuffer, request: HistoryRequest, first: int, last: int, reason: str
    ) -> None:
        all_histories = self._requests.all_histories
        buffer.missing.refuse(first, last, request.history, all_histories, reason)

    def _request(self, now_s: float) -> None:
        incomplete = self._sequencer.incomplete
        for topic in list(incomplete):
            if not self._requests.possible:
                return
            buffer = topic.buffer
            if topic.requested or buffer is None:
                continue
            found = buffer.missing.next_request(now_s)
            if found is None:
                continue
            self._requests.replay(
                topic, buffer.session, found.first, found.last, found.refused_by, now_s
            )
            topic.requested = True
            del incomplete[topic]
            incomplete[topic] = None  # moves it to the end

    def _fill(
        self,
        request: HistoryRequest,
        topic: TopicState,
        buffer: ReorderBuffer,
        response: ReplayResponse,
        now_s: float,
    ) -> None:
        first, last, end = request.first, request.last, request.first - 1
        statuses = []
        for frame, payload in response.messages:
            message = decode_from_history(topic, frame, payload, "replayed")
            if message is None or message.session != buffer.session:
                continue
            if not first <= message.seq <= last:
                continue
            end = max(end, message.seq)
            missing = buffer.missing.overlapping(message.seq, message.seq)
            if any(one.as_snapshot for one in missing):
                set_origin(message, "snapshot")
            new = buffer.offer(message.seq, message, now_s, 0.0)
            if new and isinstance(message, STATUS_TYPES):
                statuses.append(message)
        self._handle_missing(request, buffer, response, end, now_s)
        self._sequencer.advance(topic)
        for status in statuses:
            self._sequencer.receive_next_seqs(topic.feed, status, now_s)
        self._request(now_s)

    def _handle_missing(
        self,
        request: HistoryRequest,
        buffer: ReorderBuffer,
        response: ReplayResponse,
        end: int,
        now_s: float,
    ) -> None:
        """Decide about what the response left out; `end` is its last seq."""
        low, high = response.low, response.high
        kept = "nothing" if low is None else f"{low:,} to {high:,}"
        reason = f"the history service keeps {kept} of the session"
        for missing in list(buffer.missing.overlapping(request.first, request.last)):
            first, last = max(missing.first, request.first), min(missing.last, request.last)
            if high is not None and end < first <= high and response.messages:
                continue  # the response was full; request the rest
            if (high is None or last > high) and now_s - missing.seen_s < HISTORY_LAG_S:
                buffer.missing.postpone(missing, now_s + RETRY_S)  # the history lags
                continue
            self._refuse(buffer, request, first, last, reason)

    def _give_up_late(self, topic: TopicState, now_s: float) -> None:
        if topic.buffer is not None:
            topic.buffer.missing.give_up_where(lambda missing: self._late(missing, now_s))
            self._sequencer.advance(topic)

    def _late(self, missing: MissingRange, now_s: float) -> str | None:
        """Return why a range has waited too long; None if it has not."""
        if not self._requests.histories:
            overdue = now_s >= missing.request_from_s
            return "no history service is configured" if overdue else None
        if missing.requested_s is not None and now_s - missing.requested_s > REPAIR_S:
            return f"not repaired within {REPAIR_S} s"
        limit_s = REPAIR_S if self._requests.all_unavailable else FIRST_REQUEST_S
        if now_s - missing.seen_s > limit_s:
            return f"not repaired within {limit_s} s"
        return None
