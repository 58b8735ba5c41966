"""Recordings of a venue's raw messages, as `feedd.embedded.tape` describes them.

A file is read twice. The first pass checks every line and lists the streams, so that an invalid
file writes nothing.
"""

from __future__ import annotations

import heapq
import re
from collections import Counter
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from feedd.channels import CHANNEL_NAMES
from feedd.clock import NS_PER_MS
from feedd.embedded import tape
from feedd.errors import ConfigError
from feedd.feed.ticker import TOP_STALE_AFTER_NS, TickerMaker
from feedd.recordings.importing.files import NS_AT_LEAST, NS_BELOW, rows, shortened, wrong
from feedd.recordings.importing.symbol import Symbol
from feedd.venues.native import UNREADABLE
from feedd.venues.registry import NATIVE, unified_symbol, venue_module

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from feedd.embedded.tape import TapeLine
    from feedd.recordings.importing.imported_feed import ImportedFeed, ImportedFeeds
    from feedd.venues.raw_recordings import RawRecording
    from feedd.venues.raw_streams import RawStream

# Lines without an event: blank, the address of the frames, the answer to another GET.
_PREAMBLE = re.compile(r"\s*|wss?://\S* <-> [\d.]+")
MS_AT_LEAST, MS_BELOW = 10**12, 10**13  # the times in ms that have 13 digits
_ANSWER = re.compile(r"https?://(\S*) -> [\d.]+: .*")


class _Row(NamedTuple):
    ns: int
    path: Path
    number: int
    line: TapeLine


class MarketFile:
    """One file, and the files beside it with the answers to GET requests.

    Raises ConfigError for a line that can't be parsed, and for an ambiguous symbol or timeframe.
    `symbols` maps the exchange's ids to symbols; the key "" is for a file's only symbol.
    """

    def __init__(
        self,
        path: Path,
        exchange: str,
        symbols: Mapping[str, str],
        *,
        timeframe: str | None = None,
        book_depth: int = 20,
    ) -> None:
        streams = venue_module(exchange, "streams")
        messages: RawRecording | None = venue_module(exchange, "raw_recording")
        if exchange not in NATIVE or streams is None or messages is None:
            raise ConfigError(
                f"{path}: raw messages of {exchange} can't be imported; --exchange is "
                f"{' or '.join(sorted(NATIVE))}"
            )
        self._parse = streams.parse
        self._messages = messages
        self.path = path
        self._exchange = exchange
        self._book_depth = book_depth
        self.left_out: Counter[str] = Counter()  # messages that give no event
        self.begun_ns = self._ends_ns = 0
        self.lines = 0
        held = self._scan()
        self._streams = self._chosen(held, timeframe)
        ids = {stream.symbol for stream in self._streams.values()}
        self._symbols = {id_: self._unified(id_, ids, symbols) for id_ in ids}
        self._books = {s.symbol for s in self._streams.values() if s.content == "book"}

    def steps(self, feeds: ImportedFeeds) -> Iterator[int]:
        """Yield the time of each line, in ns, before the line is converted."""
        yield self.begun_ns
        symbols = {id_: self._start(id_, feeds) for id_ in sorted(self._symbols)}
        for row in self._rows():
            yield row.ns
            line = row.line
            try:
                if line.stream:
                    stream = self._streams.get(line.stream)
                    if stream is not None:
                        symbol = symbols[stream.symbol][1]
                        symbol.take(stream.content, line.data, row.ns)
                else:
                    id_ = self._symbol_of(line)
                    if id_ is None:
                        self.left_out["book snapshot of a symbol without book updates"] += 1
                    else:
                        symbols[id_][1].take_snapshot(line.data, row.ns)
            except UNREADABLE as error:
                raise wrong(
                    row.path, row.number, line.stream or "book snapshot",
                    f"the message can't be parsed: {error}. Remove the line; the event is then "
                    "reported as a gap where the exchange's ids show one",
                ) from None  # fmt: skip
        for id_, (feed, symbol) in symbols.items():
            symbol.finish(self._ends_ns)
            feeds.stop(self._exchange, self._symbols[id_], feed, self._ends_ns, "the file ends")
            self.left_out += Counter(symbol.left_out())

    def _symbol_of(self, line: TapeLine) -> str | None:
        """Return the symbol of an answer; an answer without one belongs to the only symbol."""
        only = next(iter(self._symbols)) if len(self._symbols) == 1 else ""
        id_ = line.symbol or only
        return id_ if id_ in self._books else None

    def _start(self, id_: str, feeds: ImportedFeeds) -> tuple[ImportedFeed, Symbol]:
        own = [one for one in self._streams.values() if one.symbol == id_]
        held = {one.content for one in own}
        channels = tuple(channel for channel in CHANNEL_NAMES if channel in held)
        maker = TickerMaker("quote" if "quote" in held else "none", TOP_STALE_AFTER_NS)
        symbol = self._symbols[id_]
        feed = feeds.start(
            self.path, self._exchange, symbol, channels, self.begun_ns,
            maker if "ticker" in held else None,
        )  # fmt: skip
        timeframe = next((one.interval for one in own if one.interval), "")
        return feed, Symbol(
            feed, self._exchange, symbol, id_, book_depth=self._book_depth, timeframe=timeframe
        )

    def _scan(self) -> dict[str, int]:
        """Read the file; return the number of lines of each stream."""
        held: Counter[str] = Counter()
        for row in self._rows(first_time=True):
            self.lines += 1
            self.begun_ns = min(self.begun_ns or row.ns, row.ns)
            self._ends_ns = max(self._ends_ns, row.ns)
            if row.line.stream:
                held[row.line.stream] += 1
        return held

    def _chosen(self, held: dict[str, int], timeframe: str | None) -> dict[str, RawStream]:
        """Return the streams to import: the fastest, if there are several speeds."""
        best: dict[tuple[str, str], tuple[RawStream, str]] = {}
        for name, count in held.items():
            stream = self._parse(name)
            if stream is None or stream.content not in CHANNEL_NAMES:
                self.left_out[self._messages.split_stream(name)[1] or name] += count
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
            raise ConfigError(
                f"{self.path}: has no stream of any channel, only "
                f"{', '.join(sorted(self.left_out)) or 'answers to GET'}"
            )
        return {name: stream for stream, name in best.values()}

    def _unified(self, id_: str, ids: set[str], symbols: Mapping[str, str]) -> str:
        given = symbols.get(id_) or (symbols.get("") if len(ids) == 1 else None)
        if given is not None:
            return given
        base, quote = self._messages.currencies(id_)
        if not quote or not base.isalnum():
            raise ConfigError(
                f"{self.path}: the symbol of {id_} is ambiguous; name it: "
                f"--symbol {id_}=BTC/USDT:USDT"
            )
        return unified_symbol(self._exchange, f"{base}/{quote}")

    def _rows(self, *, first_time: bool = False) -> Iterator[_Row]:
        """Yield the lines in the order received."""
        paths = [self.path, *tape.companions(self.path)]
        parts = [self._rows_of(path, first_time=first_time) for path in paths]
        return parts[0] if len(parts) == 1 else heapq.merge(*parts, key=itemgetter(0))

    def _rows_of(self, path: Path, *, first_time: bool) -> Iterator[_Row]:
        for number, text in enumerate(rows(path), 1):
            row = text.rstrip("\r\n")
            line = tape.parsed(row, self._messages) or self._untimed(row)
            if line is not None:
                if not NS_AT_LEAST <= line.local_ns < NS_BELOW:
                    raise wrong(
                        path, number, "time",
                        f"{line.local_ns} is not a time in ns since the epoch; write 19 digits",
                    )  # fmt: skip
                yield _Row(line.local_ns, path, number, line)
                continue
            if _PREAMBLE.fullmatch(row):
                continue
            answer = _ANSWER.fullmatch(row)
            if answer is None:
                raise wrong(
                    path, number, None,
                    f'{shortened(row)} is not `<time, ns> {{"stream":…,"data":…}}`; fix or '
                    "remove the line (in a truncated file, it is the last)",
                )  # fmt: skip
            if first_time:
                self.left_out[f"GET {answer[1].partition('?')[0]}"] += 1

    def _untimed(self, row: str) -> TapeLine | None:
        """Return a frame without a receive time, at the exchange's event time."""
        frame = self._messages.read_frame(row)
        time_ms = None if frame is None else self._messages.event_time_ms(frame[1])
        if frame is None or time_ms is None or not MS_AT_LEAST <= time_ms < MS_BELOW:
            return None
        return tape.TapeLine(time_ms * NS_PER_MS, *frame)
