"""Values of a row by their roles, each checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from feedd.clock import NS_PER_MS
from feedd.numbers import number
from feedd.recordings.importing.times import Times

if TYPE_CHECKING:
    from feedd.model import EventId

Side = Literal["buy", "sell"]
ID_BELOW = 2**63  # of an id that is published as a number
_SIDES: dict[str, Side | None] = {
    "buy": "buy", "b": "buy", "bid": "buy", "sell": "sell", "s": "sell", "a": "sell",
    "ask": "sell", "": None, "unknown": None,
}  # fmt: skip
_OPPOSITE: dict[Side | None, Side | None] = {"buy": "sell", "sell": "buy", None: None}
_TRUTHS = {"true": True, "false": False, "1": True, "0": False, "t": True, "f": False}


class RowError(ValueError):
    """A value that can't be, with the role of its column."""

    def __init__(self, role: str, why: str) -> None:
        super().__init__(why)
        self.role = role


class NoEventError(Exception):
    """A row without an event, with its description; `gap`: an event is missing in its place."""

    def __init__(self, what: str, *, gap: bool = False) -> None:
        super().__init__(what)
        self.gap = gap


class Cells:
    """The values of a row's columns, by role.

    `published`: the rows were published once; a price may then be missing, as in any event.
    """

    def __init__(self, columns: dict[str, int]) -> None:
        self._columns = columns
        self.published = "published" in columns
        self.times = {role: Times() for role in columns if role in _TIME_ROLES}

    def column(self, role: str) -> int:
        """Return the index of a role's column; raise KeyError without one."""
        return self._columns[role]

    def has(self, role: str) -> bool:
        """Whether the table has a column of this role."""
        return role in self._columns

    def text(self, fields: list[str], role: str) -> str:
        """Return a value without spaces around it; empty without a column."""
        index = self._columns.get(role)
        return "" if index is None else fields[index].strip()

    def time_ns(self, fields: list[str], role: str) -> int | None:
        """Return a time in ns, or None where it is missing."""
        index = self._columns.get(role)
        if index is None or not fields[index]:
            return None
        try:
            return self.times[role].of_text(fields[index])
        except ValueError as error:
            raise RowError(role, str(error)) from None

    def positive(self, fields: list[str], role: str) -> float:
        """Return a number above 0."""
        value = self.number(fields, role)
        if value is None or value <= 0:
            raise RowError(role, "it is missing" if value is None else f"{value} is not above 0")
        return value

    def number(self, fields: list[str], role: str) -> float | None:
        """Return a number of at least 0, or None where it is missing."""
        value = self.signed(fields, role)
        if value is not None and value < 0:
            raise RowError(role, f"{value} is below 0")
        return value

    def signed(self, fields: list[str], role: str) -> float | None:
        """Return a number, or None where it is missing."""
        index = self._columns.get(role)
        if index is None or not fields[index]:
            return None
        try:
            return number(fields[index])
        except (ValueError, OverflowError):
            raise RowError(
                role, f"{fields[index]!r} is not a number; leave an unknown value empty"
            ) from None

    def id(self, fields: list[str]) -> EventId:
        """Return the exchange's id: a number where it is written as one."""
        text = self.text(fields, "id")
        if not text:
            return None
        if len(text) > 19 or not (text.isascii() and text.isdecimal()) or text[0] == "0" != text:
            return text
        value = int(text)
        return value if value < ID_BELOW else text

    def side(self, fields: list[str]) -> Side | None:
        """Return the taker's side, of a side or of the maker's."""
        if self.has("maker"):
            text = self.text(fields, "maker").lower()
            buyer_is_maker = _TRUTHS.get(text)
            if buyer_is_maker is not None:
                return "sell" if buyer_is_maker else "buy"
            if text in _SIDES:
                return _OPPOSITE[_SIDES[text]]
            raise RowError("maker", f"{text!r} is neither true nor false, buy nor sell")
        text = self.text(fields, "side").lower()
        if text not in _SIDES:
            raise RowError("side", f"{text!r} is neither buy nor sell; leave an unknown one empty")
        return _SIDES[text]

    def truth(self, fields: list[str], role: str) -> bool | None:
        """Return true or false, or None where it is missing."""
        text = self.text(fields, role).lower()
        if not text:
            return None
        if text not in _TRUTHS:
            raise RowError(role, f"{text!r} is neither true nor false")
        return _TRUTHS[text]

    def moments(self, fields: list[str]) -> tuple[int | None, int, int]:
        """Return the exchange's time in ms, the time of receipt, and of publication, in ns.

        Without a time of receipt, it is the exchange's.
        """
        time_ns = self.time_ns(fields, "time")
        received_ns = self.time_ns(fields, "received") or time_ns
        if received_ns is None:
            raise RowError("time", "the row has no time")
        published_ns = self.time_ns(fields, "published") or received_ns
        return None if time_ns is None else time_ns // NS_PER_MS, received_ns, published_ns


_TIME_ROLES = frozenset({
    "time", "received", "published", "open_time", "close_time", "next_funding",
})  # fmt: skip
