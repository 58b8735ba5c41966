"""Read recordings of an exchange line by line: the contents of a file, and its frames in order.

The venue's `RawRecording` recognises the messages. Three formats are supported, plain, gzipped or
packed with zstd. The first is `<local receive time, ns> <JSON of a frame, or of a book snapshot>`::

    1723161255088176367 {"stream":"btcusdt@trade","data":{"e":"trade",…}}

The second is `<local receive time, s>: <JSON of a frame>`, after a line with the address. Its
responses to GET requests are in separate files, which are read too: for `X.ws.1.0.txt` it is
`X.http.0.0.txt` in the same directory. Their lines name the symbol::

    1626992741.06217: {"stream":"sushiusdt@bookTicker","data":{"e":"bookTicker",…}}
    https://…/depth?symbol=SUSHIUSDT&limit=1000 -> 1626992741.301402: {"lastUpdateId":…}

The third is that of `feedd.embedded.played.recording`, whose first line is a header.
"""

from __future__ import annotations

import contextlib
import glob
import heapq
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from feedd.embedded.instruments import Instrument
from feedd.embedded.played.recording import frames, rows
from feedd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from feedd.venues.raw_recordings import RawRecording

LINES_SCANNED = 300_000  # to find the contents of a file; a day of one busy symbol has 20 million
LINES_MEASURED = 20_000  # of these, to find the price and size steps

_FORMATS = (re.compile(r"(\d{16,20}) (\{.*\})"), re.compile(r"(\d{9,11}\.\d+): (\{.*\})"))
_RESPONSE = re.compile(r"(https?://\S+) -> (\d{9,11}\.\d+): (\{.*\})")
_ANSWERS_FILE = re.compile(r"\.http\.\w+\.\d+(?:\.txt)?(?:\.gz)?$")
_WEBSOCKET_FILE = re.compile(r"(.+)\.ws\.\d+\.\d+(?:\.txt)?(?:\.gz)?")


class TapeLine(NamedTuple):
    """One line; `stream` is empty for a book snapshot, the response to a GET request.

    `symbol` is set only for a response, and empty if the file does not name it.
    """

    local_ns: int
    stream: str
    data: str
    symbol: str = ""


@dataclass(slots=True)
class Holding:
    """Contents of a tape for one symbol."""

    instrument: Instrument
    streams: set[str] = field(default_factory=set)  # names without the symbol: bookTicker, …
    snapshot: str | None = None
    exchanges: set[str] = field(default_factory=set)  # that its messages must be of


def read(path: Path, messages: RawRecording) -> Iterator[TapeLine]:
    """Yield the events and book snapshots, in the order received.

    Raises ConfigError for a file that can't be read.
    """
    headed = False
    for number, row in rows(path):
        if number == 1 and row.startswith('{"t":"header"'):
            headed = True
            break
        line = parsed(row.rstrip("\n"), messages)
        if line is not None:
            yield line
    for _, frame in frames(path) if headed else ():
        if frame.kind == "http":
            symbol = messages.snapshot_symbol(frame.url)
            if symbol is not None:
                yield TapeLine(frame.at_ns, "", frame.data, symbol)
        elif frame.kind == "recv":
            found = messages.read_frame(frame.data)
            if found is not None:
                yield TapeLine(frame.at_ns, *found)


class Tape:
    """A recording and its contents, found by a scan of its first lines."""

    def __init__(self, path: Path, messages: RawRecording) -> None:
        """Scan the file; raise ConfigError if it can't be read or holds no stream."""
        self.path = path
        self._messages = messages
        self.start_ns = 0
        self.least_delay_ms = math.inf  # local clock minus event time: the clock offset
        self.holdings: dict[str, Holding] = {}
        self._scan()
        if not math.isfinite(self.least_delay_ms):
            self.least_delay_ms = 0.0  # no event has an event time
        if not self.holdings:
            raise ConfigError(f"{path}: holds no stream that can be played")

    def lines(self) -> Iterator[TapeLine]:
        """Yield the lines from the start, merged with the responses in the companion files."""
        beside = [read(path, self._messages) for path in companions(self.path)]
        own = read(self.path, self._messages)
        return heapq.merge(own, *beside, key=lambda line: line.local_ns) if beside else own

    def answers(self, line: TapeLine, symbol: str) -> bool:
        """Whether a line is a book snapshot of a symbol.

        A snapshot without a symbol matches only if the tape holds a single symbol.
        """
        if line.stream:
            return False
        return line.symbol == symbol or (not line.symbol and len(self.holdings) == 1)

    def _scan(self) -> None:
        messages = self._messages
        streams: dict[str, set[str]] = {}
        prices: dict[str, set[str]] = {}
        sizes: dict[str, set[str]] = {}
        snapshots: dict[str, str] = {}
        exchanges: dict[str, set[str]] = {}
        for number, line in enumerate(self.lines()):
            if number >= LINES_SCANNED:
                break
            self.start_ns = self.start_ns or line.local_ns
            symbol, name = line.symbol, ""
            if line.stream:
                symbol, name = messages.split_stream(line.stream)
                names = streams.setdefault(symbol, set())
                if name not in names:
                    names.add(name)
                    with contextlib.suppress(ValueError):  # a stream may begin malformed
                        evidence = messages.exchange_of(line.stream, line.data)
                        exchanges.setdefault(symbol, set()).update({evidence} if evidence else ())
            else:
                snapshots.setdefault(symbol, line.data)
            if number < LINES_MEASURED:
                prices.setdefault(symbol, set()).update(messages.prices(line.data))
                sizes.setdefault(symbol, set()).update(messages.sizes(line.data))
            time_ms = messages.event_time_ms(line.data) if line.stream else None
            if time_ms is not None:
                self.least_delay_ms = min(self.least_delay_ms, line.local_ns / 1e6 - time_ms)
        for symbol, names in streams.items():
            # A snapshot without a symbol is unambiguous only if the tape holds a single symbol.
            whose = {symbol, ""} if len(streams) == 1 else {symbol}
            instrument = _instrument(
                *messages.currencies(symbol),
                set().union(*(prices.get(one, ()) for one in whose)),
                set().union(*(sizes.get(one, ()) for one in whose)),
            )
            snapshot = snapshots.get(symbol, snapshots.get("") if "" in whose else None)
            self.holdings[symbol] = Holding(
                instrument, names, snapshot, exchanges.get(symbol, set())
            )


def companions(path: Path) -> list[Path]:
    """Return the files with the GET responses that belong to a file of frames."""
    match = _WEBSOCKET_FILE.fullmatch(path.name)
    if match is None:
        return []
    beside = path.parent.glob(f"{glob.escape(match[1])}.http.*")
    return sorted(one for one in beside if _ANSWERS_FILE.search(one.name))


def parsed(row: str, messages: RawRecording) -> TapeLine | None:
    """Parse a row; return None if it is neither an event nor a book snapshot."""
    response = _RESPONSE.fullmatch(row)
    if response is not None:
        symbol = messages.snapshot_symbol(response[1])
        if symbol is None:
            return None
        return TapeLine(int(float(response[2]) * 1e9), "", response[3], symbol)
    for format_ in _FORMATS:
        match = format_.fullmatch(row)
        if match is None:
            continue
        stamp, text = match.groups()
        local_ns = int(float(stamp) * 1e9) if "." in stamp else int(stamp)
        frame = messages.read_frame(text)
        if frame is not None:
            return TapeLine(local_ns, *frame)
        if messages.is_snapshot(text):
            return TapeLine(local_ns, "", text)
    return None


def _instrument(base: str, quote: str, prices: set[str], sizes: set[str]) -> Instrument:
    price_decimals = max((_decimals(price) for price in prices), default=2)
    size_decimals = max((_decimals(size) for size in sizes), default=3)
    steps = [round(float(price) * 10**price_decimals) for price in prices]
    tick = math.gcd(*steps) or 1
    return Instrument(base, quote, price_decimals, size_decimals, tick)


def _decimals(text: str) -> int:
    return len(text.partition(".")[2])
