"""The truth log, read into as little memory as an audit needs: some 40 bytes an event.

The format is the embedded exchange's, `feedd.exchange.truth`; the data of an event stays in the
file, and is read again where it is wanted.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import orjson

from feedd.audit import channels
from feedd.audit.channels import BINANCE, BYBIT, COUNTED, USDM, BybitTopics
from feedd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator
    from pathlib import Path

    from feedd.model import EventId

MASK = (1 << 63) - 1


class Mark(NamedTuple):
    """Something that befell connections at `ns`: `opened`, `closed`, `fault` or `clear`."""

    kind: str
    ns: int
    connection: int | None
    streams: tuple[str, ...]
    fault: str | None
    by: str | None


class Store:
    """The events of one stream, in the order of their ids, or else of their coming.

    An event that several connections were sent is one.
    """

    def __init__(self, *, counted: bool) -> None:
        self.sent_ns = array("q")
        self.optional: set[int] = set()
        self._contents = array("q")
        self._offsets = array("q")
        self._ids = array("q")  # of counted ones
        self._places: dict[int, int] = {}  # of the others, by the hash of their key
        self._counted = counted

    def __len__(self) -> int:
        return len(self.sent_ns)

    def add(self, event: channels.Event, sent_ns: int, offset: int) -> None:
        """Take an event of the truth; raise TypeError where its id is no number but should be."""
        at = len(self)
        if self._counted:
            key: Any = event.key
            if at and key <= self._ids[-1]:
                at = bisect_left(self._ids, key)
                if self._ids[at] == key:
                    return
            self._ids.insert(at, key)
        elif self._places.setdefault(hash(event.key), at) != at:
            return
        self.sent_ns.insert(at, sent_ns)
        self._contents.insert(at, hash(event.content) & MASK)
        self._offsets.insert(at, offset)
        if event.optional:
            self.optional.add(at)

    def index(self, key: Hashable, near: int) -> int | None:
        """Return an event's place, or None; `near` is where it is likely to be."""
        if not self._counted:
            return self._places.get(hash(key))
        if not isinstance(key, int):
            return None
        if 0 <= near < len(self) and self._ids[near] == key:
            return near
        at = bisect_left(self._ids, key)
        return at if at < len(self) and self._ids[at] == key else None

    def between(self, from_id: EventId, to_id: EventId) -> tuple[int | None, int | None]:
        """Return the first place behind one id and that of another; None where there is none."""
        if self._counted:
            first = bisect_right(self._ids, from_id) if isinstance(from_id, int) else None
            end = bisect_left(self._ids, to_id) if isinstance(to_id, int) else None
            return first, end
        before = None if from_id is None else self.index(from_id, 0)
        return (
            None if before is None else before + 1,
            None if to_id is None else self.index(to_id, 0),
        )

    def equals(self, index: int, content: tuple[Any, ...]) -> bool:
        """Whether an event has this content."""
        return self._contents[index] == hash(content) & MASK

    def offset(self, index: int) -> int:
        """Return where its line is in the file."""
        return self._offsets[index]


class Truth:
    """All of a truth log. `stores` is by exchange, symbol, channel and the stream's name."""

    def __init__(self, path: Path) -> None:
        """Read it; raise ConfigError for what is no truth log."""
        self.path = path
        self.marks: list[Mark] = []
        self.stores: dict[tuple[str, str, str], dict[str, Store]] = {}
        self.lines = 0
        self.torn = False  # its last line has no end: it was still being written
        self._streams: dict[str, channels.Stream | None] = {}
        self._market_of: dict[int, str] = {}  # by connection
        self._streams_of: dict[int, set[str]] = {}  # by connection
        self._bybit = BybitTopics()
        try:
            self._file: IO[bytes] = path.open("rb")
        except OSError as error:
            raise ConfigError(f"{path}: can't be read: {error.strerror}") from None
        self._read()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def event(self, store: Store, index: int) -> dict[str, Any]:
        """Return the line of an event, as it is."""
        self._file.seek(store.offset(index))
        line: dict[str, Any] = orjson.loads(self._file.readline())
        return line

    def feeds_of(self, mark: Mark) -> set[tuple[str, str, str]]:
        """Return the exchanges, their symbols and the channels that a mark may be about.

        Where the mark names no streams, those that its connection carried.
        """
        number = mark.connection
        market = None if number is None else self._market_of.get(number)
        names = mark.streams or (() if number is None else self._streams_of.get(number, ()))
        found = set()
        for name in names:
            one = self._stream(name)
            if one is None:
                continue
            exchanges = (market,) if market else (BYBIT,) if one.is_bybit else (BINANCE, USDM)
            found |= {(exchange, one.symbol, one.channel) for exchange in exchanges}
        return found

    def _read(self) -> None:
        offset = 0
        for line in self._file:
            if not line.endswith(b"\n"):
                self.torn = True
                break
            self.lines += 1
            try:
                self._take(orjson.loads(line), offset)
            except (LookupError, TypeError, ValueError) as error:
                raise ConfigError(
                    f"{self.path}, line {self.lines}: is no line of a truth log: "
                    f"{type(error).__name__}: {error}"
                ) from None
            offset += len(line)

    def _take(self, line: dict[str, Any], offset: int) -> None:
        if "mark" in line:
            self.marks.append(
                Mark(
                    line["mark"], line["ns"], line["connection"], tuple(line.get("streams") or ()),
                    line.get("fault"), line.get("by"),
                )
            )  # fmt: skip
            return
        name = line["stream"]
        one = self._stream(name)
        if one is None:
            return
        sent_ns = line["sent_ns"]
        if line["connection"] is not None:
            self._streams_of.setdefault(line["connection"], set()).add(name)
        exchanges = self._exchanges(one, line)
        for exchange in exchanges:
            key = (exchange, one.symbol, one.channel)
            stores = self.stores.get(key)
            if stores is None:
                stores = self.stores[key] = {}
            store = stores.get(name)
            if store is None:
                counted = one.channel in COUNTED or (one.channel == "trade" and not one.is_bybit)
                store = stores[name] = Store(counted=counted)
            for event in self._events(one, name, line["data"]):
                # Of an event that may be either market's, neither feed is asked.
                known = event if len(exchanges) == 1 else event._replace(optional=True)
                store.add(known, sent_ns, offset)

    def _events(
        self, one: channels.Stream, name: str, data: dict[str, Any]
    ) -> Iterator[channels.Event]:
        if one.is_bybit:
            return self._bybit.events(name, one.channel, data)
        return channels.binance_events(one.channel, data)

    def _exchanges(self, one: channels.Stream, line: dict[str, Any]) -> tuple[str, ...]:
        """Return whose an event is: where that doesn't show, either's."""
        connection = line["connection"]
        if one.is_bybit:
            market: str | None = BYBIT
        else:
            market = channels.binance_market(one.channel, line["data"])
        if market is None:
            market = self._market_of.get(connection)
            return (BINANCE, USDM) if market is None else (market,)
        if connection is not None:
            self._market_of[connection] = market
        return (market,)

    def _stream(self, name: str) -> channels.Stream | None:
        if name not in self._streams:
            self._streams[name] = channels.stream(name)
        return self._streams[name]
