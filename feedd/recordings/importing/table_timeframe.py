"""Timeframe of a table of candles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.errors import ConfigError
from feedd.recordings.importing import timeframes
from feedd.recordings.importing.files import wrong
from feedd.recordings.importing.times import Times

if TYPE_CHECKING:
    from feedd.recordings.importing.files import InputFile
    from feedd.recordings.importing.table_rows import TableRows
    from feedd.recordings.importing.timeframes import Timeframe
    from feedd.venues.table_forms import TableForm


def chosen_timeframe(
    path: InputFile, rows: TableRows, form: TableForm, given: str | None
) -> Timeframe:
    """Return the timeframe: of the option, the file's name, its columns, or its spacing.

    Raises ConfigError where these contradict each other, or none says it.
    """
    try:
        chosen = timeframes.timeframe(given) if given is not None else None
    except ValueError as error:
        raise ConfigError(f"--timeframe: {error}") from None
    named = timeframes.timeframe(form.timeframe) if form.timeframe else None
    if chosen is not None and named is not None and chosen != named:
        raise ConfigError(f"{path}: has candles of {named.name}, not of {chosen.name}")
    found = chosen or named
    if found is not None:
        return found
    own = _column(form, "timeframe")
    if own is not None and rows.first[own]:
        try:
            return timeframes.timeframe(rows.first[own])
        except ValueError as error:
            raise ConfigError(f"{path}, {form.roles['timeframe']}: {error}") from None
    length_ns = _length_ns(path, rows, form)
    measured = None if length_ns is None else timeframes.of_length(length_ns)
    if measured is None:
        raise ConfigError(
            f"{path}: the timeframe of the candles is not in the file; give --timeframe"
        )
    return measured


def _length_ns(path: InputFile, rows: TableRows, form: TableForm) -> int | None:
    """Return how long the candles are, by their closing times or by their spacing."""
    open_at = form.columns.index(form.roles["open_time"])
    close_at, symbol_at = _column(form, "close_time"), _column(form, "symbol")
    opens, closes = Times(), Times()
    before: dict[str, int] = {}
    shortest: int | None = None
    for place, fields in rows.read():
        try:
            open_ns = opens.of_text(fields[open_at])
            if close_at is not None and fields[close_at]:
                return closes.of_text(fields[close_at]) - open_ns
        except ValueError as error:
            raise wrong(path, place, form.roles["open_time"], str(error)) from None
        symbol = "" if symbol_at is None else fields[symbol_at]
        last = before.get(symbol)
        if last is not None and open_ns != last:
            apart = abs(open_ns - last)
            shortest = apart if shortest is None else min(shortest, apart)
        before[symbol] = open_ns
    return shortest


def _column(form: TableForm, role: str) -> int | None:
    name = form.roles.get(role)
    return None if name is None else form.columns.index(name)
