"""Merge recordings: put recorded messages in order, of one recording or several of the same feeds.

Recordings fill each other's gaps. Messages behind a gap are held until every recording that carries
the topic has passed the gap; a recording that has just started may carry any topic. What is missing
then is reported, for the recorded reason or as lost by the recording. Pure: no files. As in the
stream of `feedd.subscribe`:

- a topic's ticks are strictly ascending by seq, without duplicates;
- each seq that is missing between them in a session is in exactly one Gap;
- no message of an older session follows one of a newer session.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from feedd.client.decoding import STATUS_TYPES
from feedd.client.events import StateChange
from feedd.clock import NS_PER_S
from feedd.recordings.format.block_records import LIVE, SNAPSHOT
from feedd.recordings.format.timestamps import iso

if TYPE_CHECKING:
    from feedd.client.decoding import Decode, Message
    from feedd.client.event_emitter import EventEmitter
    from feedd.client.events import Gap
    from feedd.client.topic_table import FeedState, TopicState

HOLD_NS = 5 * NS_PER_S  # by the recordings' clock; then a gap is given up in any case
MAX_HELD = 20_000  # messages and gaps behind gaps, over all topics
NOT_RECORDED = "the recording does not have it"
NOT_IN_TIME = "no recording had it in time"

TimeRange = tuple[int | None, int | None]  # as a Damage's, in ns


def range_text(from_ns: int | None, to_ns: int | None) -> str:
    """Return a damage's range as text; None means that nothing readable bounds it."""
    begin = "its beginning" if from_ns is None else iso(from_ns)
    end = "its end" if to_ns is None else iso(to_ns)
    return f"from {begin} to {end}"


@dataclass(slots=True, eq=False)
class TopicPosition:
    """How far a topic is: each seq from `first` up to `next` was emitted or is in a Gap.

    `seen` has the next seq of each recording, 0 before its first; `announced` is the highest next
    seq of the feed's statuses. `in_sequence`: if the next
    message has the next seq, it can be emitted at once. `damage` is the range that may have lost
    messages since the last one.
    """

    topic: TopicState
    decode: Decode
    seen: list[int]
    damage: TimeRange | None
    in_sequence: bool = False
    session: int = 0
    first: int = 0
    next: int = 0
    last: Message | None = None  # emitted
    announced: int = 0
    held: dict[int, tuple[int, Message]] = field(default_factory=dict)  # by seq, and since when
    gaps: list[Gap] = field(default_factory=list)


_OURS = frozenset({"received_ns", "published_ns", "origin"})


def _same(one: Message, other: Message) -> bool:
    """Return whether two messages with one number have the same content."""
    if getattr(one, "published_ns", None) == getattr(other, "published_ns", 0):
        return True
    return type(one) is type(other) and all(
        getattr(one, name) == getattr(other, name)
        for name in one.__struct_fields__
        if name not in _OURS
    )


class RecordingMerge:
    """All topics of `recordings` recordings, which have numbers.

    `now_ns` is the recordings' clock; call `check` after each change of it.
    """

    def __init__(self, recordings: int, emitter: EventEmitter) -> None:
        self.several = recordings > 1
        self.positions: dict[TopicState, TopicPosition] = {}
        self.incomplete: dict[TopicPosition, int] = {}  # with a gap that may be filled; since when
        self.now_ns = 0
        self._recordings = range(recordings)
        self._ended = [False] * recordings
        self._started_ns: list[int | None] = [None] * recordings
        self._held = 0
        self._newest_since_ns: dict[FeedState, int] = {}  # by feed: start of its newest session
        self._concurrent: set[FeedState] = set()
        self._emitter = emitter
        self._damage: TimeRange | None = None

    def position(self, topic: TopicState) -> TopicPosition:
        """Return a topic's position, and add it if it is new."""
        position = self.positions.get(topic)
        if position is None:
            seen = [0 for _ in self._recordings]
            position = TopicPosition(topic, topic.decode, seen, self._damage)
            self.positions[topic] = position
        return position

    def message(self, position: TopicPosition, number: int, kind: int, message: Message) -> None:
        """Add a message of a recording."""
        feed, session, seq = position.topic.feed, message.session, message.seq
        if feed.session is not None and session < feed.session:
            # As in the live stream's snapshot: the last one, although of an older session.
            if kind == SNAPSHOT and not position.session:
                self._emit(position, message)
            elif kind == LIVE:
                self._report_left_out(feed, session)
            return
        self._begin_session(feed, session)
        if not position.session:
            self._begin(position, session, 1 if feed.complete else seq)
        if seq >= position.next and seq not in position.held:
            position.held[seq] = (self.now_ns, message)
            self._held += 1
        elif self.several:
            self._compare(position, message)
        position.seen[number] = max(position.seen[number], seq + 1)
        self._advance(position)

    def gap(self, position: TopicPosition, number: int, gap: Gap) -> None:
        """Add a gap that a recorder recorded."""
        feed, session = position.topic.feed, gap.session
        if feed.session is not None and session < feed.session:
            if not self.several and position.topic.wanted:
                self._emitter.events.append(gap)
            return
        self._begin_session(feed, session)
        if not position.session:
            self._begin(position, session, 1 if feed.complete else gap.from_seq)
        if gap.from_seq < position.first:
            last = min(gap.to_seq, position.first - 1)
            self._emitter.gap(position.topic, session, gap.from_seq, last, gap.reason)
            position.first = gap.from_seq
        if gap.to_seq >= position.next:
            position.gaps.append(gap)
            self._held += 1
        position.seen[number] = max(position.seen[number], gap.to_seq + 1)
        self._advance(position)

    def session(self, feed: FeedState, old: int, new: int) -> None:
        """Note a new session that a recorder recorded; `old` is the one before it."""
        if feed.session is None:
            feed.session = old
        if new > feed.session:
            self._begin_session(feed, new)

    def damaged(self, number: int, from_ns: int | None, to_ns: int | None) -> None:
        """Note that a recording is damaged, which concerns all its topics; see `Damage`."""
        self._damage = (from_ns, to_ns)
        for position in self.positions.values():
            if position.seen[number]:
                position.damage = (position.damage[0] if position.damage else from_ns, to_ns)
                position.in_sequence = False

    def started(self, number: int) -> None:
        """Note the start of a recording: it may carry topics that it has not shown yet."""
        self._started_ns[number] = self.now_ns

    def ended(self, number: int, *, whole: bool = True) -> None:
        """Note the end of a recording; unless it is the `whole` one, more may follow."""
        self._ended[number] = True
        for position in list(self.incomplete):
            self._advance(position)
        if whole and all(self._ended):
            for position in self.positions.values():
                self._lose_tail(position)

    def check(self) -> None:
        """Give up gaps that have waited too long, or if too much is held."""
        while self.incomplete:
            position, since_ns = next(iter(self.incomplete.items()))
            if self.now_ns - since_ns <= HOLD_NS and self._held <= MAX_HELD:
                return
            del self.incomplete[position]
            self._advance(position, give_up=True)

    def _begin_session(self, feed: FeedState, session: int) -> None:
        """Begin a session if it is a new one."""
        old = feed.session
        if old == session:
            return
        feed.session = session
        self._newest_since_ns[feed] = self.now_ns
        if old is None:
            return
        for topic in feed.topics:
            position = self.positions.get(topic)
            if position is not None and position.session:
                while position.next < max(position.seen):
                    self._advance(position, give_up=True)
                self._lose_tail(position)
                self._begin(position, session, 1)
        feed.complete = True
        self._emitter.new_session(feed, old, session)

    def _compare(self, position: TopicPosition, message: Message) -> None:
        """Report, once, a repeated message that is another one with the same number."""
        _, held = position.held.get(message.seq, (0, None))
        first, feed = held or position.last, position.topic.feed
        if (
            first is None
            or first.seq != message.seq
            or first.session != message.session
            or feed in self._concurrent
            or _same(first, message)
        ):
            return
        self._concurrent.add(feed)
        reason = (
            f"{feed.name} has two different messages with number {message.seq} in session "
            f"{message.session}, of two workers or of two imports; those of one are left out: open "
            "its recording by itself"
        )
        self._emitter.events.append(StateChange("", "behind", reason))

    def _report_left_out(self, feed: FeedState, session: int) -> None:
        """Report, once, that an older session continues beside the newest: another worker's."""
        since_ns = self._newest_since_ns.setdefault(feed, self.now_ns)
        if feed in self._concurrent or self.now_ns - since_ns <= HOLD_NS:
            return
        self._concurrent.add(feed)
        reason = (
            f"{feed.name} has session {session} beside the newer {feed.session}, which is of "
            "another worker; it is left out: open its recording by itself"
        )
        self._emitter.events.append(StateChange("", "behind", reason))

    def _begin(self, position: TopicPosition, session: int, first: int) -> None:
        position.session, position.first, position.next = session, first, first
        position.announced = 0
        position.seen = [
            min(seen, 1) for seen in position.seen
        ]  # recordings that carried the topic still do
        position.in_sequence = False

    def _advance(self, position: TopicPosition, *, give_up: bool = False) -> None:
        """Emit what is next; `give_up`: give up the first gap.

        A gap is also given up if a message behind it has been held for too long.
        """
        high = max(position.seen)
        while position.next < high:
            held = position.held.pop(position.next, None)
            if held is not None:
                self._held -= 1
                position.next += 1
                position.damage = None
                self._emit(position, held[1])
                continue
            since_ns, _ = next(iter(position.held.values()), (self.now_ns, None))  # the oldest
            late = self.now_ns - since_ns > HOLD_NS
            stop = high if give_up or late else self._passed(position, high)
            if stop <= position.next:
                position.in_sequence = False
                self.incomplete.setdefault(position, since_ns)
                return
            self._lose(position, min((seq for seq in position.held if seq < stop), default=stop))
            give_up = False
        self.incomplete.pop(position, None)
        position.in_sequence = not position.topic.is_status and position.damage is None

    def _passed(self, position: TopicPosition, high: int) -> int:
        """Return the seq that all recordings that carry the topic, or may, have reached."""
        for seen, ended, started_ns in zip(
            position.seen, self._ended, self._started_ns, strict=True
        ):
            if ended:
                continue
            if seen:
                high = min(high, seen)
            elif started_ns is not None and self.now_ns - started_ns <= HOLD_NS:
                return position.next
        return high

    def _lose(self, position: TopicPosition, end: int) -> None:
        """Report everything before `end` as lost, for the recorded reasons where there are any."""
        at, topic, session = position.next, position.topic, position.session
        own = NOT_IN_TIME if self.several else NOT_RECORDED
        if position.damage is not None:
            own = f"the recording is damaged: {range_text(*position.damage)}"
        for gap in sorted(position.gaps, key=lambda one: one.from_seq):
            first, last = max(at, gap.from_seq), min(end - 1, gap.to_seq)
            if first > last:
                continue
            if first > at:
                self._emitter.gap(topic, session, at, first - 1, own)
            self._emitter.gap(topic, session, first, last, gap.reason)
            at = last + 1
        if at < end:
            self._emitter.gap(topic, session, at, end - 1, own)
        position.next = end
        left = [gap for gap in position.gaps if gap.to_seq >= end]
        self._held -= len(position.gaps) - len(left)
        position.gaps = left

    def _announce(self, feed: FeedState, session: int, next_seqs: dict[str, int]) -> None:
        """Note which messages a status announces of the topics that the recordings carry."""
        for topic in feed.topics:
            position = self.positions.get(topic)
            if position is not None and position.session == session:
                position.announced = max(position.announced, next_seqs.get(topic.name, 0))

    def _lose_tail(self, position: TopicPosition) -> None:
        """Report as lost what was announced and did not follow."""
        if position.next < position.announced:
            self._lose(position, position.announced)

    def _emit(self, position: TopicPosition, message: Message) -> None:
        if position.topic.is_status and isinstance(message, STATUS_TYPES):
            position.topic.feed.heartbeat_s = self.now_ns / NS_PER_S
            self._announce(position.topic.feed, message.session, message.next_seq)
            if self.several:
                self._emitter.status(position.topic.feed, message)
        position.last = message
        if position.topic.wanted:
            self._emitter.events.append(message)
