"""Publishing order: recorded messages, none before one that it announces. Pure.

A client records a message that it repaired after the statuses that announced it by `next_seq`, and
a recording may contain it later than another recording contains the messages behind it. A
subscriber of a replay in that order would report gaps that the recordings do not have. So such a
message is played at the time of the one that announces it.

A recorded snapshot contains statuses that are older than its ticks. Its ticks are played first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from feedd.client.missing_ranges import MAX_REPAIRED
from feedd.recordings.format.block_records import LIVE, SNAPSHOT
from feedd.recordings.replay.read_ahead import END, ReadAhead
from feedd.recordings.replay.selection import SelectedMessage
from feedd.recordings.replay.status_payloads import (
    STATUS_PREFIX,
    ended_status,
    next_seqs_of,
    with_next_seqs,
    without_gap,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from feedd.recordings.replay.read_ahead import SeqRange


@dataclass(slots=True)
class _Position:
    """Each seq of the session up to `next` was played, or is not in the recordings in time."""

    session: int
    next: int
    is_status: bool


@dataclass(slots=True)
class _Feed:
    """One feed; `complete`: its session began in the recording, so that its topics begin at 1."""

    session: int
    complete: bool = False
    status: SelectedMessage | None = None  # the last one
    topics: dict[bytes, _Position] = field(default_factory=dict)


class PublishingOrder:
    """One pass over selected messages."""

    def __init__(self, selected: Iterator[SelectedMessage | None]) -> None:
        self._source = ReadAhead(selected)
        self._feeds: dict[bytes, _Feed] = {}
        self._positions: dict[bytes, _Position] = {}

    def messages(self) -> Iterator[SelectedMessage | None]:
        """Yield the messages; None from time to time while it reads without one."""
        positions, source = self._positions, self._source
        waiting, selected = source.waiting, source.selected
        while True:
            one = source.next() if waiting else next(selected, END)
            if one is None:
                yield None
                continue
            if one is END:
                return
            _, kind, topic, _, session, seq = one
            position = positions.get(topic)
            if (
                position is not None
                and seq == position.next
                and session == position.session
                and not position.is_status
            ):
                position.next = seq + 1
                yield one
            elif kind == SNAPSHOT:
                yield from self._snapshot(one)
            else:
                yield from self._announcing(one)

    def ends(self, at_ns: int) -> Iterator[SelectedMessage]:
        """Yield a last status of each feed, once all messages are played."""
        for feed in self._feeds.values():
            last = feed.status
            if last is None:
                continue
            next_seqs = {topic: position.next for topic, position in feed.topics.items()}
            payload = ended_status(last.payload, last.topic, feed.session, next_seqs, at_ns)
            if payload is not None:
                seq = next_seqs[last.topic]
                yield SelectedMessage(at_ns, LIVE, last.topic, payload, feed.session, seq)

    # --- messages out of order ------------------------------------------------------------------

    def _snapshot(self, first: SelectedMessage) -> Iterator[SelectedMessage | None]:
        """Yield a snapshot, its statuses last."""
        snapshot = [first]
        while (one := self._source.next()) is not END:
            if one is None:
                continue
            if one.kind != SNAPSHOT:
                self._source.put_back(one)
                break
            snapshot.append(one)
        for one in snapshot:
            if not one.topic.startswith(STATUS_PREFIX):
                self._note(one)
                yield one
        for one in snapshot:
            if one.topic.startswith(STATUS_PREFIX):
                yield from self._status_of_snapshot(one)

    def _status_of_snapshot(self, status: SelectedMessage) -> Iterator[SelectedMessage | None]:
        """Yield a snapshot's status; topics without a snapshot begin with their first message.

        The recorder has received such a topic's messages before the snapshot, and the status
        announces older ones. A gap that it reports precedes the recording.
        """
        status = status._replace(payload=without_gap(status.payload))
        next_seqs = next_seqs_of(status.payload)
        new = [topic for topic in next_seqs if topic not in self._positions]
        new = [topic for topic in new if topic != status.topic]
        yield from self._source.find_first(status.session, new, status.at_ns)
        first = {topic: self._source.first(topic, status.session) or 0 for topic in new}
        later = {topic: seq for topic, seq in first.items() if seq > next_seqs[topic]}
        if later:
            payload = with_next_seqs(status.payload, {**next_seqs, **later})
            status = status._replace(payload=payload)
        yield from self._announcing(status)

    def _announcing(self, one: SelectedMessage) -> Iterator[SelectedMessage | None]:
        """Yield a message after those that it announces."""
        announced = self._announced(one)
        if announced:
            yield from self._source.find(one.session, announced, one.at_ns)
            yield from self._source.take(one.session, announced, one.at_ns)
        self._note(one)
        yield one

    # --- positions ------------------------------------------------------------------------------

    def _announced(self, one: SelectedMessage) -> list[SeqRange]:
        """Return what a message announces and was not played."""
        feed = self._feed(one)
        if feed is None:
            return []
        if not one.topic.startswith(STATUS_PREFIX):
            return self._advance(feed, one.topic, one.seq, begin=one.seq)
        feed.status = one
        announced = []
        feed_name = one.topic.partition(b".")[2]
        for topic, next_seq in next_seqs_of(one.payload).items():
            if topic != one.topic and topic.partition(b".")[2] == feed_name:
                begin = max(1, next_seq - MAX_REPAIRED)
                announced += self._advance(feed, topic, next_seq, begin=begin)
        return announced

    def _advance(self, feed: _Feed, topic: bytes, to: int, *, begin: int) -> list[SeqRange]:
        """Advance a topic's position, and return the range; a new topic begins at `begin`."""
        position = self._position(feed, topic, begin)
        first, position.next = position.next, max(position.next, to)
        return [(topic, first, to)] if first < to else []

    def _feed(self, one: SelectedMessage) -> _Feed | None:
        """Return a message's feed; None if the message is of an older session, or unreadable."""
        if one.seq <= 0:
            return None
        name = one.topic.partition(b".")[2]
        feed = self._feeds.get(name)
        if feed is None:
            feed = self._feeds[name] = _Feed(one.session)
        elif one.session < feed.session:
            return None
        elif one.session > feed.session:
            feed.session, feed.complete = one.session, True
            for position in feed.topics.values():
                position.session, position.next = one.session, 1
        return feed

    def _position(self, feed: _Feed, topic: bytes, begin: int) -> _Position:
        position = self._positions.get(topic)
        if position is None:
            first = 1 if feed.complete else begin
            position = _Position(feed.session, first, topic.startswith(STATUS_PREFIX))
            self._positions[topic] = feed.topics[topic] = position
        return position

    def _note(self, one: SelectedMessage) -> None:
        """Note that a message is played."""
        feed = self._feed(one)
        if feed is not None:
            position = self._position(feed, one.topic, one.seq)
            position.next = max(position.next, one.seq + 1)
