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
    Refusal,
    ReplayAnswer,
    SnapshotAnswer,
    answer,
    read_from_history,
)
from feedd.client.joining import JOIN_S, Joining
from feedd.client.order import LARGEST, Order
from feedd.client.repair import Repair
from feedd.client.sequencing import Sequencing
from feedd.client.telling import Telling
from feedd.client.topic_table import MOST_TOPICS, TopicTable
from feedd.codec import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from feedd.client.asking import Request
    from feedd.client.decoding import Message
    from feedd.client.events import Event
    from feedd.client.topic_table import Feed, Topic

STALE_S = 2.2  # two heartbeats and some noise; it is told within 2.5 s, looks being 0.2 s apart
BUSY_S = 0.02  # until the next look, while something is waited for
IDLE_S = 0.2
HELD_UP_S = 0.5  # a look that comes so late was held up in this process: the time does not count


class Protocol:
    """One stream. `prefixes` are of the topics that the caller wants; `histories` can be asked.

    With `frames` it hands on frames as they were published, and no ticks. `ends` says by topic
    where an earlier stream ended, its session and the next seq: this one begins there, without a
    snapshot, and what was published since is a hole.
    """

    def __init__(
        self,
        prefixes: Iterable[str],
        histories: int,
        now_s: float,
        *,
        frames: bool = False,
        ends: Mapping[str, tuple[int, int]] | None = None,
    ) -> None:
        self._table = TopicTable(prefixes, frames=frames)
        self._topics = self._table.topics
        self._asking = Asking(histories)
        self._tell = Telling()
        self._ticks = self._tell.events
        self._sequencing = Sequencing(self._table, self._tell, now_s, repairs=histories > 0)
        self._repair = Repair(self._sequencing, self._asking, now_s)
        self._looked_s = now_s
        self._held_up_s = 0.0
        self._closely_s = now_s
        self._joining: Joining | None = None
        self._sequencing.resume(ends or {})
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
        return BUSY_S if self._sequencing.broken or self._joining else IDLE_S

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
        self._sequencing.endpoints_up = up

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
        elif message.seq > 0 and self._joining is not None:
            self._joining.held.append((topic, message, now_s))
        elif message.seq > 0:
            self._sequencing.take(topic, message, now_s)

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
        elif request.subject is not None:
            self._repair.answered(request, found, now_s)

    def look(self, now_s: float) -> None:
        """See to what is due."""
        for request in self._asking.unanswered(now_s):
            self._unanswered(request, now_s)
        joining = self._joining
        if joining is not None and now_s > joining.until_s:
            self._join(now_s, "the history service does not answer")
        elif joining is not None and joining.full:
            self._join(now_s, "too much came before the history service had answered")
        if self._sequencing.urgent or now_s - self._closely_s >= BUSY_S:
            self._sequencing.urgent, self._closely_s = False, now_s
            self._look_closely(now_s)

    def _look_closely(self, now_s: float) -> None:
        """See to holes and feeds: all of them, and so not after each message."""
        self._repair.look(now_s)
        if self._joining is None:
            self._repair.probe(now_s)
        for feed in self._table.feeds.values():
            silent = feed.heard_s is not None and now_s - feed.heard_s > STALE_S
            if silent and not feed.stopped and feed.told is not None:
                feed.heard_s = None
                self._tell.state(feed, "stale", f"nothing heard for {STALE_S} s")

    def _unanswered(self, request: Request, now_s: float) -> None:
        if self._asking.all_away and self._joining is None:
            self._tell.no_history("the history service does not answer: holes can't be repaired")
        if request.subject is not None and request.subject is self._joining:
            self._joining.history = request.history + 1
            self._ask_snapshot(self._joining, now_s)
        elif request.subject is not None and not isinstance(request.subject, Joining):
            request.subject.asked = False

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
        self._resume(snapshot, lowest, now_s)
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
                topic.order = Order(session, 1 if topic.feed.whole else seq)
        for topic, message, held_s in joining.held:
            self._sequencing.take(topic, message, held_s)
        for topic, message in behind:
            self._sequencing.take(topic, message, now_s)
        for feed, status in statuses:
            if status.session == feed.session:
                self._sequencing.next_seqs(feed, status, now_s)

    def _read_snapshot(self, joining: Joining) -> list[tuple[Topic, Message]]:
        """Return the snapshot's messages, statuses first, and take note of their sessions."""
        snapshot = []
        for frame, payload in joining.snapshot:
            topic = self._table.get(frame)
            if topic is None:
                continue
            message = read_from_history(topic.name, topic.decode, frame, payload, "snapshot")
            if message is not None:
                snapshot.append((topic, message))
                if not topic.feed.resumed:
                    topic.feed.session = max(topic.feed.session or 0, message.session)
        self._tell.topics_refused(self._table.refused)
        return sorted(snapshot, key=lambda one: not one[0].is_status)

    def _resume(
        self,
        snapshot: list[tuple[Topic, Message]],
        lowest: dict[tuple[Topic, int], int],
        now_s: float,
    ) -> None:
        """Find what was published of the feeds that are resumed since their earlier end."""
        known = [(topic, message.session, message.seq) for topic, message in snapshot]
        known += [(topic, session, seq - 1) for (topic, session), seq in lowest.items()]
        known = [one for one in known if one[0].feed.resumed]
        newest: dict[Feed, int] = {}
        for topic, session, _ in known:
            newest[topic.feed] = max(session, newest.get(topic.feed, session))
        for feed, session in newest.items():
            if session != feed.session:
                self._sequencing.new_session(feed, session)
            feed.resumed = False
        for topic, session, high in sorted(known, key=lambda one: one[2]):
            if topic.order is None and topic.feed.whole and session == topic.feed.session:
                topic.order = Order(session, 1)
            self._sequencing.published(topic, session, high, now_s)

    def _begin_with(self, topic: Topic, message: Message, held: int | None) -> bool:
        """Begin a topic with its snapshot; return whether that is done with.

        It isn't where the stream has begun before the snapshot: `held` is its first seq.
        """
        if topic.order is not None:
            return True
        if message.session != topic.feed.session:  # the last there is, though of an older session
            self._sequencing.deliver(topic, message)
            return True
        if held is not None and held <= message.seq:
            topic.order = Order(message.session, held)
            return False
        if held is not None and held - message.seq > LARGEST:
            topic.order = Order(message.session, held)
            return True
        topic.order = Order(message.session, message.seq)
        topic.order.offer(message.seq, message, self._looked_s, 0.0)
        self._sequencing.advance(topic)
        return True

    def _begin_with_status(
        self, feed: Feed, status: Message, lowest: dict[tuple[Topic, int], int], now_s: float
    ) -> None:
        """Begin the feed's topics of which there was no snapshot where its status says."""
        feed.whole = bool(feed.whole)
        feed.heard_s = now_s
        feed.stopped = status.state == "stopped"
        for name, next_seq in status.next_seq.items():
            topic = self._table.get(name.encode())
            if topic is not None and topic.feed is feed and topic.order is None:
                held = lowest.get((topic, status.session), next_seq)
                first = 1 if feed.whole else max(1, min(held, next_seq))
                topic.order = Order(status.session, first)
