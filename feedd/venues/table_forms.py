"""Contract of a form of table: which columns mean what, and what a file of that form is.

A venue that publishes tables has a module `feedd/venues/<venue>/archive.py` with
`recognise(parts, header, fields)`. `parts` are the names of the folders and of the file, `header`
the names of the columns (None: there is no header), `fields` the first row's. It returns the form,
or None for other tables, and raises ValueError where name and contents contradict each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

if TYPE_CHECKING:
    from feedd.venues.market_type import MarketType


class TableForm(Struct, frozen=True):
    """A recognised table.

    `columns` are its columns in order, and `roles` maps roles to columns. The roles of each channel
    are those of `feedd.recordings.importing.table_events`. With `refusal`, the table can't be
    imported for that reason.

    `exchanges` are those that it can be of, with the type of the market. `certain`: another
    exchange contradicts the file. `market_id` is the exchange's id, `timeframe` that of candles.
    `complete`: the publisher leaves out no candle and publishes closed ones only. `ids`: whether
    ids grow from row to row, or skip no number either. `tardis`: exchanges have Tardis' names.
    """

    name: str
    channel: str
    columns: tuple[str, ...]
    roles: dict[str, str]
    refusal: str = ""
    exchanges: dict[str, MarketType] = {}
    certain: bool = False
    market_id: str = ""
    timeframe: str = ""
    complete: bool = False
    ids: Literal["", "growing", "contiguous"] = ""
    tardis: bool = False
    note: str = ""
