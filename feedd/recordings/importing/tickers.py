"""Ticker files: CSV with a header, or JSON lines, with the wire's keys or ccxt's.

A file is read twice. The first pass checks every row, so that an invalid file writes nothing. A
missing value is nil.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, get_args

import msgspec

from feedd.clock import NS_PER_MS, iso8601
from feedd.errors import ConfigError
from feedd.model import BidAsk, Ticker
from feedd.prices import difference
from feedd.recordings.importing.files import rows, shortened, wrong
from feedd.recordings.importing.table_kinds import table_kind
from feedd.venues.numbers import number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from feedd.recordings.importing.files import InputFile
    from feedd.recordings.importing.imported_feed import ImportedFeed, ImportedFeeds
    from feedd.recordings.importing.symbol_names import SymbolNames

Numbered = tuple[int, dict[str, Any]]

# https://docs.ccxt.com/#/?id=ticker-structure: ccxt's names for the wire's keys
ALIASES = {"percentage": "change_percent", "baseVolume": "volume", "close": "last"}
PRICES = ("bid", "ask", "last", "volume", "high", "low", "spread")
KEYS = frozenset({
    "symbol", "exchange", "timestamp", "datetime", "received_ns", "published_ns", "bid_ask",
    "change_percent", *PRICES, *ALIASES,
})  # fmt: skip

NS_AT_LEAST, NS_BELOW = 10**17, 10**19  # 1973 to 2286; a smaller number is in µs, ms or s
MS_AT_LEAST, MS_BELOW = 10**11, 10**13

_EXCHANGE = re.compile("[a-z0-9_]+")  # used as a folder's name and as a part of topics
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class TickerFile:
    """One file of tickers of any symbols and exchanges, in order of time.

    `exchange`, and the only symbol of `names`, are the defaults for rows without them. Raises
    ConfigError, with the line and the key, for unreadable or impossible values.
    """

    def __init__(
        self,
        path: InputFile,
        read: Callable[[InputFile], Iterator[Numbered]],
        exchange: str | None,
        names: SymbolNames,
    ) -> None:
        self.path = path
        self._read = read
        self._exchange = exchange
        self._names = names
        self._symbols: dict[tuple[str, str], str] = {}
        self.left_out: Counter[str] = Counter()  # keys that the wire doesn't have
        self.lines = 0
        self.begun_ns = self._ends_ns = 0
        for line, keys in self._read(path):
            at_ns = self._ticker(line, keys).published_ns
            if at_ns < self._ends_ns:
                raise wrong(
                    path, line, "timestamp",
                    "it is earlier than in the row above; sort the file by time",
                )  # fmt: skip
            self.begun_ns = self.begun_ns or at_ns
            self._ends_ns = at_ns
            self.lines += 1
            self.left_out.update(
                key for key, value in keys.items() if key not in KEYS and value is not None
            )
        if not self.lines:
            raise ConfigError(f"{path}: has no rows; add at least one below the header")

    @property
    def announcement(self) -> str:
        """Description of what the file was recognised as."""
        symbols = ", ".join(sorted(set(self._symbols.values()))) or "the symbol given"
        return f"{self.path}: tickers, ms; {symbols}; {self.lines:,} rows"

    def steps(self, feeds: ImportedFeeds) -> Iterator[int]:
        """Yield the time of each row, in ns, before the row is published."""
        open_feeds: dict[tuple[str, str], ImportedFeed] = {}
        for line, keys in self._read(self.path):
            ticker = self._ticker(line, keys)
            yield ticker.published_ns
            name = (ticker.exchange, ticker.symbol)
            feed = open_feeds.get(name)
            if feed is None:
                feed = open_feeds[name] = feeds.start(
                    self.path, *name, ("ticker",), ticker.published_ns
                )
            feed.at(ticker.published_ns)
            feed.event(ticker)
        for name, feed in open_feeds.items():
            feeds.stop(*name, feed, self._ends_ns, "the file ends")

    def _ticker(self, line: int, keys: dict[str, Any]) -> Ticker:
        """Return a row's ticker; `published_ns` defaults to the time of receipt."""
        row = _Row(self.path, line, keys)
        exchange = row.text("exchange") or self._exchange
        if exchange is None:
            raise row.wrong("exchange", "the row has none; add it, or give --exchange")
        if _EXCHANGE.fullmatch(exchange) is None:
            raise row.wrong("exchange", f"{exchange!r} is not a ccxt name: a to z, 0 to 9, _")
        symbol = self._symbol(row, exchange)
        timestamp = row.time_ms()
        at_ns = None if timestamp is None else timestamp * NS_PER_MS
        received_ns = row.integer("received_ns", NS_AT_LEAST, NS_BELOW) or at_ns
        if received_ns is None:
            raise row.wrong(
                "timestamp", "a row needs one, in ms since the epoch, or a datetime (ISO 8601)"
            )
        bid, ask, last = row.number("bid"), row.number("ask"), row.number("last")
        if bid is None and ask is None and last is None:
            raise row.wrong("last", "the row has no price: write last, bid or ask")
        spread = row.number("spread")
        if spread is None and bid is not None and ask is not None:
            spread = difference(ask, bid)
        return Ticker(
            symbol=symbol,
            timestamp=timestamp,
            datetime=None if timestamp is None else iso8601(timestamp),
            bid=bid,
            ask=ask,
            last=last,
            volume=row.number("volume"),
            high=row.number("high"),
            low=row.number("low"),
            change_percent=row.number("change_percent"),
            spread=spread,
            bid_ask=row.bid_ask("none" if bid is None and ask is None else "quote"),
            exchange=exchange,
            received_ns=received_ns,
            published_ns=row.integer("published_ns", NS_AT_LEAST, NS_BELOW) or received_ns,
        )

    def _symbol(self, row: _Row, exchange: str) -> str:
        text = row.text("symbol")
        if text is None:
            given = self._names.given("", exchange, single=True)
            if given is None:
                raise row.wrong("symbol", "the row has none; add it, or give --symbol")
            return given
        known = self._symbols.get((exchange, text))
        if known is None:
            try:
                known = self._names.symbol(text, exchange)
            except ValueError as error:
                raise row.wrong("symbol", str(error)) from None
            self._symbols[exchange, text] = known
        return known


class _Row:
    """Values of one row, by the wire's keys."""

    def __init__(self, path: InputFile, line: int, keys: dict[str, Any]) -> None:
        self._path = path
        self._line = line
        self._keys = dict(keys)
        for alias, name in ALIASES.items():
            value = self._keys.pop(alias, None)
            if value is not None and self._keys.get(name) is None:
                self._keys[name] = value
            elif value is not None and self._plain(name) != self._plain(alias, value):
                raise self.wrong(alias, f"it is {value}, but {name} is {self._keys[name]}")

    def wrong(self, key: str, why: str) -> ConfigError:
        return wrong(self._path, self._line, key, why)

    def text(self, key: str) -> str | None:
        value = self._keys.get(key)
        if value is not None and (not isinstance(value, str) or not value.strip()):
            raise self.wrong(key, f"{value!r} is not text")
        return None if value is None else value.strip()

    def number(self, key: str) -> float | None:
        value = self._plain(key)
        if value is not None and value < 0 and key not in {"change_percent", "spread"}:
            raise self.wrong(key, f"{value} is below 0")
        return value

    def integer(self, key: str, at_least: int, below: int) -> int | None:
        value = self._keys.get(key)
        if value is None:
            return None
        try:
            if isinstance(value, str):  # pandas writes floats for a column with gaps
                value = int(value.strip().removesuffix(".0"))
            elif isinstance(value, bool) or value != int(value):
                raise ValueError
            whole = int(value)
        except (ValueError, TypeError, OverflowError):
            raise self.wrong(key, f"{value!r} is not a whole number") from None
        if not at_least <= whole < below:
            unit = "ms" if below == MS_BELOW else "ns"
            digits = len(str(below)) - 1
            raise self.wrong(
                key, f"{value} is not a time in {unit} since the epoch: write {digits} digits"
            )
        return whole

    def time_ms(self) -> int | None:
        """Return `timestamp`, or the time of `datetime`; raise ConfigError if they differ."""
        stamp = self.integer("timestamp", MS_AT_LEAST, MS_BELOW)
        text = self.text("datetime")
        if text is None:
            return stamp
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            raise self.wrong(
                "datetime", f"{text!r} is not ISO 8601; write 2024-08-08T23:54:16.299Z"
            ) from None
        at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
        datetime_ms = (at - _EPOCH) // timedelta(milliseconds=1)
        if stamp is not None and abs(stamp - datetime_ms) >= 1000:
            raise self.wrong("datetime", f"{text} is not the timestamp, which is {iso8601(stamp)}")
        return datetime_ms if stamp is None else stamp

    def bid_ask(self, otherwise: BidAsk) -> BidAsk:
        value = self._keys.get("bid_ask")
        if value is None:
            return otherwise
        if value not in get_args(BidAsk):
            raise self.wrong("bid_ask", f"{value!r} is not one of {', '.join(get_args(BidAsk))}")
        return value  # type: ignore[no-any-return]

    def _plain(self, key: str, value: Any = None) -> float | None:
        value = self._keys.get(key) if value is None else value
        if value is None:
            return None
        try:
            if isinstance(value, bool):
                raise TypeError
            return number(value.strip() if isinstance(value, str) else value)
        except (ValueError, TypeError, OverflowError):
            raise self.wrong(
                key, f"{value!r} is not a number; leave an unknown value empty (JSON: null)"
            ) from None


def csv_rows(path: InputFile) -> Iterator[Numbered]:
    """Yield a CSV file's rows by its header, each with its line number; empty fields are None.

    Raises ConfigError for a file that is not CSV of tickers, and for rows of another length.
    """
    reader = csv.reader(rows(path), strict=True)
    header: list[str] | None = None
    try:
        for fields in reader:
            if not fields:
                continue
            if header is None:
                header = _header(path, fields)
                continue
            if len(fields) != len(header):
                raise wrong(
                    path, reader.line_num, None,
                    f"has {len(fields)} fields, but the header has {len(header)}",
                )  # fmt: skip
            values = (field or None for field in fields)
            yield reader.line_num, dict(zip(header, values, strict=True))
    except csv.Error as error:
        raise wrong(path, reader.line_num, None, f"is not CSV: {error}") from None


def _header(path: InputFile, fields: list[str]) -> list[str]:
    header = [field.strip() for field in fields]
    if table_kind(header) != "ticker":
        raise not_tickers(path, 1, header)
    doubled = [name for name, count in Counter(header).items() if count > 1]
    if doubled:
        raise wrong(path, 1, doubled[0], "the header has it twice; remove one")
    return header


def not_tickers(path: InputFile, line: int, columns: list[str]) -> ConfigError:
    """Return the error for a table of other columns, with what it looks like."""
    kind = table_kind(columns)
    has = shortened(",".join(columns))
    if kind is not None:
        return wrong(path, line, None, f"{has} looks like a table of {kind}s, not of tickers")
    return wrong(
        path, line, None,
        f"{has} is not a header of a table that can be imported; docs/importing.md lists them",
    )  # fmt: skip


def json_rows(path: InputFile) -> Iterator[Numbered]:
    """Yield a JSON-lines file's objects with line numbers; raise ConfigError for other lines."""
    first = True
    for line, text in enumerate(rows(path), 1):
        if not text.strip():
            continue
        try:
            keys = _object(text)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise wrong(
                path, line, None, f"{shortened(text.strip())} is not a JSON object: {error}"
            ) from None
        if first and table_kind(keys) != "ticker":
            raise not_tickers(path, line, list(keys))
        first = False
        yield line, keys


_object = msgspec.json.Decoder(dict[str, Any]).decode
