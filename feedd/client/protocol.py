"""The client's protocol: frames in, events and requests out.

A state machine with no socket and no clock: tell it what came and when, by one monotonic clock in
s, and take what it has to say. It promises, for each topic and session, from the first message on:

- ticks strictly ascending by seq, none twice;
- each seq that is missing between them, or known from a heartbeat to have been published after
  them, lies in exactly one Gap;
- nothing of an older session once a newer one has begun.

It promises no order between topics, not even between a feed's status and its ticks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.client.asking import Asking
from feedd.client.decoding import (
    UNREADABLE,
    Refusal,
    ReplayAnswer,
    SnapshotAnswer,
    answer,
    from_history,
)
from feedd.client.joining import JOIN_S, Joining
from feedd.client.order import LARGEST, Hole, Order
from feedd.client.telling import Telling
from feedd.client.topic_table import MOST_TOPICS, TopicTable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from feedd.client.asking import Request
    from feedd.client.decoding import Message
    from feedd.client.events import Event, Origin
    from feedd.client.topic_table import Feed, Topic

STALE_S = 2.5  # two heartbeats, and half of one for noise
REPAIR_S = 1.0  # from the first question; then a hole is a Gap
IN_LINE_S = 5.0  # until the first question, while others are asked
OTHER_ENDPOINT_S = 0.05  # another endpoint may fill a hole, or the message may only be late
HISTORY_LAG_S = 0.25  # what the history hasn't got so long after it was published, it won't get
ASK_AGAIN_S = 0.05
MOST_WAITING_IN_ALL = 50_000  # messages behind holes, over all topics
PROBE_S = 1.0
BUSY_S = 0.02  # until the next look, while something is waited for
IDLE_S = 0.2
HELD_UP_S = 0.5  # a look that comes so late was held up in this process: the time does not count


class Protocol:
    """One stream. `prefixes` are of the topics that the caller wants; `histories` can be asked."""

    def __init__(self, prefixes: Iterable[str], histories: int, now_s: float) -> None:
        self._table = TopicTable(prefixes)
        self._topics = self._table.topics
        self._asking = Asking(histories)
        self._endpoints_up = 1
        self._tell = Telling()
        self._ticks = self._tell.events
        self._broken: dict[Topic, None] = {}  # those with holes, in the order of their asking
        self._since_s = now_s
        self._looked_s = now_s
        self._held_up_s = 0.0
        self._probed_s = now_s
        self._closely_s = now_s
        self._urgent = False  # a hole showed since the last close look
        self._joining: Joining | None = None
        if histories:
            self._joining = Joining(now_s + JOIN_S)
            self._ask_snapshot(self._joining, now_s)

    # --- for the shell ------------------------------------------------------------------------

    @property
    def subscriptions(self) -> list[str]:
        """The prefixes to subscribe to."""
        return self._table.subscriptions

    @property
    def wait_s(self) -> float:
        """How long the shell may wait for something to come before it calls `look`."""
        return BUSY_S if self._broken or self._joining else IDLE_S

    def clock(self, monotonic_s: float) -> float:
        """Return the protocol's time, in which no time passes while this process is held up.

        Call it once before each round of messages and `look`.
        """
        late_s = monotonic_s - self._held_up_s - self._looked_s
        if late_s > HELD_UP_S:
            self._held_up_s += late_s
        self._looked_s = monotonic_s - self._held_up_s
        return self._looked_s

    def endpoints(self, up: int) -> None:
        """Take in how many endpoints are connected."""
        self._endpoints_up = up

    def events(self) -> list[Event]:
        """Return what the caller is to be told, in order, once."""
        events = list(self._ticks)
        self._ticks.clear()
        return events

    def requests(self) -> list[tuple[int, bytes]]:
        """Return what is to be sent: the number of the history, and the frame."""
        return self._asking.take()

    def message(self, frame: bytes, payload: bytes, now_s: float) -> None:
        """Take in a message from an endpoint."""
        topic = self._topics.get(frame) or self._table.get(frame)
        if topic is None:
            self._tell.topics_refused(self._table.refused)
            return
        try:
            message = topic.decode(payload)
        except UNREADABLE:
            return  # its seq is a hole, and so it is told
        order = topic.order
        if (
            order is not None
            and message.seq == order.next > order.high
            and message.session == order.session
            and not topic.is_status
        ):
            order.high = message.seq
            order.next = message.seq + 1
            self._ticks.append(message)
        elif message.seq > 0:
            self._take(topic, message, now_s)

    def answer(self, frame: bytes, now_s: float) -> None:
        """Take in an answer of a history service."""
        try:
            found = answer(frame)
        except UNREADABLE:
            return  # no answer: the request will be late
        request = self._asking.answered(found.id)
        if request is None:
            return
        self._tell.history()
        if isinstance(request.subject, Joining):
            if request.subject is self._joining:
                self._joining_answered(request.subject, found, now_s)
        elif request.subject is not None and isinstance(found, ReplayAnswer):
            self._replayed(request, found, now_s)
        elif request.subject is not None:
            request.subject.asked = False
            if isinstance(found, Refusal):
                self._refused(request, "the history service refused to send it", now_s)

    def look(self, now_s: float) -> None:
        """See to what is due."""
        for request in self._asking.unanswered(now_s):
            self._unanswered(request, now_s)
        joining = self._joining
        if joining is not None and now_s > joining.until_s:
            self._join(now_s, "the history service does not answer")
        elif joining is not None and joining.full:
            self._join(now_s, "too much came before the history service had answered")
        if self._urgent or now_s - self._closely_s >= BUSY_S:
            self._urgent, self._closely_s = False, now_s
            self._look_closely(now_s)

    def _look_closely(self, now_s: float) -> None:
        """See to holes and feeds: all of them, and so not after each message."""
        waiting = 0
        for topic in list(self._broken):
            waiting += len(topic.order.waiting) if topic.order else 0
            if waiting > MOST_WAITING_IN_ALL and topic.order:
                topic.order.give_up_all(f"more than {MOST_WAITING_IN_ALL:,} messages waited")
            self._give_up_late(topic, now_s)
        self._ask(now_s)
        self._probe(now_s)
        for feed in self._table.feeds.values():
            silent = feed.heard_s is not None and now_s - feed.heard_s > STALE_S
            if silent and not feed.stopped and feed.told is not None:
                feed.heard_s = None
                self._tell.state(feed, "stale", f"nothing heard for {STALE_S} s")

    # --- order --------------------------------------------------------------------------------

    def _take(self, topic: Topic, message: Message, now_s: float) -> None:
        if self._joining is not None:
            self._joining.held.append((topic, message, now_s))
            return
        feed = topic.feed
        if feed.session is None:
            feed.session = message.session
        elif message.session > feed.session:
            self._new_session(feed, message.session)
        elif message.session < feed.session:
            return
        if topic.is_status and message.origin == "live":
            feed.heard_s = now_s
            feed.stopped = message.state == "stopped"
        if topic.order is None:
            topic.order = Order(message.session, 1 if feed.whole else message.seq)
        if topic.order.offer(message.seq, message, now_s, self._patience_s()):
            self._advance(topic)
        if topic.is_status:
            self._next_seqs(feed, message, now_s)

    def _advance(self, topic: Topic) -> None:
        """Hand on what is next, and note whether there is a hole behind it."""
        order = topic.order
        if order is None:
            return
        for item in order.advance():
            if isinstance(item, Hole):
                self._tell.gap(topic, order.session, item.first, item.last, item.lost or "")
            else:
                self._deliver(topic, item)
        if order.holes:
            self._urgent = self._urgent or topic not in self._broken
            self._broken.setdefault(topic)
        else:
            self._broken.pop(topic, None)

    def _deliver(self, topic: Topic, message: Message) -> None:
        if topic.is_status:
            self._tell.status(topic.feed, message)
        if topic.wanted:
            self._ticks.append(message)

    def _new_session(self, feed: Feed, session: int) -> None:
        old = feed.session
        for topic in feed.topics:
            if topic.order is not None:
                topic.order.give_up_all("a new session began before it was repaired")
                self._advance(topic)
                topic.order.begin(session, 1)
        if old is not None:
            self._tell.new_session(feed, old, session)
        feed.session, feed.whole, feed.stopped = session, True, False

    def _next_seqs(self, feed: Feed, status: Message, now_s: float) -> None:
        """Find lost tails, and where topics begin."""
        if feed.whole is None and status.origin == "live":
            feed.whole = status.uptime_s < now_s - self._since_s
            if feed.whole:
                self._tell_missed_beginnings(feed)
        for name, next_seq in status.next_seq.items():
            topic = self._table.get(name.encode())
            if topic is None or topic.feed is not feed:
                continue
            if topic.order is None:
                topic.order = self._begun_by_status(feed, status.session, next_seq, now_s)
            topic.order.exists(next_seq - 1, now_s, self._patience_s())
            self._advance(topic)

    def _begun_by_status(self, feed: Feed, session: int, next_seq: int, now_s: float) -> Order:
        """Return where a topic begins of which nothing came, neither live nor in the snapshot.

        What was published between the snapshot and our subscription is in neither. The last of it
        is asked for: a quiet topic would else have no value until its next message.
        """
        if feed.whole or not self._asking.histories or next_seq < 2:
            return Order(session, 1 if feed.whole else max(1, next_seq))
        order = Order(session, next_seq - 1)
        order.exists(next_seq - 1, now_s, self._patience_s(), newest=True)
        return order

    def _tell_missed_beginnings(self, feed: Feed) -> None:
        for topic in feed.topics:
            order = topic.order
            if order is not None and order.begun > 1:
                reason = "it came before its feed was heard of"
                self._tell.gap(topic, order.session, 1, order.begun - 1, reason)
                order.begun = 1

    def _patience_s(self) -> float:
        """How long a hole is left be before it is asked for."""
        alone = self._endpoints_up <= 1 and self._asking.histories
        return 0.0 if alone else OTHER_ENDPOINT_S

    # --- repair -------------------------------------------------------------------------------

    def _ask(self, now_s: float) -> None:
        for topic in list(self._broken):
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
            del self._broken[topic]
            self._broken[topic] = None  # to the end of the line

    def _replayed(self, request: Request, found: ReplayAnswer, now_s: float) -> None:
        topic: Topic = request.subject
        topic.asked = False
        order = topic.order
        if order is None or order.session != request.session:
            return
        first, last, end = request.first, request.last, request.first - 1
        statuses = []
        for frame, payload in found.messages:
            message = self._decode(topic, frame, payload, "replayed")
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
        self._advance(topic)
        for status in statuses:
            self._next_seqs(topic.feed, status, now_s)
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

    def _refused(self, request: Request, reason: str, now_s: float) -> None:
        """Take in that a history will not send what it was asked for."""
        topic: Topic = request.subject
        order = topic.order
        if order is not None and order.session == request.session:
            order.refuse(
                request.first, request.last, request.history, self._asking.everyone, reason
            )
            self._advance(topic)
            self._ask(now_s)

    def _unanswered(self, request: Request, now_s: float) -> None:
        if self._asking.all_away and self._joining is None:
            self._tell.no_history("the history service does not answer: holes can't be repaired")
        if request.subject is not None and request.subject is self._joining:
            self._joining.history = request.history + 1
            self._ask_snapshot(self._joining, now_s)
        elif request.subject is not None and not isinstance(request.subject, Joining):
            request.subject.asked = False

    def _give_up_late(self, topic: Topic, now_s: float) -> None:
        order = topic.order
        if order is None:
            return
        for hole in order.holes:
            if hole.lost is None:
                hole.lost = self._late(hole, now_s)
        self._advance(topic)

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

    def _probe(self, now_s: float) -> None:
        """Find out whether a history that is away is back."""
        if self._joining is not None or now_s - self._probed_s < PROBE_S:
            return
        self._probed_s = now_s
        for history in sorted(self._asking.away):
            if self._asking.possible:
                self._asking.snapshot(None, [], None, now_s, history)

    # --- joining ------------------------------------------------------------------------------

    def _ask_snapshot(self, joining: Joining, now_s: float) -> None:
        last = joining.snapshot[-1][0].decode("ascii", "replace") if joining.snapshot else None
        self._asking.snapshot(joining, self.subscriptions, last, now_s, joining.history)

    def _joining_answered(
        self, joining: Joining, found: SnapshotAnswer | ReplayAnswer | Refusal, now_s: float
    ) -> None:
        if isinstance(found, Refusal):
            self._join(now_s, "the history service refused to send it")
        elif isinstance(found, SnapshotAnswer):
            joining.snapshot += found.messages
            joining.until_s = now_s + JOIN_S
            if found.complete or not found.messages or len(joining.snapshot) > MOST_TOPICS:
                self._join(now_s)
            else:
                self._ask_snapshot(joining, now_s)

    def _join(self, now_s: float, without: str | None = None) -> None:
        """Begin the stream: the snapshot, and behind it what was held meanwhile.

        `without` says why the snapshot is missing, or is not whole.
        """
        joining = self._joining
        if joining is None:
            return
        self._joining = None
        if without is not None:
            self._tell.no_history(f"{without}: the stream begins without a snapshot")
        lowest = joining.first_held()
        snapshot = self._read_snapshot(joining)
        behind = [
            (topic, message)
            for topic, message in snapshot
            if not self._begin_with(topic, message, lowest.get((topic, message.session)))
        ]
        statuses = [
            (topic.feed, message)
            for topic, message in snapshot
            if topic.is_status and message.session == topic.feed.session
        ]
        for feed, status in statuses:
            self._begin_with_status(feed, status, lowest, now_s)
        for (topic, session), seq in lowest.items():
            if topic.order is None and topic.feed.session in {None, session}:
                topic.feed.session = session
                topic.order = Order(session, seq)
        for topic, message, held_s in joining.held:
            self._take(topic, message, held_s)
        for topic, message in behind:
            self._take(topic, message, now_s)
        for feed, status in statuses:
            if status.session == feed.session:
                self._next_seqs(feed, status, now_s)

    def _read_snapshot(self, joining: Joining) -> list[tuple[Topic, Message]]:
        """Return the snapshot's messages, statuses first, and take note of their sessions."""
        snapshot = []
        for frame, payload in joining.snapshot:
            topic = self._table.get(frame)
            if topic is None:
                continue
            message = self._decode(topic, frame, payload, "snapshot")
            if message is not None:
                snapshot.append((topic, message))
                topic.feed.session = max(topic.feed.session or 0, message.session)
        self._tell.topics_refused(self._table.refused)
        return sorted(snapshot, key=lambda one: not one[0].is_status)

    def _begin_with(self, topic: Topic, message: Message, held: int | None) -> bool:
        """Begin a topic with its snapshot; return whether that is done with.

        It isn't where the stream has begun before the snapshot: `held` is its first seq.
        """
        if topic.order is not None:
            return True
        if message.session != topic.feed.session:  # the last there is, though of an older session
            self._deliver(topic, message)
            return True
        if held is not None and held <= message.seq:
            topic.order = Order(message.session, held)
            return False
        if held is not None and held - message.seq > LARGEST:
            topic.order = Order(message.session, held)
            return True
        topic.order = Order(message.session, message.seq)
        topic.order.offer(message.seq, message, self._looked_s, 0.0)
        self._advance(topic)
        return True

    def _begin_with_status(
        self, feed: Feed, status: Message, lowest: dict[tuple[Topic, int], int], now_s: float
    ) -> None:
        """Begin the feed's topics of which there was no snapshot where its status says."""
        feed.whole = False
        feed.heard_s = now_s
        feed.stopped = status.state == "stopped"
        for name, next_seq in status.next_seq.items():
            topic = self._table.get(name.encode())
            if topic is not None and topic.feed is feed and topic.order is None:
                held = lowest.get((topic, status.session), next_seq)
                topic.order = Order(status.session, max(1, min(held, next_seq)))

    @staticmethod
    def _decode(topic: Topic, frame: bytes, payload: bytes, origin: Origin) -> Message | None:
        """Return a message of the history's, or None for what is none of the topic."""
        if frame != topic.name.encode():
            return None
        try:
            message = topic.decode(payload)
        except UNREADABLE:
            return None
        return from_history(message, origin) if message.seq > 0 else None
