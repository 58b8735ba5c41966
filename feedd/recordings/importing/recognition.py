"""Recognition of a file, by its first rows and its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.errors import ConfigError
from feedd.recordings.importing import table_columns, tardis_forms
from feedd.recordings.importing.files import rows, shortened, wrong
from feedd.recordings.importing.market import MarketFile
from feedd.recordings.importing.parquet_rows import ParquetRows
from feedd.recordings.importing.played_file import PlayedFile, is_played_file
from feedd.recordings.importing.raw_lines import is_raw
from feedd.recordings.importing.raw_texts import raw_texts
from feedd.recordings.importing.table_file import TableFile
from feedd.recordings.importing.table_kinds import table_kind
from feedd.recordings.importing.table_rows import DELIMITERS, CsvRows, JsonRows
from feedd.recordings.importing.tickers import TickerFile, ticker_rows
from feedd.venues.registry import venue_modules

if TYPE_CHECKING:
    from feedd.recordings.importing.files import InputFile
    from feedd.recordings.importing.symbol_names import SymbolNames
    from feedd.recordings.importing.table_rows import TableRows
    from feedd.venues.table_forms import TableForm

Recognised = MarketFile | PlayedFile | TableFile | TickerFile


def recognised(
    path: InputFile,
    exchange: str | None,
    names: SymbolNames,
    *,
    timeframe: str | None = None,
    book_depth: int = 20,
) -> Recognised:
    """Return the importer of a file; raise ConfigError for one that is not understood."""
    table = _table(path)
    if table is None and is_played_file(path):
        return PlayedFile(path, exchange, names, book_depth=book_depth)
    if table is None:
        return MarketFile(path, exchange, names, timeframe=timeframe, book_depth=book_depth)
    try:
        form = _form(path, table)
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from None
    if form is None and table.header is not None and table_kind(table.header) == "ticker":
        return TickerFile(path, ticker_rows(table), exchange, names)
    if form is None:
        raise _not_understood(path, table)
    if form.refusal:
        raise ConfigError(f"{path}: {form.name} can't be imported: {form.refusal}")
    file = TableFile(path, table, form, exchange, names, timeframe=timeframe, book_depth=book_depth)
    if not form.exchanges and not form.tardis:
        file.left_out.update({f"column {name}": file.lines for name in table_columns.unused(form)})
    return file


def _table(path: InputFile) -> TableRows | None:
    """Return the rows of a table; None for a file of raw messages."""
    if path.is_parquet():
        return ParquetRows(path)
    first = next((text for text in rows(path) if text.strip()), None)
    if first is None:
        raise ConfigError(f"{path}: is empty; name a file with rows")
    if "\0" in first:
        raise ConfigError(f"{path}: is not text; unpack it first if it is a tar archive")
    first = first.lstrip()
    if first.startswith("["):
        first = next((text for _, text in raw_texts(path)), "{}")
    if is_raw(first):
        return None
    if first.startswith(("{", "[")):
        return JsonRows(path)
    if any(one in first for one in DELIMITERS):
        return CsvRows(path)
    raise wrong(
        path, 1, None,
        f"{shortened(first.strip())} is neither a raw message of an exchange nor a row of a table "
        "(CSV, JSON lines, Parquet); docs/importing.md lists what can be imported",
    )  # fmt: skip


def _form(path: InputFile, table: TableRows) -> TableForm | None:
    header = table.header
    for venue in venue_modules("archive"):
        form: TableForm | None = venue.recognise(path.parts, header, table.first)
        if form is not None:
            return form
    if header is None:
        return None
    return tardis_forms.recognise(path.parts, header) or table_columns.recognise(path.parts, header)


def _not_understood(path: InputFile, table: TableRows) -> ConfigError:
    if table.header is None:
        return wrong(
            path, 1, None,
            f"{shortened(','.join(table.first))} is not a header; write the names of the columns "
            "in the first line; docs/importing.md lists those that are known",
        )  # fmt: skip
    if isinstance(table, JsonRows):
        return wrong(
            path, 1, None,
            f"the keys {shortened(','.join(table.header))} are neither those of an exchange's "
            "message nor of a row of a table that can be imported; docs/importing.md lists them",
        )  # fmt: skip
    return wrong(
        path, 1, None,
        f"{shortened(','.join(table.header))} is not a header of a table that can be imported; "
        "docs/importing.md lists them",
    )  # fmt: skip
