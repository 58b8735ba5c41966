"""The truth log, read into about 40 bytes per event.

The format is the embedded exchange's, `feedd.embedded.truth`; the data of an event stays in the
file and is read again when needed.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import deque
from dataclasses import dataclass, field
from itertools import product
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import msgspec
import orjson

from feedd.audit.lines import MALFORMED, MarkLine, TruthLine
from feedd.errors import ConfigError
from feedd.venues.truth import published, truth_readers

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable
    from pathlib import Path

    from feedd.model import EventId
    from feedd.venues.truth import BookUpdate, Event, TruthStream

MASK = (1 << 63) - 1
EPOCH = 1 << 50  # more than any id
MARKS = ".marks"  # suffix of the file with the log's marks

CHUNK = 1 << 20  # bytes

_line = msgspec.json.Decoder(TruthLine)
_mark_line = msgspec.json.Decoder(MarkLine)

Feed = tuple[str, str, str]  # exchange, its own name of the symbol, channel


@dataclass(slots=True)
class Carried:
    """Streams that a connection carries or a fault affects, so far known from events."""

    exchange: str | None = None  # None until an event shows it: names of streams may be ambiguous
    streams: set[str] = field(default_factory=set)
    feeds: set[Feed] = field(default_factory=set)


class Mark(NamedTuple):
    """A change of connections at `ns`: `opened`, `closed`, `fault` or `clear`."""

    kind: str
    ns: int
    connection: int | None
    fault: str | None
    by: str | None
    streams: tuple[str, ...]
    carried: Carried


class Store:
    """Events of one stream in the order of their ids, or else of arrival.

    An event sent to several connections is stored once. When the exchange restarts its ids, a new
    epoch begins, in which the same id is another event.
    """

    def __init__(
        self, *, counted: bool, published: Callable[[str, dict[str, Any]], Event] = published
    ) -> None:
        self.published = published
        self.sent_ns = array("q")
        self.optional: set[int] = set()
        self._contents = array("q")
        self._offsets = array("q")
        self._ids = array("q")  # of counted ones, plus EPOCH times the epoch
        self._places: dict[int, int] = {}  # of the others, by the hash of their key
        self._counted = counted
        self._starts = [0]  # of each epoch

    def __len__(self) -> int:
        return len(self.sent_ns)

    def begin_epoch(self) -> None:
        """Let ids restart."""
        if self._starts[-1] < len(self):
            self._starts.append(len(self))

    def newest(self) -> int:
        """Return the highest id of the epoch, or 0."""
        has_events = self._counted and self._starts[-1] < len(self)
        return self._ids[-1] % EPOCH if has_events else 0

    def add(self, event: Event, sent_ns: int, offset: int) -> None:
        """Add an event of the truth; raise TypeError for an id that must be a number."""
        at, epoch = len(self), len(self._starts) - 1
        if self._counted:
            key: Any = event.key
            if not isinstance(key, int) or not 0 <= key < EPOCH:
                raise TypeError(f"{key!r} is not an id of its channel")
            key += epoch * EPOCH
            if at and key <= self._ids[-1]:
                at = bisect_left(self._ids, key)
                if self._ids[at] == key:
                    return
            self._ids.insert(at, key)
        elif self._places.setdefault(hash((epoch, event.key)), at) != at:
            return
        for alias in event.aliases:
            self._places.setdefault(hash((epoch, alias)), at)
        self.sent_ns.insert(at, sent_ns)
        self._contents.insert(at, hash(event.content) & MASK)
        self._offsets.insert(at, offset)
        if event.optional:
            self.optional.add(at)

    def index(self, key: Hashable, near: int, by_ns: int) -> int | None:
        """Return the place of an event that was sent by a time, or None.

        `near` is its likely place. Of several epochs with the key, the last one counts.
        """
        if self._counted and not isinstance(key, int):
            return None
        found = None
        for epoch in range(len(self._starts) - 1, -1, -1):
            place = self._in_epoch(key, near, epoch)
            if place is not None and (epoch == 0 or self.sent_ns[place] <= by_ns):
                return place
            found = place if found is None else found
        return found

    def between(
        self, from_id: EventId, to_id: EventId, at: int, by_ns: int
    ) -> tuple[int | None, int | None]:
        """Return the first place after one id, and the place of another; None where unknown.

        `at` is a place between them; the later one was sent by `by_ns`.
        """
        epoch = self._epoch(max(0, at - 1))
        if self._counted:
            last = len(self._starts) - 1
            first = end = None
            if isinstance(from_id, int):
                first = bisect_right(self._ids, from_id + epoch * EPOCH)
            if isinstance(to_id, int):
                if isinstance(from_id, int) and to_id <= from_id and epoch < last:
                    epoch += 1  # ids restarted in between
                end = bisect_left(self._ids, to_id + epoch * EPOCH)
            return first, end
        before = None if from_id is None else self.index(from_id, at, by_ns)
        return (
            None if before is None else before + 1,
            None if to_id is None else self.index(to_id, at, by_ns),
        )

    def _epoch(self, at: int) -> int:
        return 0 if len(self._starts) == 1 else max(0, bisect_right(self._starts, at) - 1)

    def _in_epoch(self, key: Any, near: int, epoch: int) -> int | None:
        if not self._counted:
            return self._places.get(hash((epoch, key)))
        key += epoch * EPOCH
        if 0 <= near < len(self) and self._ids[near] == key:
            return near
        at = bisect_left(self._ids, key)
        return at if at < len(self) and self._ids[at] == key else None

    def equals(self, index: int, content: tuple[Any, ...]) -> bool:
        """Whether an event has this content."""
        return self._contents[index] == hash(content) & MASK

    def offset(self, index: int) -> int:
        """Return the offset of its line in the file."""
        return self._offsets[index]


class Truth:
    """A whole truth log. `stores` is by exchange, symbol, channel and the stream's name."""

    def __init__(self, path: Path) -> None:
        """Read the file; raise ConfigError if it is not a truth log."""
        self.path = path
        self.marks: list[Mark] = []
        self.stores: dict[tuple[str, str, str], dict[str, Store]] = {}
        self.lines = 0
        self.torn = False  # the last line is incomplete: it was still being written
        self._streams: dict[str, TruthStream | None] = {}
        self._connections: dict[int, Carried] = {}
        self._newest_connection = 0
        self._faults: dict[str | None, list[Mark]] = {}  # that are active, by name
        self._readers = truth_readers()
        try:
            self._file: IO[bytes] = path.open("rb")
        except OSError as error:
            raise ConfigError(f"{path}: can't be read: {error.strerror}") from None
        try:
            self._read()
        except ConfigError:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def event(self, store: Store, index: int) -> dict[str, Any]:
        """Return the line of an event."""
        self._file.seek(store.offset(index))
        line: dict[str, Any] = orjson.loads(self._file.readline())
        return line

    def book(self, store: Store, index: int) -> BookUpdate:
        """Return the book part of an event; raise ConfigError for a malformed one."""
        try:
            line = self.event(store, index)
            one = self._stream(line["stream"])
            if one is None:
                raise LookupError("its stream has no channel")
            return one.reader.book_update(line["data"])
        except MALFORMED as error:
            raise self._malformed(self._number(store.offset(index)), error) from None

    def feeds_of(self, mark: Mark) -> set[Feed]:
        """Return the feeds that a mark concerns, so far known from events."""
        carried = mark.carried
        found = set(carried.feeds)
        names: Iterable[str] = mark.streams or carried.streams
        if mark.kind == "opened":
            names = {*mark.streams, *carried.streams}  # it may subscribe later
        for name in names if mark.connection is not None else ():
            one = self._stream(name)
            if one is None:
                continue
            channels = (one.channel, *one.also)
            found |= {
                (exchange, one.symbol, channel)
                for exchange, channel in product(_possible(one, carried), channels)
            }
        return found

    def _read(self) -> None:
        offset = 0
        later = deque(_marks(self.path.with_name(self.path.name + MARKS)))
        for line in self._file:
            if not line.endswith(b"\n"):
                self.torn = True
                break
            self.lines += 1
            try:
                event = _line.decode(line)
                while later and later[0].ns <= event.sent_ns:
                    self._mark(later.popleft())
                self._take(event, offset)
            except MALFORMED as error:
                raise self._malformed(self.lines, error) from None
            offset += len(line)
        while later:
            self._mark(later.popleft())

    def _malformed(self, number: int, error: Exception) -> ConfigError:
        return ConfigError(
            f"{self.path}, line {number}: is not a line of a truth log: "
            f"{type(error).__name__}: {error}"
        )

    def _number(self, offset: int) -> int:
        """Return the number of the line that begins at an offset."""
        self._file.seek(0)
        number = 1
        while offset > 0:
            chunk = self._file.read(min(offset, CHUNK))
            if not chunk:
                break
            number += chunk.count(b"\n")
            offset -= len(chunk)
        return number

    def _take(self, line: TruthLine, offset: int) -> None:
        name = line.stream
        one = self._stream(name)
        if one is None:
            return
        carried = self._carried(line.connection)
        if carried is not None:
            carried.streams.add(name)
        sent_ns, data, swallowed = line.sent_ns, line.data, line.swallowed
        exchanges = _exchanges(one, data, carried)
        for exchange, channel in product(exchanges, (one.channel, *one.also)):
            key = (exchange, one.symbol, channel)
            for mark in self._faults.get(swallowed, ()) if swallowed is not None else ():
                mark.carried.feeds.add(key)
            store = self._store(key, name, one)
            if one.reader.restarted(data) and store.newest() > 1:
                store.begin_epoch()
            for event in one.reader.events(name, channel, data):
                # An event that may be of several exchanges is required of none.
                known = event if len(exchanges) == 1 else event._replace(optional=True)
                store.add(known, sent_ns, offset)

    def _mark(self, line: MarkLine) -> None:
        kind, number, fault = line.mark, line.connection, line.fault
        if kind == "opened" and number is not None:
            if number <= self._newest_connection:
                self._begin_run()
            self._newest_connection = number
            self._connections[number] = Carried()
        carried = self._carried(number) or Carried()
        if kind == "clear":
            active = self._faults.get(fault, [])
            same = [mark for mark in active if mark.streams == line.streams]
            if same:
                active.remove(same[0])
                carried = same[0].carried
        mark = Mark(kind, line.ns, number, fault, line.by, line.streams, carried)
        self.marks.append(mark)
        if kind == "fault":
            self._faults.setdefault(fault, []).append(mark)

    def _begin_run(self) -> None:
        """Handle a restart of the exchange: all ids restart."""
        self._connections.clear()
        self._faults.clear()
        for stores in self.stores.values():
            for store in stores.values():
                store.begin_epoch()

    def _carried(self, number: int | None) -> Carried | None:
        return None if number is None else self._connections.setdefault(number, Carried())

    def _store(self, key: Feed, name: str, one: TruthStream) -> Store:
        stores = self.stores.setdefault(key, {})
        store = stores.get(name)
        if store is None:
            store = stores[name] = Store(counted=one.counted, published=one.published or published)
        return store

    def _stream(self, name: str) -> TruthStream | None:
        if name not in self._streams:
            found = (reader.stream(name) for reader in self._readers)
            self._streams[name] = next((one for one in found if one is not None), None)
        return self._streams[name]


def _exchanges(one: TruthStream, data: dict[str, Any], carried: Carried | None) -> tuple[str, ...]:
    """Return the exchanges that may have sent an event."""
    exchange = one.reader.exchange(one.channel, data)
    if exchange is None:
        return _possible(one, carried)
    if carried is not None:
        carried.exchange = exchange
    return (exchange,)


def _possible(one: TruthStream, carried: Carried | None) -> tuple[str, ...]:
    """Return the exchanges that a connection's stream may be of."""
    exchanges = one.reader.exchanges
    exchange = None if carried is None else carried.exchange
    return exchanges if exchange is None or exchange not in exchanges else (exchange,)


def _marks(path: Path) -> list[MarkLine]:
    """Return the marks in order; none if the file does not exist."""
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigError(f"{path}: can't be read: {error.strerror}") from None
    marks = []
    for number, line in enumerate(lines, 1):
        if not line.endswith(b"\n"):
            break  # still being written
        try:
            marks.append(_mark_line.decode(line))
        except MALFORMED as error:
            raise ConfigError(
                f"{path}, line {number}: is not a mark of a truth log: {error}"
            ) from None
    return marks
