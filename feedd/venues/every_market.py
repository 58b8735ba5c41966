"""The id of a message that has events of several markets, or of none."""

from __future__ import annotations


class _EveryMarket(str):
    """Equals every market's id."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str)

    def __ne__(self, other: object) -> bool:
        return not self == other


EVERY_MARKET = _EveryMarket("*")
