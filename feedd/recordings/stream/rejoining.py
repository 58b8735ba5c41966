"""Recorded messages in order again: one recording, or several of the same feeds joined.

What one recording lacks, another makes good: where a topic has a hole, what is behind it is held
until every recording that carries the topic has passed the hole; of one that has only just begun
nobody knows what it carries. What then is missing is told, as it was recorded, or as the
recording's own loss. Pure, and as in the stream of `feedd.subscribe`:

- a topic's ticks come strictly ascending by seq, none twice;
- each seq that is missing between them in a session lies in exactly one Gap;
- nothing of an older session comes once a newer one has begun.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from feedd.client.events import StateChange
from feedd.clock import NS_PER_S
from feedd.recordings.format.records import LIVE, SNAPSHOT
from feedd.recordings.format.times import iso

if TYPE_CHECKING:
    from collections.abc import Callable

    from feedd.client.decoding import Message
    from feedd.client.events import Gap
    from feedd.client.telling import Telling
    from feedd.client.topic_table import Feed, Topic

HOLD_NS = 5 * NS_PER_S  # by the recordings' clock: then a hole is given up, whoever may fill it
MOST_HELD = 20_000  # messages and gaps behind holes, over all topics
HOLE = "the recording has a hole here"
OVERLAP = "no recording had it in time"


Range = tuple[int | None, int | None]  # as a Damage's


def range_text(from_ns: int | None, to_ns: int | None) -> str:
    """Return a damage's range; None is where nothing readable bounds it."""
    begin = "its beginning" if from_ns is None else iso(from_ns)
    end = "its end" if to_ns is None else iso(to_ns)
    return f"from {begin} to {end}"


@dataclass(slots=True, eq=False)
class Place:
    """A topic, and how far it is told: what lies from `first` up to `next` came, or is in a Gap.

    `seen` has for each recording which seq it comes to next, 0 where it has not begun. `smooth`:
    the next message needs no care. `damage` is the range that may have cost it messages since its
    last.
    """

    topic: Topic
    decode: Callable[[bytes], Message]
    seen: list[int]
    damage: Range | None
    smooth: bool = False
    session: int = 0
    first: int = 0
    next: int = 0
    held: dict[int, tuple[int, Message]] = field(default_factory=dict)  # by seq, and since when
    gaps: list[Gap] = field(default_factory=list)


class Rejoining:
    """All topics of some recordings, which are known by their numbers.

    `now_ns` is the recordings' clock; whoever moves it calls `look`.
    """

    def __init__(self, recordings: int, tell: Telling) -> None:
        self.several = recordings > 1
        self.places: dict[Topic, Place] = {}
        self.broken: dict[Place, int] = {}  # those with a hole that may yet be filled; since when
        self.now_ns = 0
        self._recordings = range(recordings)
        self._over = [False] * recordings
        self._begun_ns: list[int | None] = [None] * recordings
        self._held = 0
        self._reached_ns: dict[Feed, int] = {}  # since when the session is the newest
        self._two_at_once: set[Feed] = set()
        self._tell = tell
        self._damage: Range | None = None

    def place(self, topic: Topic) -> Place:
        """Return a topic's place, a new one if need be."""
        place = self.places.get(topic)
        if place is None:
            seen = [0 for _ in self._recordings]
            place = self.places[topic] = Place(topic, topic.decode, seen, self._damage)
        return place

    def message(self, place: Place, number: int, kind: int, message: Message) -> None:
        """Take in a message of a recording."""
        feed, session, seq = place.topic.feed, message.session, message.seq
        if feed.session is not None and session < feed.session:
            # As the stream's own snapshot: the last there is, though of an older session.
            if kind == SNAPSHOT and not place.session:
                self._deliver(place, message)
            elif kind == LIVE:
                self._left_out(feed, session)
            return
        self._reach(feed, session)
        if not place.session:
            self._begin(place, session, 1 if feed.whole else seq)
        if seq >= place.next and seq not in place.held:
            place.held[seq] = (self.now_ns, message)
            self._held += 1
        place.seen[number] = max(place.seen[number], seq + 1)
        self._advance(place)

    def gap(self, place: Place, number: int, gap: Gap) -> None:
        """Take in what a recorder was told that it would not get."""
        feed, session = place.topic.feed, gap.session
        if feed.session is not None and session < feed.session:
            if not self.several:
                self._tell.events.append(gap)
            return
        self._reach(feed, session)
        if not place.session:
            self._begin(place, session, 1 if feed.whole else gap.from_seq)
        if gap.from_seq < place.first:
            last = min(gap.to_seq, place.first - 1)
            self._tell.gap(place.topic, session, gap.from_seq, last, gap.reason)
            place.first = gap.from_seq
        if gap.to_seq >= place.next:
            place.gaps.append(gap)
            self._held += 1
        place.seen[number] = max(place.seen[number], gap.to_seq + 1)
        self._advance(place)

    def session(self, feed: Feed, old: int, new: int) -> None:
        """Take in that a recorder was told of a new session; `old` is what it knew."""
        if feed.session is None:
            feed.session = old
        if new > feed.session:
            self._reach(feed, new)

    def damaged(self, number: int, from_ns: int | None, to_ns: int | None) -> None:
        """Take in that a recording has lost something, of any topic; see `Damage`."""
        self._damage = (from_ns, to_ns)
        for place in self.places.values():
            if place.seen[number]:
                place.damage = (place.damage[0] if place.damage else from_ns, to_ns)
                place.smooth = False

    def begun(self, number: int) -> None:
        """Take in that a recording begins: it may carry topics of which it has said nothing yet."""
        self._begun_ns[number] = self.now_ns

    def over(self, number: int) -> None:
        """Take in that a recording has ended."""
        self._over[number] = True
        for place in list(self.broken):
            self._advance(place)

    def look(self) -> None:
        """Give up what was waited for too long, or for too much."""
        while self.broken:
            place, since_ns = next(iter(self.broken.items()))
            if self.now_ns - since_ns <= HOLD_NS and self._held <= MOST_HELD:
                return
            del self.broken[place]
            self._advance(place, give_up=True)

    # --- inside -------------------------------------------------------------------------------

    def _reach(self, feed: Feed, session: int) -> None:
        """Begin a session, where it is a new one."""
        old = feed.session
        if old == session:
            return
        feed.session = session
        self._reached_ns[feed] = self.now_ns
        if old is None:
            return
        for topic in feed.topics:
            place = self.places.get(topic)
            if place is not None and place.session:
                while place.next < max(place.seen):
                    self._advance(place, give_up=True)
                self._begin(place, session, 1)
        feed.whole = True
        self._tell.new_session(feed, old, session)

    def _left_out(self, feed: Feed, session: int) -> None:
        """Tell, once, that an older session goes on beside the newest: another worker's."""
        reached_ns = self._reached_ns.setdefault(feed, self.now_ns)
        if feed in self._two_at_once or self.now_ns - reached_ns <= HOLD_NS:
            return
        self._two_at_once.add(feed)
        reason = (
            f"{feed.name} has session {session} beside the newer {feed.session}: another worker's, "
            "which is left out; open its recording by itself"
        )
        self._tell.events.append(StateChange("", "behind", reason))

    def _begin(self, place: Place, session: int, first: int) -> None:
        place.session, place.first, place.next = session, first, first
        place.seen = [min(seen, 1) for seen in place.seen]  # who carried it will go on with it
        place.smooth = False

    def _advance(self, place: Place, *, give_up: bool = False) -> None:
        """Hand on what is next; `give_up`: wait no longer for the first hole.

        Nor is waited for one behind which a message is held for too long, whose turn came late.
        """
        high = max(place.seen)
        while place.next < high:
            held = place.held.pop(place.next, None)
            if held is not None:
                self._held -= 1
                place.next += 1
                place.damage = None
                self._deliver(place, held[1])
                continue
            since_ns, _ = next(iter(place.held.values()), (self.now_ns, None))  # the oldest
            late = self.now_ns - since_ns > HOLD_NS
            stop = high if give_up or late else self._passed(place, high)
            if stop <= place.next:
                place.smooth = False
                self.broken.setdefault(place, since_ns)
                return
            self._lose(place, min((seq for seq in place.held if seq < stop), default=stop))
            give_up = False
        self.broken.pop(place, None)
        place.smooth = not place.topic.is_status and place.damage is None

    def _passed(self, place: Place, high: int) -> int:
        """Return up to where all recordings that carry a topic, or may, have come."""
        for seen, over, begun_ns in zip(place.seen, self._over, self._begun_ns, strict=True):
            if over:
                continue
            if seen:
                high = min(high, seen)
            elif begun_ns is not None and self.now_ns - begun_ns <= HOLD_NS:
                return place.next
        return high

    def _lose(self, place: Place, end: int) -> None:
        """Tell that what lies before `end` will not come, in the words of who knew of it."""
        at, topic, session = place.next, place.topic, place.session
        own = OVERLAP if self.several else HOLE
        if place.damage is not None:
            own = f"the recording is damaged: {range_text(*place.damage)}"
        for gap in sorted(place.gaps, key=lambda one: one.from_seq):
            first, last = max(at, gap.from_seq), min(end - 1, gap.to_seq)
            if first > last:
                continue
            if first > at:
                self._tell.gap(topic, session, at, first - 1, own)
            self._tell.gap(topic, session, first, last, gap.reason)
            at = last + 1
        if at < end:
            self._tell.gap(topic, session, at, end - 1, own)
        place.next = end
        left = [gap for gap in place.gaps if gap.to_seq >= end]
        self._held -= len(place.gaps) - len(left)
        place.gaps = left

    def _deliver(self, place: Place, message: Message) -> None:
        if place.topic.is_status:
            place.topic.feed.heard_s = self.now_ns / NS_PER_S
            if self.several:
                self._tell.status(place.topic.feed, message)
        if place.topic.wanted:
            self._tell.events.append(message)
