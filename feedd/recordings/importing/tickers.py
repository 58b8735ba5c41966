"""Ticker files: CSV with a header, or JSON lines, with the wire's keys or ccxt's.

A file is read twice. The first pass checks every row, so that an invalid file writes nothing. A
missing value is nil.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, get_args

from feedd.clock import NS_PER_MS, NS_PER_S, iso8601
from feedd.errors import ConfigError
from feedd.model import BidAsk, Ticker
from feedd.numbers import number
from feedd.prices import difference
from feedd.recordings.importing.files import wrong
from feedd.recordings.importing.table_file import (
    EXCHANGE,
    SYMBOLS_AT_MOST,
    Name,
    TableEvent,
    TablePart,
)
from feedd.recordings.importing.table_rows import JsonRows
from feedd.recordings.importing.times import Times

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from feedd.recordings.importing.files import InputFile
    from feedd.recordings.importing.symbol_names import SymbolNames
    from feedd.recordings.importing.table_rows import TableRows

Numbered = tuple[int | str, dict[str, Any]]

# https://docs.ccxt.com/#/?id=ticker-structure: ccxt's names for the wire's keys
ALIASES = {"percentage": "change_percent", "baseVolume": "volume", "close": "last"}
PRICES = ("bid", "ask", "last", "volume", "high", "low", "spread")
KEYS = frozenset({
    "symbol", "exchange", "timestamp", "datetime", "received_ns", "published_ns", "bid_ask",
    "change_percent", *PRICES, *ALIASES,
})  # fmt: skip

EXPORTED = frozenset({"session", "seq", "origin"})  # a published ticker may have no price


class TickerFile:
    """One file of tickers of any symbols and exchanges, in order of time.

    The interface is that of `TableFile`. `exchange`, and the only symbol of `names`, are the
    defaults for rows without them. Raises ConfigError, with the line and the key, for unreadable
    or impossible values.
    """

    channel = "ticker"
    received = False

    def __init__(
        self,
        path: InputFile,
        read: Callable[[], Iterator[Numbered]],
        exchange: str | None,
        names: SymbolNames,
    ) -> None:
        self.path = path
        self._read = read
        self._exchange = exchange
        self._names = names
        self._times, self._received, self._published = Times(), Times(), Times()
        self._symbols: dict[tuple[str, str], str] = {}
        self.left_out: Counter[str] = Counter()  # keys that the wire doesn't have
        self.lines = 0
        self.parts: dict[Name, TablePart] = {}
        self.by_symbol = False  # whether one symbol's rows follow another's
        latest_ns = 0
        for line, keys in self._read():
            ticker = self._ticker(line, keys)
            at_ns, name = ticker.published_ns, (ticker.exchange, ticker.symbol)
            part = self.parts.get(name)
            if part is None:
                part = self.parts[name] = TablePart(at_ns)
            if at_ns < part.ends_ns:
                raise wrong(
                    path, line, "timestamp",
                    "it is earlier than in the row above; sort the file by time",
                )  # fmt: skip
            self.by_symbol |= at_ns < latest_ns
            latest_ns = part.ends_ns = at_ns
            self.lines += 1
            self.left_out.update(
                key for key, value in keys.items() if key not in KEYS and value is not None
            )
        if not self.lines:
            raise ConfigError(f"{path}: has no rows; add at least one below the header")
        if self.by_symbol and len(self.parts) > SYMBOLS_AT_MOST:
            raise ConfigError(
                f"{path}: has {len(self.parts)} symbols, one after the other; sort it by time"
            )

    @property
    def announcement(self) -> str:
        """Description of what the file was recognised as."""
        shown = ", ".join(f"{exchange} {symbol}" for exchange, symbol in list(self.parts)[:5])
        more = f" and {len(self.parts) - 5} more" if len(self.parts) > 5 else ""
        return (
            f"{self.path}: tickers, times in {self._times.name}, {shown}{more}; {self.lines:,} rows"
        )

    def events(self, only: Name | None = None) -> Iterator[TableEvent]:
        """Yield the tickers of all symbols or of one, in the order of the file."""
        for line, keys in self._read():
            ticker = self._ticker(line, keys)
            name = (ticker.exchange, ticker.symbol)
            if only is None or name == only:
                yield TableEvent(ticker.published_ns, name, ticker)

    def _ticker(self, line: int | str, keys: dict[str, Any]) -> Ticker:
        """Return a row's ticker; `published_ns` defaults to the time of receipt."""
        row = _Row(self.path, line, keys)
        exchange = row.text("exchange") or self._exchange
        if exchange is None:
            raise row.wrong("exchange", "the row has none; add it, or give --exchange")
        if EXCHANGE.fullmatch(exchange) is None:
            raise row.wrong("exchange", f"{exchange!r} is not a ccxt name: a to z, 0 to 9, _")
        symbol = self._symbol(row, exchange)
        at_ns = row.moment_ns(self._times)
        timestamp = None if at_ns is None else at_ns // NS_PER_MS
        received_ns = row.time_ns("received_ns", self._received) or at_ns
        if received_ns is None:
            raise row.wrong("timestamp", "a row needs one, or a datetime (ISO 8601)")
        bid, ask, last = row.number("bid"), row.number("ask"), row.number("last")
        if bid is None and ask is None and last is None and not keys.keys() >= EXPORTED:
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
            published_ns=row.time_ns("published_ns", self._published) or received_ns,
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

    def __init__(self, path: InputFile, line: int | str, keys: dict[str, Any]) -> None:
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

    def time_ns(self, key: str, times: Times) -> int | None:
        """Return a time in ns; raise ConfigError for an implausible one or another unit."""
        value = self._keys.get(key)
        if value is None:
            return None
        if isinstance(value, bool):
            raise self.wrong(key, f"{value} is not a time")
        try:
            return times.of_text(str(value))
        except ValueError as error:
            raise self.wrong(key, str(error)) from None

    def moment_ns(self, times: Times) -> int | None:
        """Return `timestamp`, or the time of `datetime`; raise ConfigError if they differ."""
        stamp_ns = self.time_ns("timestamp", times)
        text = self.text("datetime")
        if text is None:
            return stamp_ns
        try:
            datetime_ns = Times().of_text(text)
        except ValueError:
            raise self.wrong(
                "datetime", f"{text!r} is not ISO 8601; write 2024-08-08T23:54:16.299Z"
            ) from None
        if stamp_ns is not None and abs(stamp_ns - datetime_ns) >= NS_PER_S:
            stamp = iso8601(stamp_ns // NS_PER_MS)
            raise self.wrong("datetime", f"{text} is not the timestamp, which is {stamp}")
        return datetime_ns if stamp_ns is None else stamp_ns

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


def ticker_rows(table: TableRows) -> Callable[[], Iterator[Numbered]]:
    """Return the reader of a table's rows as values by column; an empty field is None."""
    if isinstance(table, JsonRows):
        return table.objects
    header = table.header or []

    def read() -> Iterator[Numbered]:
        for place, fields in table.read():
            values = (field or None for field in fields)
            yield place, dict(zip(header, values, strict=True))

    return read
