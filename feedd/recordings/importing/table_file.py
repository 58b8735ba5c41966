"""A table as events of one channel, of any symbols and exchanges.

A table is read twice. The first pass checks every row, so that an invalid file writes nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from feedd.channels import CHANNELS
from feedd.clock import NS_PER_S
from feedd.errors import ConfigError
from feedd.recordings.importing import table_events
from feedd.recordings.importing.files import NoEventsError, wrong
from feedd.recordings.importing.newest_first import NewestFirst, is_newest_first
from feedd.recordings.importing.table_books import BookEvent, BookUpdates, columns_of_levels
from feedd.recordings.importing.table_cells import Cells, NoEventError, RowError
from feedd.recordings.importing.table_timeframe import chosen_timeframe
from feedd.venues.market_type import market_type
from feedd.venues.vendor_names import CRYPTOFEED, TARDIS, cryptofeed_symbol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from feedd.model import Tick
    from feedd.recordings.importing.files import InputFile
    from feedd.recordings.importing.symbol_names import SymbolNames
    from feedd.recordings.importing.table_rows import TableRows
    from feedd.recordings.importing.timeframes import Timeframe
    from feedd.venues.market_type import MarketType
    from feedd.venues.table_forms import TableForm

STEP_BACK_NS = NS_PER_S  # of the time, where ids grow
SYMBOLS_AT_MOST = 100  # of a table that has one symbol after the other: each is a pass
EXCHANGE = re.compile("[a-z0-9_]+")  # used as a folder's name and as a part of topics
Name = tuple[str, str]  # exchange, symbol


class TableEvent(NamedTuple):
    """An event of a table, and the reason of the gap before it."""

    at_ns: int
    name: Name
    tick: Tick
    gap: str | None = None


def _exchange_named(text: str, *, tardis: bool) -> tuple[str, MarketType | None]:
    """Return the exchange of a name of ccxt, Tardis or cryptofeed; raise RowError for others."""
    if tardis or (text in TARDIS and "-" in text):  # ccxt's names have no hyphen
        vendor = TARDIS.get(text)
        if vendor is None:
            raise RowError("exchange", f"{text!r} is not one of Tardis' that is known here")
        return vendor
    if text in CRYPTOFEED:  # ccxt's names are in lower case
        return CRYPTOFEED[text], None
    if EXCHANGE.fullmatch(text) is None:
        raise RowError("exchange", f"{text!r} is not a ccxt name: a to z, 0 to 9, _")
    return text, None


class _Progress:
    """Place of the row that is being read."""

    __slots__ = ("place",)

    def __init__(self) -> None:
        self.place: int | str = 1


def _of_book(book: BookEvent) -> TableEvent:
    tick = book.tick
    return TableEvent(book.at_ns, (tick.exchange, tick.symbol), tick, book.gap)


class TablePart:
    """The rows of one symbol: their times, and the last id."""

    def __init__(self, begun_ns: int) -> None:
        self.begun_ns = self.ends_ns = begun_ns
        self.last_id = -1
        self.open_time = 0
        self.count = 0


class TableFile:
    """One table. Raises ConfigError, with the line and the column, for impossible values.

    `exchange` and `names` say what the table does not.
    """

    def __init__(
        self,
        path: InputFile,
        rows: TableRows,
        form: TableForm,
        exchange: str | None,
        names: SymbolNames,
        *,
        timeframe: str | None = None,
        book_depth: int = 20,
    ) -> None:
        self.path = path
        self.channel = form.channel
        self.received = "received" in form.roles
        self.form = form
        self._rows = rows
        self._exchange = exchange
        self._names = names
        self._depth = book_depth
        self._columns = {role: form.columns.index(column) for role, column in form.roles.items()}
        self._known: dict[tuple[str, str], Name] = {}
        time_at = self._columns.get("open_time", self._columns.get("time"))
        self._reversed = (
            not form.ids
            and time_at is not None
            and "received" not in self._columns  # a recorder's rows are in the order received
            and is_newest_first(rows, time_at, self._columns.get("symbol"))
        )
        if self._reversed:
            self._rows = NewestFirst(path, rows)
        self._timeframe: Timeframe | None = None
        self._one_timeframe = timeframe is None
        if self.channel == "candle":
            self._timeframe = chosen_timeframe(path, rows, form, timeframe)
        self.left_out: Counter[str] = Counter()
        self.parts: dict[Name, TablePart] = {}
        self.by_symbol = False  # whether one symbol's rows follow another's
        self.lines = 0
        self._unit = ""
        self._check()

    @property
    def announcement(self) -> str:
        """Description of what the file was recognised as."""
        shown = ", ".join(f"{exchange} {symbol}" for exchange, symbol in list(self.parts)[:5])
        more = len(self.parts) - 5
        unit = "books" if "is_snapshot" in self._columns else "rows"
        extra = [self._timeframe.name] if self._timeframe is not None else []
        extra += [self.form.note] if self.form.note else []
        extra += ["newest row first"] if self._reversed else []
        return (
            f"{self.path}: {', '.join((self.form.name, *extra))}, times in {self._unit}, "
            f"{shown}{f' and {more} more' if more > 0 else ''}; {self.lines:,} {unit}"
        )

    def events(self, only: Name | None = None) -> Iterator[TableEvent]:
        """Yield the events of all symbols or of one, in the order of the file."""
        for _, event in self._events(Cells(self._columns), only):
            yield event

    def _events(
        self, cells: Cells, only: Name | None = None, left_out: Counter[str] | None = None
    ) -> Iterator[tuple[int | str, TableEvent]]:
        """Yield events with the place of their row."""
        progress = _Progress()
        read = self._book_events if "is_snapshot" in self._columns else self._row_events
        try:
            yield from read(cells, only, Counter() if left_out is None else left_out, progress)
        except RowError as error:
            raise wrong(self.path, progress.place, self._column(error.role), str(error)) from None

    def _row_events(
        self, cells: Cells, only: Name | None, left_out: Counter[str], progress: _Progress
    ) -> Iterator[tuple[int | str, TableEvent]]:
        """Yield an event a row; a row without one has no price."""
        convert, name_of = self._converter(cells), self._name_of()
        latest: dict[Name, int] = {}
        gaps: dict[Name, str] = {}  # reasons, before the next event
        growing = bool(self.form.ids)
        for place, fields in self._rows.read():
            progress.place = place
            name = name_of(fields)
            if only is not None and name != only:
                continue
            try:
                tick = convert(fields, *name)
            except NoEventError as reason:
                left_out[str(reason)] += 1
                if reason.gap:
                    gaps[name] = str(reason)
                continue
            if tick is None:
                left_out[f"{self.channel} without a price"] += 1
                continue
            at_ns = tick.published_ns
            if growing:
                # The ids are the order: a clock of the exchange may step back between them.
                before_ns = latest.get(name, 0)
                at_ns = before_ns if 0 < before_ns - at_ns <= STEP_BACK_NS else at_ns
                latest[name] = at_ns
            yield place, TableEvent(at_ns, name, tick, gaps.pop(name, None) if gaps else None)

    def _book_events(
        self, cells: Cells, only: Name | None, left_out: Counter[str], progress: _Progress
    ) -> Iterator[tuple[int | str, TableEvent]]:
        """Yield the books that messages of several rows changed."""
        updates, name_of = BookUpdates(cells, self._depth), self._name_of()
        for place, fields in self._rows.read():
            progress.place = place
            name = name_of(fields)
            if only is None or name == only:
                for book in updates.take(fields, *name):
                    yield place, _of_book(book)
        for book in updates.finish():
            yield progress.place, _of_book(book)
        left_out += updates.left_out

    def _check(self) -> None:
        """Read the table once; raise ConfigError for the first row that can't be imported."""
        cells = Cells(self._columns)
        latest_ns = 0
        twice = f"{self.channel} with the id of the one before"
        for place, event in self._events(cells, left_out=self.left_out):
            part = self.parts.get(event.name)
            if part is None:
                part = self.parts[event.name] = TablePart(event.at_ns)
            if event.at_ns < part.ends_ns:
                raise wrong(
                    self.path, place, self._time_column(),
                    "it is earlier than in the row above; sort the file by time",
                )  # fmt: skip
            self.by_symbol |= event.at_ns < latest_ns
            latest_ns = part.ends_ns = event.at_ns
            part.count += 1
            if self.form.ids:
                self._check_id(place, part, event.tick.id, twice)
            elif self.channel == "candle" and not cells.published:
                self._check_spacing(place, part, event.tick)
        if not self.parts:
            only = "".join(f", only {what} ({count:,})" for what, count in self.left_out.items())
            raise NoEventsError(f"{self.path}: has no rows of events{only}")
        if self.by_symbol and len(self.parts) > SYMBOLS_AT_MOST:
            raise ConfigError(
                f"{self.path}: has {len(self.parts)} symbols, one after the other; sort the file "
                "by time"
            )
        self.lines = sum(part.count for part in self.parts.values())
        times = next(iter(cells.times.values()), None)
        self._unit = "no times" if times is None else times.name
        self.left_out += self._rows.left_out

    def _check_id(self, place: int | str, part: TablePart, id_: object, twice: str) -> None:
        if not isinstance(id_, int):
            raise wrong(self.path, place, self._column("id"), f"{id_} is not a whole number")
        if id_ < part.last_id:
            raise wrong(
                self.path, place, self._column("id"),
                f"{id_} is below the id of the row above, {part.last_id}; sort the file by time "
                "and id",
            )  # fmt: skip
        if id_ == part.last_id:
            self.left_out[twice] += 1
        part.last_id = id_

    def _check_spacing(self, place: int | str, part: TablePart, candle: Tick) -> None:
        frame = self._timeframe
        open_time: int = getattr(candle, "open_time", 0)
        if frame is not None and part.count > 1 and not frame.varies:
            apart_ns = (open_time - part.open_time) * 1_000_000
            if apart_ns <= 0 or apart_ns % frame.ns:
                raise wrong(
                    self.path, place, self._column("open_time"),
                    f"it is {apart_ns / 1e9:g} s after the row above, which is not a multiple of "
                    f"{frame.name}; choose the timeframe with --timeframe",
                )  # fmt: skip
        part.open_time = open_time

    def _converter(self, cells: Cells) -> table_events.Convert:
        if self.channel == "candle" and self._timeframe is not None:
            closed = True if self.form.complete else None
            return table_events.candles(
                cells, self._timeframe, closed=closed, only_timeframe=self._one_timeframe
            )
        if self.channel == "book":
            levels = None if "bids" in self._columns else columns_of_levels(self.form.columns)
            return table_events.books(cells, self._depth, levels)
        if self.form.ids == "contiguous":
            return table_events.archived_trades(cells)
        make = {
            "trade": table_events.trades,
            "quote": table_events.sides if self.form.tardis else table_events.quotes,
            "mark": table_events.marks, "liquidation": table_events.liquidations,
        }  # fmt: skip
        return make[self.channel](cells)

    # --- exchange and symbol --------------------------------------------------------------------

    def _name_of(self) -> Callable[[list[str]], Name]:
        """Return the function from a row's fields to its exchange and symbol."""
        known = self._known
        exchange_at, symbol_at = self._columns.get("exchange"), self._columns.get("symbol")
        if symbol_at is None and exchange_at is None:
            only = self._name("", "")
            return lambda _fields: only

        def name_of(fields: list[str]) -> Name:
            key = (
                "" if exchange_at is None else fields[exchange_at],
                "" if symbol_at is None else fields[symbol_at],
            )
            name = known.get(key)
            if name is None:
                name = known[key] = self._name(key[0].strip(), key[1].strip())
            return name

        return name_of

    def _name(self, exchange_text: str, symbol_text: str) -> Name:
        """Return exchange and symbol of a row's texts; raise RowError, or ConfigError without."""
        form = self.form
        exchange, of = self._exchange_of(exchange_text)
        id_ = symbol_text or form.market_id
        if exchange_text in CRYPTOFEED and self._names.given(id_, exchange, single=False) is None:
            id_ = cryptofeed_symbol(id_) or id_
        if not id_:
            given = self._names.given("", exchange, single=True)
            if given is None and "symbol" in form.roles:
                raise RowError("symbol", "the row has none; add it, or give --symbol")
            if given is None:
                raise ConfigError(f"{self.path}: the symbol is not in the file; give --symbol")
            symbol = given
        else:
            try:
                symbol = self._names.symbol(id_, exchange, of, single=not symbol_text)
            except ValueError as error:
                if symbol_text:
                    raise RowError("symbol", str(error)) from None
                raise ConfigError(f"{self.path}: {error}") from None
        if CHANNELS[self.channel].derivatives_only and market_type(symbol) == "spot":
            raise ConfigError(
                f"{self.path}: {form.name} are of contracts, and {symbol} is a spot market; give "
                "--exchange and --symbol of the contract"
            )
        return exchange, symbol

    def _exchange_of(self, text: str) -> tuple[str, MarketType | None]:
        """Return the exchange of a row's text, or of a table without, and its type of market."""
        form = self.form
        if text:
            return _exchange_named(text, tardis=form.tardis)
        can_be = form.exchanges
        if self._exchange is not None:
            fits = any(self._names.fit(self._exchange, one, of) for one, of in can_be.items())
            if form.certain and self._exchange not in can_be and not fits:
                raise ConfigError(
                    f"{self.path}: is of {' or '.join(can_be)}, not of {self._exchange}"
                )
            return self._exchange, can_be.get(self._exchange)
        if len(can_be) == 1:
            return next(iter(can_be.items()))
        if "exchange" in form.roles:
            raise RowError("exchange", "the row has none; add it, or give --exchange")
        which = f": {' or '.join(can_be)}" if can_be else ""
        raise ConfigError(
            f"{self.path}: {form.name}: the exchange is not in the file; give --exchange{which}"
        )

    # --- errors ---------------------------------------------------------------------------------

    def _time_column(self) -> str | None:
        roles = ("published", "received", "time", "close_time", "open_time")
        return self._column(next(role for role in roles if role in self._columns))

    def _column(self, role: str) -> str | None:
        """Return the name of a role's column; without a header, its number too."""
        name = self.form.roles.get(role)
        if name is None:
            return role
        if self._rows.header is None:
            return f"column {self._columns[role] + 1} ({name})"
        return name or "the index"
