"""What came, in order: what is handed on, what is missing, and where topics begin.

Pure, like all of the protocol.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.client.order import LARGEST, Hole, Order

if TYPE_CHECKING:
    from collections.abc import Mapping

    from feedd.client.decoding import Message
    from feedd.client.telling import Telling
    from feedd.client.topic_table import Feed, Topic, TopicTable

MOST_RESUMED = 10_000  # messages of a topic that are asked for, as many as a history keeps
OTHER_ENDPOINT_S = 0.05  # another endpoint may fill a hole, or the message may only be late


class Sequencing:
    """All topics of a stream that began at `since_s`.

    `broken` are the topics with holes, in the order of their asking; `urgent`: a hole showed since
    that was last set to False. `repairs`: holes can be asked for.
    """

    def __init__(self, table: TopicTable, tell: Telling, since_s: float, *, repairs: bool) -> None:
        self.broken: dict[Topic, None] = {}
        self.urgent = False
        self.endpoints_up = 1
        self._table = table
        self._tell = tell
        self._since_s = since_s
        self._repairs = repairs

    @property
    def patience_s(self) -> float:
        """How long a hole is left be before it is asked for."""
        alone = self.endpoints_up <= 1 and self._repairs
        return 0.0 if alone else OTHER_ENDPOINT_S

    def resume(self, ends: Mapping[str, tuple[int, int]]) -> None:
        """Go on where an earlier stream ended: by topic, its session and the seq that is next.

        A feed of which no status is among them may have more topics than are known.
        """
        topics = [(self._table.get(name.encode()), *end) for name, end in ends.items()]
        known = [(topic, session, first) for topic, session, first in topics if topic is not None]
        for topic, session, _ in known:
            topic.feed.session = max(topic.feed.session or 0, session)
        for topic, session, first in known:
            feed = topic.feed
            if session == feed.session:
                topic.order = Order(session, first)
                feed.resumed = True
                feed.whole = feed.whole or topic.is_status

    def published(self, topic: Topic, session: int, high: int, now_s: float) -> None:
        """Take in what of a resumed topic was published meanwhile: it is asked for in pieces."""
        order = topic.order
        if order is None or order.session != session or high <= order.high:
            return
        known = order.high
        if high - known > MOST_RESUMED:
            known = high - MOST_RESUMED
            order.exists(known, now_s, self.patience_s)
            for hole in order.within(order.next, known):
                hole.lost = f"it is more than {MOST_RESUMED:,} messages ago"
        for last in range(known + LARGEST, high, LARGEST):
            order.exists(last, now_s, self.patience_s)
        order.exists(high, now_s, self.patience_s)
        self.advance(topic)

    def take(self, topic: Topic, message: Message, now_s: float) -> None:
        """Take in a message that came by a subscription, or with the snapshot."""
        feed = topic.feed
        if feed.session is None:
            feed.session = message.session
        elif message.session != feed.session:
            if message.session < feed.session and not feed.resumed:
                return
            self.new_session(feed, message.session)
        feed.resumed = False
        if topic.is_status and message.origin == "live":
            feed.heard_s = now_s
            feed.stopped = message.state == "stopped"
        if topic.order is None:
            topic.order = Order(message.session, 1 if feed.whole else message.seq)
        if topic.order.offer(message.seq, message, now_s, self.patience_s):
            self.advance(topic)
        if topic.is_status:
            self.next_seqs(feed, message, now_s)

    def advance(self, topic: Topic) -> None:
        """Hand on what is next, and note whether there is a hole behind it."""
        order = topic.order
        if order is None:
            return
        for item in order.advance():
            if isinstance(item, Hole):
                self._tell.gap(topic, order.session, item.first, item.last, item.lost or "")
            else:
                self.deliver(topic, item)
        if order.holes:
            self.urgent = self.urgent or topic not in self.broken
            self.broken.setdefault(topic)
        else:
            self.broken.pop(topic, None)

    def deliver(self, topic: Topic, message: Message) -> None:
        """Hand a message on, whatever its place."""
        if topic.is_status:
            self._tell.status(topic.feed, message)
        if topic.wanted:
            self._tell.events.append(message)

    def next_seqs(self, feed: Feed, status: Message, now_s: float) -> None:
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
            topic.order.exists(next_seq - 1, now_s, self.patience_s)
            self.advance(topic)

    def _begun_by_status(self, feed: Feed, session: int, next_seq: int, now_s: float) -> Order:
        """Return where a topic begins of which nothing came, neither live nor in the snapshot.

        What was published between the snapshot and our subscription is in neither. The last of it
        is asked for: a quiet topic would else have no value until its next message.
        """
        if feed.whole or not self._repairs or next_seq < 2:
            return Order(session, 1 if feed.whole else max(1, next_seq))
        order = Order(session, next_seq - 1)
        order.exists(next_seq - 1, now_s, self.patience_s, newest=True)
        return order

    def new_session(self, feed: Feed, session: int) -> None:
        """Begin a feed's topics anew, each with its first message."""
        old = feed.session
        for topic in feed.topics:
            if topic.order is not None:
                topic.order.give_up_all("a new session began before it was repaired")
                self.advance(topic)
                topic.order.begin(session, 1)
        if old is not None:
            self._tell.new_session(feed, old, session)
        feed.session, feed.whole, feed.stopped = session, True, False

    def _tell_missed_beginnings(self, feed: Feed) -> None:
        for topic in feed.topics:
            order = topic.order
            if order is not None and order.begun > 1:
                reason = "it came before its feed was heard of"
                self._tell.gap(topic, order.session, 1, order.begun - 1, reason)
                order.begun = 1
