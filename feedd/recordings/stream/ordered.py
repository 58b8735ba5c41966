"""Recordings to events: what `feedd.subscribe` would yield of them, without any of the waiting."""

from __future__ import annotations

import heapq
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import force_setattr

from feedd.client.events import Gap, NewSession, StateChange, Status, Stopped, UpstreamGap
from feedd.client.protocol import STALE_S
from feedd.client.telling import Telling
from feedd.client.topic_table import MOST_TOPICS, TopicTable
from feedd.clock import NS_PER_S
from feedd.codec import UNREADABLE
from feedd.recordings.format.records import LIVE, NOTICE, REPLAYED, SNAPSHOT, Record
from feedd.recordings.stream.rejoining import Rejoining, range_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from feedd.client.decoding import Message
    from feedd.client.events import Event, Notice, Origin
    from feedd.recordings.format.reading import Damage
    from feedd.recordings.format.recording import Recording, Series
    from feedd.recordings.stream.rejoining import Place

Told = tuple[int, int, "Record | Damage | bool"]  # the clock, whose, and what; whether it goes on

_ORIGINS: dict[int, Origin] = {LIVE: "live", SNAPSHOT: "snapshot", REPLAYED: "replayed"}
_NOTICES: dict[bytes, Callable[[bytes], Any]] = {
    kind.__name__.encode(): msgspec.msgpack.Decoder(kind).decode
    for kind in (Gap, UpstreamGap, NewSession, StateChange, Stopped)
}
_LEFT_OUT = (Gap, UpstreamGap, NewSession, StateChange, Stopped, Status)  # by only_ticks


def events(
    recording: Recording,
    prefixes: Iterable[str],
    from_ns: int | None,
    to_ns: int | None,
    *,
    only_ticks: bool,
) -> Iterator[Event]:
    """Yield what recordings hold of the topics that begin with one of the prefixes."""
    reading = Reading(prefixes, len(recording.series))
    told = merged(recording.series, from_ns, to_ns)
    if only_ticks:
        return (event for event in reading.events(told) if not isinstance(event, _LEFT_OUT))
    return reading.events(told)


def damage_text(damage: Damage) -> str:
    """Return which range it is, and why."""
    lost = "an unknown number of" if damage.records is None else f"{damage.records:,}"
    when = range_text(damage.from_ns, damage.to_ns)
    return f"{damage.path}: {when} {lost} messages are lost: {damage.why}"


def merged(series: list[Series], from_ns: int | None, to_ns: int | None) -> Iterator[Told]:
    """Yield what recordings hold in the order of their clocks."""
    parts = [_numbered(number, one, from_ns, to_ns) for number, one in enumerate(series)]
    return parts[0] if len(parts) == 1 else heapq.merge(*parts, key=itemgetter(0))


def _numbered(
    number: int, series: Series, from_ns: int | None, to_ns: int | None
) -> Iterator[Told]:
    at_ns = max(series.begun_ns, from_ns or 0)
    # Its files are opened when the clock is there. All that begin together do so before the rest.
    yield at_ns - 1, number, True
    for at_ns, what in series.entries(from_ns, to_ns):
        yield at_ns, number, what
    yield at_ns, number, False


class Reading:
    """One reading of some recordings."""

    def __init__(self, prefixes: Iterable[str], recordings: int) -> None:
        self._table = TopicTable(prefixes)
        self._tell = Telling()
        self._order = Rejoining(recordings, self._tell)
        self._places: dict[bytes, Place] = {}
        self._unwanted: set[bytes] = set()

    def events(self, told: Iterator[Told]) -> Iterator[Event]:
        """Yield the events of what recordings hold; `told` is from `merged`."""
        order, places, news = self._order, self._places, self._tell.events
        broken = order.broken
        for at_ns, number, what in told:
            order.now_ns = at_ns
            if broken:
                order.look()
                yield from news
                news.clear()
            place = places.get(what.topic) if type(what) is Record else None
            if place is None or type(what) is not Record:
                self._other(number, what)
            else:
                message = _decoded(place, what)
                if message is None:
                    continue
                seq = message.seq
                if place.smooth and seq == place.next and message.session == place.session:
                    place.next = place.seen[number] = seq + 1
                    yield message
                    continue
                order.message(place, number, what.kind, message)
            if news:
                yield from news
                news.clear()

    def _other(self, number: int, what: Record | Damage | bool) -> None:
        """Take in all but the further messages of a topic that somebody wants."""
        if isinstance(what, Record):
            if what.kind == NOTICE:
                self._notice(number, what)
            elif what.topic not in self._unwanted:
                self._first(number, what)
        elif isinstance(what, bool):
            (self._order.begun if what else self._order.over)(number)
        else:
            self._tell.events.append(StateChange("", "damaged", damage_text(what)))
            self._order.damaged(number, what.from_ns, what.to_ns)

    def _first(self, number: int, record: Record) -> None:
        """Take in a topic's first message."""
        place = self._place(record.topic)
        if place is None:
            if len(self._unwanted) >= MOST_TOPICS:
                self._unwanted.clear()
            self._unwanted.add(record.topic)
            return
        message = _decoded(place, record)
        if message is not None:
            self._order.message(place, number, record.kind, message)

    def _place(self, frame: bytes) -> Place | None:
        """Return a topic's place; None for one that nobody wants."""
        place = self._places.get(frame)
        if place is None:
            topic = self._table.get(frame)
            if topic is not None:
                place = self._places[frame] = self._order.place(topic)
            self._tell.topics_refused(self._table.refused)
        return place

    def _notice(self, number: int, record: Record) -> None:
        decode = _NOTICES.get(record.topic)
        try:
            notice: Notice | None = decode(record.payload) if decode is not None else None
        except UNREADABLE:
            notice = None
        if notice is None:
            unknown = f"a notice that this version does not know: {record.topic!r}"
            self._tell.events.append(StateChange("", "damaged", unknown))
        elif isinstance(notice, Gap):
            place = self._place(notice.topic.encode())
            if place is not None:
                self._order.gap(place, number, notice)
        elif not notice.feed:
            self._tell.events.append(notice)
        else:
            place = self._place(f"status.{notice.feed}".encode())
            if place is not None:
                self._feed_notice(place, notice)

    def _feed_notice(
        self, place: Place, notice: UpstreamGap | NewSession | StateChange | Stopped
    ) -> None:
        """Take in what one recorder was told of a feed.

        Of several recordings messages are told instead, as they come first: what notices say
        stands in statuses and sessions, and else would be told several times, or too early. A
        feed's silence stands in none.
        """
        feed = place.topic.feed
        if not self._order.several:
            if isinstance(notice, NewSession):
                self._order.session(feed, notice.old, notice.new)
            else:
                self._tell.events.append(notice)
        elif isinstance(notice, StateChange) and notice.state == "stale":
            now_s = self._order.now_ns / NS_PER_S
            silent = feed.heard_s is not None and now_s - feed.heard_s > STALE_S
            if silent and feed.told != (notice.state, notice.reason):
                self._tell.state(feed, notice.state, notice.reason)


def _decoded(place: Place, record: Record) -> Message | None:
    """Return a record's message; None for what is none: its seq is a hole, and so it is told."""
    try:
        message = place.decode(record.payload)
    except UNREADABLE:
        return None
    if record.kind != LIVE:
        force_setattr(message, "origin", _ORIGINS.get(record.kind, "replayed"))
    return message if message.seq > 0 else None
