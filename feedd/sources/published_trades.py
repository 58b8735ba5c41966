"""Trades that are published once, on an exchange whose ids may skip numbers. Pure.

Many exchanges begin each subscription with a page of their newest trades.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from feedd.model import EventId, Trade

KNOWN = 5000  # trades; the largest page of a first message has 1,000

_Content = tuple[int | None, float, float, str | None]


class PublishedTrades:
    """Recognizes trades that were published before: by their ids, else by their content.

    Two trades without an id may be equal. So what a new connection delivers is matched against what
    earlier ones did, one by one, and only what is not newer than that: also behind a newer trade,
    which may precede the page.
    """

    def __init__(self) -> None:
        self._ids: deque[tuple[EventId, float, float]] = deque()
        self._known: set[tuple[EventId, float, float]] = set()
        self._contents: deque[_Content] = deque(maxlen=KNOWN)  # of trades without an id
        self._newest_ms: int | None = None
        self._earlier_ms: int | None = None  # the newest one of earlier connections
        self._earlier: Counter[_Content] | None = None  # of earlier connections, not matched yet

    def reconnected(self) -> None:
        """Note that the next trades come from another subscription."""
        if self._contents:
            self._earlier, self._earlier_ms = Counter(self._contents), self._newest_ms

    def new(self, trades: Sequence[Trade]) -> list[Trade]:
        """Return those of a message that were not published before, oldest first.

        They are regarded as published from now on.
        """
        found = [trade for trade in oldest_first(trades) if self._is_new(trade)]
        for trade in found:
            if trade.id is None:
                self._contents.append(_content(trade))
            if trade.timestamp is not None:
                self._newest_ms = max(self._newest_ms or 0, trade.timestamp)
        return found

    def _is_new(self, trade: Trade) -> bool:
        if trade.id is not None:
            key = (trade.id, trade.price, trade.size)
            if key in self._known:
                return False
            self._known.add(key)
            self._ids.append(key)
            if len(self._ids) > KNOWN:
                self._known.discard(self._ids.popleft())
            return True
        earlier, content = self._earlier, _content(trade)
        if earlier is None or self._is_newer(trade) or not earlier[content]:
            return True
        earlier[content] -= 1
        return False

    def _is_newer(self, trade: Trade) -> bool:
        earlier_ms, time_ms = self._earlier_ms, trade.timestamp
        return time_ms is not None and earlier_ms is not None and time_ms > earlier_ms


def oldest_first(trades: Sequence[Trade]) -> Sequence[Trade]:
    """Return the trades of a page in the order in which they took place."""
    if len(trades) < 2:
        return trades
    first, last = trades[0], trades[-1]
    times = (first.timestamp or 0, last.timestamp or 0)
    if times[0] != times[1]:
        return trades[::-1] if times[0] > times[1] else trades
    if isinstance(first.id, int) and isinstance(last.id, int) and first.id > last.id:
        return trades[::-1]
    return trades


def _content(trade: Trade) -> _Content:
    return trade.timestamp, trade.price, trade.size, trade.side
