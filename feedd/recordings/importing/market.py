"""Recordings of a venue's raw messages; `raw_lines` describes the lines.

A file is read twice. The first pass checks every line and lists the streams, so that an invalid
file writes nothing.
"""

from __future__ import annotations

import heapq
from collections import Counter
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from feedd.channels import CHANNEL_NAMES
from feedd.embedded import tape
from feedd.errors import ConfigError
from feedd.feed.ticker import TOP_STALE_AFTER_NS, TickerMaker
from feedd.recordings.importing.files import InputFile, NoEventsError, wrong
from feedd.recordings.importing.raw_lines import LeftOut, RawLines
from feedd.recordings.importing.raw_texts import raw_texts
from feedd.recordings.importing.symbol import Symbol
from feedd.recordings.importing.times import Times
from feedd.venues.checks import checks
from feedd.venues.market_type import market_type
from feedd.venues.native import UNREADABLE
from feedd.venues.played import played_exchanges
from feedd.venues.registry import DEFAULT_EXCHANGE, NATIVE, venue, venue_module
from feedd.venues.vendor_names import CRYPTOFEED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from feedd.recordings.importing.imported_feed import ImportedFeed, ImportedFeeds
    from feedd.recordings.importing.symbol_names import SymbolNames
    from feedd.venues.raw_recordings import RawMessage, RawRecording
    from feedd.venues.raw_streams import RawStream


class _Row(NamedTuple):
    ns: int
    path: InputFile
    number: int | str
    message: RawMessage


class MarketFile:
    """One file, and the files beside it with the answers to GET requests.

    Raises ConfigError for a line that can't be parsed, and for an ambiguous symbol or timeframe.
    """

    def __init__(
        self,
        path: InputFile,
        exchange: str | None,
        names: SymbolNames,
        *,
        timeframe: str | None = None,
        book_depth: int = 20,
    ) -> None:
        self.path = path
        recorder = next(
            (CRYPTOFEED[one] for one in path.name.split(".") if one in CRYPTOFEED), None
        )
        self._messages = self._reader_of(exchange or recorder or DEFAULT_EXCHANGE)
        self._book_depth = book_depth
        self.left_out: Counter[str] = Counter()  # messages that give no event
        self.begun_ns = self._ends_ns = 0
        self.lines = 0
        self._unit = ""
        self._received = True  # whether the lines have a time of receipt
        self._evidence: dict[str, str] = {}  # exchange that a stream must be of: the stream
        held = self._scan()
        self.exchange = self._only_exchange(exchange, recorder, names)
        self._parse = venue_module(self.exchange, "streams").parse
        self._streams = self._chosen(held, timeframe)
        ids = {stream.symbol for stream in self._streams.values()}
        self._symbols = {id_: self._unified(id_, ids, names) for id_ in sorted(ids)}
        self._books = {s.symbol for s in self._streams.values() if s.content == "book"}

    @property
    def announcement(self) -> str:
        """Description of what the file was recognised as."""
        contents = {stream.content for stream in self._streams.values()}
        channels = ", ".join(name for name in CHANNEL_NAMES if name in contents)
        symbols = ", ".join(self._symbols.values())
        return (
            f"{self.path}: raw messages of {self.exchange}, times of receipt: {self._unit}; "
            f"{symbols}; {channels}; {self.lines:,} lines"
        )

    def steps(self, feeds: ImportedFeeds) -> Iterator[int]:
        """Yield the time of each line, in ns, before the line is converted."""
        yield self.begun_ns
        symbols = {id_: self._start(id_, feeds) for id_ in self._symbols}
        for row in self._rows():
            yield row.ns
            message = row.message
            try:
                if message.stream:
                    stream = self._streams.get(message.stream)
                    if stream is not None:
                        symbol = symbols[stream.symbol][1]
                        symbol.take(stream.content, message.data, row.ns)
                else:
                    id_ = self._symbol_of(message)
                    if id_ is None:
                        self.left_out["book snapshot of a symbol without book updates"] += 1
                    else:
                        symbols[id_][1].take_snapshot(message.data, row.ns)
            except UNREADABLE as error:
                raise wrong(
                    row.path, row.number, message.stream or "book snapshot",
                    f"the message can't be parsed: {error}. Remove the line; the event is then "
                    "reported as a gap where the exchange's ids show one",
                ) from None  # fmt: skip
        for id_, (feed, symbol) in symbols.items():
            symbol.finish(self._ends_ns)
            feeds.stop(self.exchange, self._symbols[id_], feed, self._ends_ns, "the file ends")
            self.left_out += Counter(symbol.left_out())

    def _reader_of(self, exchange: str) -> RawRecording:
        messages: RawRecording | None = venue_module(exchange, "raw_recording")
        if exchange not in _importable() or messages is None:
            if exchange in _played():
                raise ConfigError(
                    f"{self.path}: has no messages of {exchange} that can be imported"
                )
            raise ConfigError(
                f"{self.path}: raw messages of {exchange} can't be imported; those that can are "
                f"of {', '.join(sorted({*_importable(), *_played()}))}"
            )
        return messages

    def _only_exchange(self, given: str | None, recorder: str | None, names: SymbolNames) -> str:
        """Return the exchange of the file; raise ConfigError if its messages are of another."""
        evidence = self._evidence
        if len(evidence) > 1:
            found = " and ".join(f"{stream} of {one}" for one, stream in evidence.items())
            raise ConfigError(f"{self.path}: has messages of several exchanges: {found}; split it")
        seen = next(iter(evidence), None)
        if seen is not None and seen not in _importable():
            raise ConfigError(
                f"{self.path}: {evidence[seen]} is of {seen}, whose raw messages can't be imported"
            )
        for said in (given, recorder):
            if said is None or seen is None or said == seen:
                continue
            if not names.fit(said, seen, self._messages.market_of(seen)):
                raise ConfigError(
                    f"{self.path}: {evidence[seen]} is a message of {seen}, not of {said}; "
                    f"give --exchange {seen}"
                )
        return given or recorder or seen or DEFAULT_EXCHANGE

    def _symbol_of(self, message: RawMessage) -> str | None:
        """Return the symbol of an answer; an answer without one belongs to the only symbol."""
        only = next(iter(self._symbols)) if len(self._symbols) == 1 else ""
        id_ = message.symbol or only
        return id_ if id_ in self._books else None

    def _start(self, id_: str, feeds: ImportedFeeds) -> tuple[ImportedFeed, Symbol]:
        own = [one for one in self._streams.values() if one.symbol == id_]
        held = {one.content for one in own}
        channels = tuple(channel for channel in CHANNEL_NAMES if channel in held)
        maker = TickerMaker("quote" if "quote" in held else "none", TOP_STALE_AFTER_NS)
        symbol = self._symbols[id_]
        feed = feeds.start(
            self.path, self.exchange, symbol, channels, self.begun_ns,
            maker if "ticker" in held else None, received=self._received,
            checked=checks(venue(self.exchange, symbol)),
        )  # fmt: skip
        timeframe = next((one.interval for one in own if one.interval), "")
        return feed, Symbol(
            feed, self.exchange, symbol, id_, book_depth=self._book_depth, timeframe=timeframe
        )

    def _scan(self) -> dict[str, int]:
        """Read the file; return the number of lines of each stream."""
        held: Counter[str] = Counter()
        for row in self._rows(first_time=True):
            self.lines += 1
            self.begun_ns = min(self.begun_ns or row.ns, row.ns)
            self._ends_ns = max(self._ends_ns, row.ns)
            stream = row.message.stream
            if not stream:
                continue
            if stream not in held:
                try:
                    exchange = self._messages.exchange_of(stream, row.message.data)
                except UNREADABLE:
                    exchange = None  # the second pass names the fault
                if exchange is not None:
                    self._evidence.setdefault(exchange, stream)
            held[stream] += 1
        return held

    def _chosen(self, held: dict[str, int], timeframe: str | None) -> dict[str, RawStream]:
        """Return the streams to import: the fastest, if there are several speeds."""
        best: dict[tuple[str, str], tuple[RawStream, str]] = {}
        for name, count in held.items():
            stream = self._parse(name)
            if stream is None:
                self.left_out[name] += count
                continue
            if stream.content not in CHANNEL_NAMES:
                self.left_out[self._messages.split_stream(name)[1]] += count
                continue
            if stream.content == "candle" and timeframe not in {None, stream.interval}:
                self.left_out[self._messages.split_stream(name)[1]] += count
                continue
            key = (stream.symbol, stream.content)
            other = best.get(key)
            if other is not None and stream.content == "candle":
                raise ConfigError(
                    f"{self.path}: has candles of {other[0].interval} and {stream.interval}; "
                    "choose one with --timeframe"
                )
            if other is None or stream.period_ms < other[0].period_ms:
                best[key], stream_left = (stream, name), other
            else:
                stream_left = (stream, name)
            if stream_left is not None:
                left = stream_left[1]
                left_name = self._messages.split_stream(left)[1]
                self.left_out[f"{left_name} (there is a faster one)"] += held[left]
        if not best:
            raise NoEventsError(
                f"{self.path}: has no stream of any channel, only "
                f"{', '.join(sorted(self.left_out)) or 'answers to GET'}"
            )
        return {name: stream for stream, name in best.values()}

    def _unified(self, id_: str, ids: set[str], names: SymbolNames) -> str:
        of = self._messages.market_of(self.exchange)
        try:
            symbol = names.symbol(id_, self.exchange, of, single=len(ids) == 1)
        except ValueError as error:
            raise ConfigError(f"{self.path}: {error}") from None
        for seen, stream in self._evidence.items():
            if market_type(symbol) != self._messages.market_of(seen):
                raise ConfigError(
                    f"{self.path}: {stream} is a message of {seen}, which has no {symbol}; give "
                    "the symbol of its market with --symbol"
                )
        return symbol

    def _rows(self, *, first_time: bool = False) -> Iterator[_Row]:
        """Yield the lines in the order received."""
        beside = [] if self.path.member else tape.companions(self.path.path)
        paths = [self.path, *map(InputFile, beside)]
        parts = [self._rows_of(path, first_time=first_time) for path in paths]
        return parts[0] if len(parts) == 1 else heapq.merge(*parts, key=itemgetter(0))

    def _rows_of(self, path: InputFile, *, first_time: bool) -> Iterator[_Row]:
        lines, event_times = RawLines(self._messages), Times()
        for number, text in raw_texts(path):
            try:
                line = lines.read(text)
                if line is None or isinstance(line, LeftOut):
                    if first_time and line is not None:
                        self._leave_out(line, lines.recorded_exchange)
                    continue
                ns = self._event_ns(line.message, event_times) if line.ns is None else line.ns
            except ValueError as error:
                raise wrong(path, number, None, str(error)) from None
            yield _Row(ns, path, number, line.message)
        if first_time and path is self.path:
            self._received = lines.unit != "no times"
            self._unit = lines.unit if self._received else "none, the exchange's are used"

    def _leave_out(self, line: LeftOut, recorder: str) -> None:
        if line.what:
            self.left_out[line.what] += 1
        elif recorder:
            exchange = CRYPTOFEED.get(recorder, recorder)
            self._reader_of(exchange)
            self._evidence.setdefault(exchange, f"the recorder's header ({recorder})")

    def _event_ns(self, message: RawMessage, times: Times) -> int:
        """Return the exchange's event time of a message without a time of receipt."""
        time = self._messages.event_time_ms(message.data)
        if time is None:
            raise ValueError(
                "the line has no time of receipt, and the message no event time; write "
                "`<time> <JSON>`"
            )
        return times.of_number(time)


def _importable() -> list[str]:
    """Return the exchanges whose raw messages can be imported."""
    return [name for name in NATIVE if venue_module(name, "raw_recording") is not None]


def _played() -> list[str]:
    """Return the exchanges whose recordings `PlayedFile` imports."""
    return [one.exchange for one in played_exchanges()]
