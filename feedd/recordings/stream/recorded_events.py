"""Events of recordings, as `feedd.subscribe` yields them live, but without waiting."""

from __future__ import annotations

import heapq
from operator import itemgetter
from typing import TYPE_CHECKING, Any, cast

import msgspec
from msgspec.structs import force_setattr

from feedd.client.event_emitter import EventEmitter
from feedd.client.events import Gap, NewSession, StateChange, Status, Stopped, UpstreamGap
from feedd.client.protocol import STALE_S
from feedd.client.topic_table import MAX_TOPICS, TopicTable
from feedd.clock import NS_PER_S
from feedd.codec import UNREADABLE
from feedd.recordings.format.block_records import LIVE, NOTICE, REPLAYED, SNAPSHOT, BlockRecord
from feedd.recordings.stream.merging import RecordingMerge, range_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from feedd.client.decoding import Message
    from feedd.client.events import Event, Notice, Origin
    from feedd.recordings.format.damage import Damage
    from feedd.recordings.format.recording_reader import RecordingReader
    from feedd.recordings.format.series_reader import SeriesReader
    from feedd.recordings.stream.merging import TopicPosition

# The clock, the recording's number, and its entry; True and False: it starts, it ends.
MergedEntry = tuple[int, int, "BlockRecord | Damage | bool"]

_ORIGINS: dict[int, Origin] = {LIVE: "live", SNAPSHOT: "snapshot", REPLAYED: "replayed"}
_NOTICES: dict[bytes, Callable[[bytes], Any]] = {
    notice.__name__.encode(): msgspec.msgpack.Decoder(notice).decode
    for notice in (Gap, UpstreamGap, NewSession, StateChange, Stopped)
}
_NO_TICKS = (Gap, UpstreamGap, NewSession, StateChange, Stopped, Status)


def events(
    recording: RecordingReader,
    prefixes: Iterable[str],
    from_ns: int | None,
    to_ns: int | None,
    *,
    only_ticks: bool,
) -> Iterator[Event]:
    """Yield the events of the topics that begin with one of the prefixes."""
    reader = EventReader(prefixes, len(recording.series), whole=to_ns is None)
    entries = merged(recording.series, from_ns, to_ns)
    if only_ticks:
        return (event for event in reader.events(entries) if not isinstance(event, _NO_TICKS))
    return reader.events(entries)


def damage_text(damage: Damage) -> str:
    """Return the range, and what is wrong with it."""
    lost = "an unknown number of" if damage.records is None else f"{damage.records:,}"
    when = range_text(damage.from_ns, damage.to_ns)
    return f"{damage.path}: {when} {lost} messages are lost: {damage.why}"


def merged(
    series: list[SeriesReader], from_ns: int | None, to_ns: int | None
) -> Iterator[MergedEntry]:
    """Yield the entries of all recordings in the order of their clocks."""
    parts = [_numbered(number, one, from_ns, to_ns) for number, one in enumerate(series)]
    return parts[0] if len(parts) == 1 else heapq.merge(*parts, key=itemgetter(0))


def _numbered(
    number: int, series: SeriesReader, from_ns: int | None, to_ns: int | None
) -> Iterator[MergedEntry]:
    at_ns = max(series.begun_ns, from_ns or 0)
    # Opens files only when the clock is there. Recordings that begin together do so before entries.
    yield at_ns - 1, number, True
    for at_ns, what in series.entries(from_ns, to_ns):
        yield at_ns, number, what
    yield at_ns, number, False


class EventReader:
    """One pass over some recordings; unless it is over the `whole` ones, more may follow."""

    def __init__(self, prefixes: Iterable[str], recordings: int, *, whole: bool = True) -> None:
        self._whole = whole
        self._table = TopicTable(prefixes)
        self._emitter = EventEmitter(self._table.prefixes)
        self._merge = RecordingMerge(recordings, self._emitter)
        self._positions: dict[bytes, TopicPosition] = {}
        self._unwanted: set[bytes] = set()

    def events(self, entries: Iterator[MergedEntry]) -> Iterator[Event]:
        """Yield the events; `entries` are from `merged`."""
        merge, positions = self._merge, self._positions
        new = cast("list[Event]", self._emitter.events)  # none is a PublishedMessage here
        incomplete = merge.incomplete
        for at_ns, number, what in entries:
            merge.now_ns = at_ns
            if incomplete:
                merge.check()
                yield from new
                new.clear()
            position = positions.get(what.topic) if type(what) is BlockRecord else None
            if position is None or type(what) is not BlockRecord:
                self._other(number, what)
            else:
                message = _decoded(position, what)
                if message is None:
                    continue
                seq = message.seq
                if (
                    position.in_sequence
                    and seq == position.next
                    and message.session == position.session
                ):
                    position.next = position.seen[number] = seq + 1
                    position.last = message
                    yield message  # type: ignore[misc]  # none is a PublishedMessage
                    continue
                merge.message(position, number, what.kind, message)
            if new:
                yield from new
                new.clear()

    def _other(self, number: int, what: BlockRecord | Damage | bool) -> None:
        """Handle all but the further messages of a wanted topic."""
        if isinstance(what, BlockRecord):
            if what.kind == NOTICE:
                self._notice(number, what)
            elif what.topic not in self._unwanted:
                self._first(number, what)
        elif isinstance(what, bool):
            if what:
                self._merge.started(number)
            else:
                self._merge.ended(number, whole=self._whole)
        else:
            self._emitter.events.append(StateChange("", "damaged", damage_text(what)))
            self._merge.damaged(number, what.from_ns, what.to_ns)

    def _first(self, number: int, record: BlockRecord) -> None:
        """Handle a topic's first message."""
        position = self._position(record.topic)
        if position is None:
            if len(self._unwanted) >= MAX_TOPICS:
                self._unwanted.clear()
            self._unwanted.add(record.topic)
            return
        message = _decoded(position, record)
        if message is not None:
            self._merge.message(position, number, record.kind, message)

    def _position(self, frame: bytes) -> TopicPosition | None:
        """Return a topic's position; None for an unwanted topic."""
        position = self._positions.get(frame)
        if position is None:
            topic = self._table.get(frame)
            if topic is not None:
                position = self._positions[frame] = self._merge.position(topic)
            self._emitter.topics_rejected(self._table.rejected)
        return position

    def _notice(self, number: int, record: BlockRecord) -> None:
        decode = _NOTICES.get(record.topic)
        try:
            notice: Notice | None = decode(record.payload) if decode is not None else None
        except UNREADABLE:
            notice = None
        if notice is None:
            unknown = f"a notice of a type unknown to this version: {record.topic!r}"
            self._emitter.events.append(StateChange("", "damaged", unknown))
        elif isinstance(notice, Gap):
            position = self._position(notice.topic.encode())
            if position is not None:
                self._merge.gap(position, number, notice)
        elif not notice.feed:
            self._emitter.events.append(notice)
        else:
            position = self._position(f"status.{notice.feed}".encode())
            if position is not None:
                self._feed_notice(position, notice)

    def _feed_notice(
        self, position: TopicPosition, notice: UpstreamGap | NewSession | StateChange | Stopped
    ) -> None:
        """Handle a recorded notice about a feed.

        Of several recordings the notices are ignored, as they would be reported several times, or
        too early: statuses and sessions contain the same. Only `stale` is in no status.
        """
        feed = position.topic.feed
        if not self._merge.several:
            if isinstance(notice, NewSession):
                self._merge.session(feed, notice.old, notice.new)
            elif not isinstance(notice, UpstreamGap) or self._emitter.wants(feed, notice.channel):
                self._emitter.events.append(notice)
        elif isinstance(notice, StateChange) and notice.state == "stale":
            now_s = self._merge.now_ns / NS_PER_S
            silent = feed.heartbeat_s is not None and now_s - feed.heartbeat_s > STALE_S
            if silent and feed.reported != (notice.state, notice.reason):
                self._emitter.state(feed, notice.state, notice.reason)


def _decoded(position: TopicPosition, record: BlockRecord) -> Message | None:
    """Decode a record; None if it is invalid: its seq is then missing, and is reported so."""
    try:
        message = position.decode(record.payload)
    except UNREADABLE:
        return None
    if record.kind != LIVE:
        force_setattr(message, "origin", _ORIGINS.get(record.kind, "replayed"))
    return message if message.seq > 0 else None
