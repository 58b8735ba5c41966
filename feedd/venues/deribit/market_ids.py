"""Deribit's ids: BTC-PERPETUAL, BTC_USDC-PERPETUAL, BTC_USDC, BTC-24SEP21, BTC-24SEP21-34000-P.

https://docs.deribit.com/#naming
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from feedd.venues.market_type import market_type

if TYPE_CHECKING:
    from feedd.venues.market_type import MarketType

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_ID = re.compile(
    r"(?P<base>[A-Z0-9]+)(?:_(?P<quote>[A-Z]+))?"
    r"(?:-(?:(?P<perpetual>PERPETUAL)|(?P<day>\d{1,2})(?P<month>[A-Z]{3})(?P<year>\d{2})"
    r"(?:-(?P<strike>\d+(?:d\d+)?)-(?P<kind>[CP]))?))?"
)


def symbols(_exchange: str, id_: str, of: MarketType | None = None) -> list[str]:
    """Return every unified symbol that an id can mean."""
    match = _ID.fullmatch(id_)
    if match is None:
        return []
    base, quote = match["base"], match["quote"]
    derived = match["perpetual"] or match["day"]
    if (not derived and quote is None) or (match["day"] and match["month"] not in _MONTHS):
        return []
    symbol = f"{base}/{quote or 'USD'}"
    if derived:
        symbol += f":{quote or base}"
    if match["day"]:
        month = _MONTHS.index(match["month"]) + 1
        symbol += f"-{match['year']}{month:02}{int(match['day']):02}"
    if match["kind"]:
        symbol += f"-{match['strike'].replace('d', '.')}-{match['kind']}"
    return [symbol] if of in {None, market_type(symbol)} else []
