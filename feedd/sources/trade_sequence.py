"""Trades in the order of their numbers, on an exchange that skips no number. Pure.

The number is the trade's id, or a number of its own beside an id that skips numbers.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from feedd.model import EventId, Trade

HELD_AT_MOST = 10_000  # behind a gap: more than six seconds of the busiest recording
KNOWN_AGAIN = 1000  # trades, a full page: repeated ones are recognized
GIVEN_UP_KNOWN = 100  # gaps
STRAYS_AT_MOST = 5  # in a row show that the ids restarted; after a reconnect one is enough


class MissingTrades(NamedTuple):
    """Numbers that were not received: between `from_id` and `to_id`, which both were."""

    from_id: int
    to_id: int


class TradeSequence:
    """Holds back trades after a gap until the gap is filled or given up.

    A trade received twice, or after its gap was given up, is dropped: the first was published,
    the second was reported. Another trade with the id of a published one is dropped too, and is in
    `dropped`, to be reported. None in a trade's place takes up its id and is not published.

    Ids may go back for good: the exchange restarts them, or one id was far too high. A stray is a
    trade that is not behind the last and not the same as a recently published one. Strays are kept,
    as long as they rise and nothing else arrives; STRAYS_AT_MOST of them, or the first trade after
    `reconnected`, show that the ids restarted.
    """

    def __init__(self) -> None:
        self.dropped: list[int] = []  # ids of trades that nothing else reports
        self._first: int | None = None  # earlier trades are of before the stream
        self._last: int | None = None
        self._given_up: deque[MissingTrades] = deque(maxlen=GIVEN_UP_KNOWN)
        self._held: dict[int, Trade | None] = {}
        self._recent: deque[tuple[int, Trade]] = deque(maxlen=KNOWN_AGAIN)  # by rising numbers
        self._strays: list[tuple[int, Trade | None]] = []
        self._reconnected = False
        self._wary = False  # whether there are strays, or nothing arrived since a reconnect

    @property
    def gap(self) -> MissingTrades | None:
        """The first gap behind which trades are held back."""
        if self._last is None or not self._held:
            return None
        return MissingTrades(self._last, min(self._held))

    @property
    def full(self) -> bool:
        """Whether too many trades are held back to wait longer."""
        return len(self._held) >= HELD_AT_MOST

    @property
    def ids_restarted(self) -> bool:
        """Whether strays show that the ids restarted; then `restart`."""
        if not self._strays:
            return False
        if self._strays[-1][1] is None:
            return False  # the trade behind the ids that it aggregates may be a known one
        trades = sum(trade is not None for _, trade in self._strays)
        return self._reconnected or trades >= STRAYS_AT_MOST

    def take(self, trade_id: int, trade: Trade | None) -> list[Trade]:
        """Take a trade of the stream; return those that are in order now."""
        last = self._last
        if last is not None and trade_id <= last:
            self._take_back(trade_id, trade)
            return []
        if self._wary:
            self._drop_strays()
            self._reconnected = self._wary = False
        if last is None or (trade_id == last + 1 and not self._held):
            if last is None:
                self._first = trade_id
            self._last = trade_id
            if trade is None:
                return []
            self._recent.append((trade_id, trade))
            return [trade]
        held = self._held.setdefault(trade_id, trade)
        if held is not trade and trade is not None and (held is None or not _same(held, trade)):
            self.dropped.append(trade_id)
        return self._released()

    def reconnected(self) -> None:
        """Note that the next trades come from another connection."""
        self._reconnected = self._wary = True

    def restart(self) -> tuple[MissingTrades, list[Trade]]:
        """Go on with the strays; return where the ids went back, and the trades in order now.

        Only where nothing is held back: `give_up` before.
        """
        strays, self._strays = self._strays, []
        self._reconnected = self._wary = False
        went_back = MissingTrades(self._last or 0, strays[0][0])
        self._last = self._first = None
        self._recent.clear()
        self._given_up.clear()
        return went_back, [one for stray in strays for one in self.take(*stray)]

    def fill(self, trades: Iterable[tuple[int, Trade | None]]) -> list[Trade]:
        """Take requested trades, by id; return those that are in order now.

        Trades outside a gap are ignored.
        """
        if self._last is None or not self._held:
            return []
        newest = max(self._held)
        for trade_id, trade in trades:
            if self._last < trade_id < newest:
                self._held.setdefault(trade_id, trade)
        return self._released()

    def ids_around(self, gap: MissingTrades) -> tuple[EventId, EventId]:
        """Return the ids of the trades around the first gap, where they are not its numbers."""
        number, last = self._recent[-1] if self._recent else (None, None)
        first = self._held[gap.to_id]
        return (
            gap.from_id if last is None or number != gap.from_id else last.id,
            gap.to_id if first is None else first.id,
        )

    def give_up(self) -> tuple[MissingTrades, list[Trade]] | None:
        """Skip the first gap; return it, and the trades up to the next one."""
        gap = self.gap
        if gap is None:
            return None
        self._last = gap.to_id - 1
        self._given_up.append(gap)
        return gap, self._released()

    def _released(self) -> list[Trade]:
        released = []
        if self._last is not None and self._held:
            while (following := self._last + 1) in self._held:
                self._last = following
                trade = self._held.pop(following)
                if trade is not None:
                    released.append(trade)
                    self._recent.append((following, trade))
        return released

    def _take_back(self, trade_id: int, trade: Trade | None) -> None:
        """Take a trade whose id is not behind the last."""
        if self._strays and trade_id <= self._strays[-1][0]:
            self._drop_strays()
        at = self._recent_at(trade_id)
        if trade is None:
            self._strays.append((trade_id, trade))
        elif (at is not None and _same(self._recent[at][1], trade)) or self._is_explained(
            trade_id, trade
        ):
            self._drop_strays()
        elif self._is_older(trade):
            self._drop_strays()
            self.dropped.append(trade_id)
            if at is not None:
                self._recent[at] = trade_id, trade  # a later page is not reported again
        else:
            self._strays.append((trade_id, trade))
        self._wary = self._reconnected or bool(self._strays)

    def _recent_at(self, trade_id: int) -> int | None:
        """Return where a recent trade with an id is; where ids restart, it may be another trade."""
        recent = self._recent
        at = bisect_left(recent, trade_id, key=itemgetter(0))
        return None if at == len(recent) or recent[at][0] != trade_id else at

    def _is_explained(self, trade_id: int, trade: Trade) -> bool:
        """Return whether a trade is of before the stream or of a reported gap, and that old too.

        A page of the newest trades, with which a subscription begins, may hold such ones.
        """
        newest = self._recent[-1][1].timestamp if self._recent else None
        if newest is None or trade.timestamp is None or trade.timestamp > newest:
            return False
        return self._is_before(trade_id) or self._is_given_up(trade_id)

    def _is_older(self, trade: Trade) -> bool:
        """Return whether a trade happened before the newest one: it shows no restart."""
        newest = self._recent[-1][1].timestamp if self._recent else None
        return newest is not None and trade.timestamp is not None and trade.timestamp < newest

    def _drop_strays(self) -> None:
        """Drop strays that no restart explains."""
        for trade_id, trade in self._strays:
            before = self._first is None or self._is_before(trade_id)
            if trade is not None and not before and not self._is_given_up(trade_id):
                self.dropped.append(trade_id)
        self._strays.clear()

    def _is_before(self, trade_id: int) -> bool:
        return self._first is not None and trade_id < self._first

    def _is_given_up(self, trade_id: int) -> bool:
        return any(gap.from_id < trade_id < gap.to_id for gap in self._given_up)


def _same(one: Trade, other: Trade) -> bool:
    return (one.timestamp, one.price, one.size) == (other.timestamp, other.price, other.size)
