"""A recording of a venue's raw messages: its exchange, its markets, and its events in order.

There are two formats, each plain, gzipped or packed with zstd. In the first, the first line is
`{"t":"header","exchange":"OKX",…}` and each further one has a time, a connection and a text::

    {"t":"http","conn":"OKX.http.sync","ts":1652458996.25,"url":"https://…","data":"…"}
    {"t":"connect","conn":"OKX.ws.1","ts":1652459224.53,"addr":"wss://…"}
    {"t":"send","conn":"OKX.ws.1","ts":1652459225.29,"addr":"wss://…","data":"…"}
    {"t":"recv","conn":"OKX.ws.1","ts":1652459225.50,"data":"…"}

Binary frames have `b64` in place of `data`; those that are packed with gzip are unpacked.

In the second a line is `<local receive time, ns> <JSON of a frame>`, and the frames show the venue.
"""

from __future__ import annotations

import base64
import gzip
import io
import zlib
from contextlib import ExitStack, contextmanager
from itertools import islice
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import msgspec
import zstandard
from msgspec import Struct

from feedd.errors import ConfigError
from feedd.venues.played import Frame, channel_of, played_exchanges
from feedd.venues.registry import RECORDED
from feedd.venues.vendor_names import CRYPTOFEED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from feedd.venues.played import Event, Market, PlayedChannel, PlayedExchange

GZIP_MAGIC, ZSTD_MAGIC = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
KEPT_EVENTS = 50_000  # in memory, about 50 MB; a longer recording is read again by each stream
LINES_LOOKED_AT = 200  # for a frame that shows the venue, where there is no header
KINDS = frozenset({"http", "connect", "send", "recv"})
UNREADABLE = (ValueError, EOFError, OSError, zlib.error)
MALFORMED = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError)


class _Line(Struct):
    t: str
    conn: str = ""
    ts: float = 0.0
    url: str = ""
    addr: str = ""
    data: str = ""
    b64: str = ""
    exchange: str = ""

    @property
    def text(self) -> str:
        """The text of a frame; raises ValueError, EOFError or OSError where it can't be read."""
        if not self.b64:
            return self.data
        packed = base64.b64decode(self.b64, validate=True)
        return (gzip.decompress(packed) if packed.startswith(GZIP_MAGIC) else packed).decode()


_line = msgspec.json.Decoder(_Line)


class Batch(NamedTuple):
    """The events of one frame that are of one market; `number` is the frame's line."""

    number: int
    at_ns: int
    market: str
    events: list[Event]


class PlayedRecording:
    """One file. Raises ConfigError if it can't be read, or if it is of no venue that is played."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.header, self.exchange = _recognised(path)
        self.start_ns = self.end_ns = 0  # of the file
        self.first_ns = 0  # of its first event
        self.channels: dict[str, set[PlayedChannel]] = {}  # by market id
        self.counts: dict[tuple[str, PlayedChannel], int] = {}
        self.markets: dict[str, Market] = {}  # by ccxt's symbol
        self.lines = 0
        self._kept: list[Batch] | None = None  # all of a short recording
        self.unit = "s" if self.header else "ns"  # of the times of receipt
        self._scan()

    @property
    def name(self) -> str:
        """Name of the exchange in ccxt."""
        return self.exchange.exchange

    def market(self, symbol: str) -> Market:
        """Return the market of a symbol, or of the venue's id; raise ConfigError for another."""
        for market in self.markets.values():
            if symbol in {market.symbol, market.id}:
                return market
        raise ConfigError(
            f"{self.path}: does not hold {symbol}; it holds {', '.join(sorted(self.markets))} "
            f"of {self.name}"
        )

    def batches(self, market: str | None = None) -> Iterator[Batch]:
        """Yield the events in the order received, of all markets or of one."""
        read = self._read() if self._kept is None else iter(self._kept)
        return (batch for batch in read if market is None or batch.market == market)

    def _read(self) -> Iterator[Batch]:
        reader = self.exchange.reader()
        for number, frame in frames(self.path):
            found: dict[str, list[Event]] = {}
            try:
                for event in reader.events(frame):
                    found.setdefault(event.market, []).append(event)
            except MALFORMED as error:
                raise ConfigError(
                    f"{self.path}, line {number}: is not a message of {self.name}: "
                    f"{type(error).__name__}: {error}"
                ) from None
            for id_, events in found.items():
                yield Batch(number, frame.at_ns, id_, events)

    def _scan(self) -> None:
        pages: dict[str, str] = {}
        for number, frame in frames(self.path):
            self.lines = number
            self.start_ns = self.start_ns or frame.at_ns
            self.end_ns = frame.at_ns
            if frame.kind == "http":
                pages.setdefault(frame.url, frame.data)
        kept: list[Batch] = []
        events = 0
        for batch in self._read():
            events += len(batch.events)
            if events <= KEPT_EVENTS:
                kept.append(batch)
            self.first_ns = self.first_ns or batch.at_ns
            for event in batch.events:
                channel = channel_of(event)
                self.channels.setdefault(batch.market, set()).add(channel)
                key = batch.market, channel
                self.counts[key] = self.counts.get(key, 0) + 1
        if events <= KEPT_EVENTS:
            self._kept = kept
        if not self.channels:
            raise ConfigError(f"{self.path}: holds no event of {self.name} that can be played")
        try:
            markets = list(self.exchange.reader().markets(pages, self.channels))
        except MALFORMED as error:
            raise ConfigError(
                f"{self.path}: its list of markets can't be read: {type(error).__name__}: {error}"
            ) from None
        self.markets = {market.symbol: market for market in markets}


def is_played(path: Path) -> bool:
    """Return whether a file is played by a venue's `played.py`; raise ConfigError if unreadable.

    Every file with a header is, except those of the exchanges that `RECORDED` names.
    """
    _, first = next(rows(path), (0, ""))
    if first.startswith("{"):
        return CRYPTOFEED.get(_decoded(path, 1, first).exchange) not in RECORDED
    return _shown(path) is not None


def held_exchange(path: Path) -> PlayedExchange | None:
    """Return the exchange of a file, if it is one that is played; else None."""
    _, first = next(rows(path), (0, ""))
    if not first.startswith("{"):
        return _shown(path)
    try:
        line = _line.decode(first)
    except msgspec.MsgspecError:
        return None
    if line.t != "header":
        return None
    return next((one for one in played_exchanges() if one.header == line.exchange), None)


def frames(path: Path) -> Iterator[tuple[int, Frame]]:
    """Yield the frames of a file with their line numbers; raise ConfigError if it can't be read."""
    headed = False
    for number, row in rows(path):
        if row.startswith("{"):
            line = _decoded(path, number, row)
            headed |= line.t == "header"
            if line.t in KINDS:
                kind: Any = line.t
                at_ns = round(line.ts * 1_000_000) * 1000
                try:
                    text = line.text
                except UNREADABLE as error:
                    raise ConfigError(
                        f"{path}, line {number}: its binary frame can't be read: {error}"
                    ) from None
                yield number, Frame(kind, at_ns, line.conn, line.url or line.addr, text)
            continue
        stamp, _, text = row.partition(" ")
        if not headed and stamp.isdecimal() and text:
            yield number, Frame("recv", int(stamp), "", "", text.rstrip("\n"))
        elif row.strip():
            raise ConfigError(f"{path}, line {number}: is neither JSON nor `<ns> <JSON>`")


def _recognised(path: Path) -> tuple[str, PlayedExchange]:
    known = played_exchanges()
    _, first = next(rows(path), (0, ""))
    if first.startswith("{"):
        line = _decoded(path, 1, first)
        if line.t != "header":
            raise ConfigError(f"{path}: its first line is not a header of a recording")
        for exchange in known:
            if exchange.header == line.exchange:
                return line.exchange, exchange
        raise ConfigError(
            f"{path}: is a recording of {line.exchange or 'no exchange'}; those that can be played "
            f"are of {', '.join(sorted({one.header for one in known}))}"
        )
    shown = _shown(path)
    if shown is None:
        next(frames(path), None)  # names a line of neither format
        raise ConfigError(f"{path}: is not a recording of an exchange that can be played")
    return "", shown


def _shown(path: Path) -> PlayedExchange | None:
    """Return the exchange that the frames of a file without a header show."""
    for _, row in islice(rows(path), LINES_LOOKED_AT):
        stamp, _, text = row.partition(" ")
        for exchange in played_exchanges() if stamp.isdecimal() else ():
            if exchange.reader().recognises(text):
                return exchange
    return None


def _decoded(path: Path, number: int, row: str) -> _Line:
    try:
        return _line.decode(row)
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{path}, line {number}: is not a line of a recording: {error}") from None


def rows(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file with their numbers; raise ConfigError if it can't be read."""
    try:
        with _opened(path) as file:
            yield from enumerate(file, 1)
    except (OSError, EOFError, UnicodeDecodeError, zstandard.ZstdError) as error:
        raise ConfigError(f"{path}: the recording can't be read: {error}") from None


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    with ExitStack() as opened:
        data: Any = opened.enter_context(path.open("rb"))
        start = data.read(4)
        data.seek(0)
        if start.startswith(GZIP_MAGIC):
            data = opened.enter_context(gzip.open(data))
        elif start.startswith(ZSTD_MAGIC):
            data = opened.enter_context(zstandard.open(data))
        yield opened.enter_context(io.TextIOWrapper(data, encoding="utf-8"))
