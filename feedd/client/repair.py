"""Repair: holes are asked for, filled, or given up.

Pure, like all of the protocol.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.client.decoding import ReplayAnswer, from_history, read_from_history

if TYPE_CHECKING:
    from feedd.client.asking import Asking, Request
    from feedd.client.decoding import Refusal, SnapshotAnswer
    from feedd.client.order import Hole, Order
    from feedd.client.sequencing import Sequencing
    from feedd.client.topic_table import Topic

REPAIR_S = 1.0  # from the first question; then a hole is a Gap
IN_LINE_S = 5.0  # until the first question, while others are asked
HISTORY_LAG_S = 0.25  # what the history hasn't got so long after it was published, it won't get
ASK_AGAIN_S = 0.05
MOST_WAITING_IN_ALL = 50_000  # messages behind holes, over all topics
PROBE_S = 1.0


class Repair:
    """The holes of all topics, and the histories that may fill them."""

    def __init__(self, sequencing: Sequencing, asking: Asking, now_s: float) -> None:
        self._sequencing = sequencing
        self._asking = asking
        self._probed_s = now_s

    def look(self, now_s: float) -> None:
        """Give up what has waited too long, and ask for the rest."""
        waiting = 0
        for topic in list(self._sequencing.broken):
            waiting += len(topic.order.waiting) if topic.order else 0
            if waiting > MOST_WAITING_IN_ALL and topic.order:
                topic.order.give_up_all(f"more than {MOST_WAITING_IN_ALL:,} messages waited")
            self._give_up_late(topic, now_s)
        self._ask(now_s)

    def probe(self, now_s: float) -> None:
        """Find out whether a history that is away is back."""
        if now_s - self._probed_s < PROBE_S:
            return
        self._probed_s = now_s
        for history in sorted(self._asking.away):
            if self._asking.possible:
                self._asking.snapshot(None, [], None, now_s, history)

    def answered(
        self, request: Request, found: SnapshotAnswer | ReplayAnswer | Refusal, now_s: float
    ) -> None:
        """Take in what a history answers to the request for a hole."""
        topic: Topic = request.subject
        topic.asked = False
        order = topic.order
        if order is None or order.session != request.session:
            return
        if isinstance(found, ReplayAnswer):
            self._replayed(request, topic, order, found, now_s)
        else:
            reason = "the history service refused to send it"
            order.refuse(
                request.first, request.last, request.history, self._asking.everyone, reason
            )
            self._sequencing.advance(topic)
            self._ask(now_s)

    def _ask(self, now_s: float) -> None:
        broken = self._sequencing.broken
        for topic in list(broken):
            if not self._asking.possible:
                return
            order = topic.order
            if topic.asked or order is None:
                continue
            hole = order.wanted(now_s)
            if hole is None:
                continue
            self._asking.replay(
                topic, topic.name, order.session, hole.first, hole.last, hole.refused, now_s
            )
            topic.asked = True
            del broken[topic]
            broken[topic] = None  # to the end of the line

    def _replayed(
        self, request: Request, topic: Topic, order: Order, found: ReplayAnswer, now_s: float
    ) -> None:
        first, last, end = request.first, request.last, request.first - 1
        statuses = []
        for frame, payload in found.messages:
            message = read_from_history(topic.name, topic.decode, frame, payload, "replayed")
            if message is None or message.session != order.session:
                continue
            if not first <= message.seq <= last:
                continue
            end = max(end, message.seq)
            if any(hole.newest for hole in order.within(message.seq, message.seq)):
                from_history(message, "snapshot")
            if order.offer(message.seq, message, now_s, 0.0) and topic.is_status:
                statuses.append(message)
        self._not_sent(request, order, found, end, now_s)
        self._sequencing.advance(topic)
        for status in statuses:
            self._sequencing.next_seqs(topic.feed, status, now_s)
        self._ask(now_s)

    def _not_sent(
        self, request: Request, order: Order, found: ReplayAnswer, end: int, now_s: float
    ) -> None:
        """Judge what the answer left out; `end` is the last seq that it has."""
        low, high = found.low, found.high
        kept = "nothing" if low is None else f"{low:,} to {high:,}"
        reason = f"the history service keeps {kept} of the session"
        for hole in list(order.within(request.first, request.last)):
            first, last = max(hole.first, request.first), min(hole.last, request.last)
            if high is not None and end < first <= high and found.messages:
                continue  # the answer was full; ask for the rest
            if (high is None or last > high) and now_s - hole.seen_s < HISTORY_LAG_S:
                hole.ask_s = now_s + ASK_AGAIN_S  # it has not come that far
                continue
            order.refuse(first, last, request.history, self._asking.everyone, reason)

    def _give_up_late(self, topic: Topic, now_s: float) -> None:
        order = topic.order
        if order is None:
            return
        for hole in order.holes:
            if hole.lost is None:
                hole.lost = self._late(hole, now_s)
        self._sequencing.advance(topic)

    def _late(self, hole: Hole, now_s: float) -> str | None:
        """Return why a hole is waited for no longer, or None."""
        if not self._asking.histories:
            return "there is no history service to ask" if now_s >= hole.ask_s else None
        if hole.asked_s is not None and now_s - hole.asked_s > REPAIR_S:
            return f"not repaired within {REPAIR_S} s"
        limit_s = REPAIR_S if self._asking.all_away else IN_LINE_S
        if now_s - hole.seen_s > limit_s:
            return f"not repaired within {limit_s} s"
        return None
