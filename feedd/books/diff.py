"""Binance's way: a stream of differences, and a snapshot to be asked for over REST.

https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams/How-to-manage-a-local-order-book-correctly
https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams#how-to-manage-a-local-order-book-correctly
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from feedd.books.base import Hole
from feedd.books.levels import Book, Level, levels

if TYPE_CHECKING:
    from collections.abc import Iterable

SNAPSHOT_LEVELS = 1000  # the most that futures give
WAITING_AT_MOST = 1000  # updates kept while a snapshot is on its way: at 10 a second, 100 s
BEHIND_AT_MOST = 5  # updates in a row that follow each other, before the ids began anew
KNOWN_MORE = 100  # levels than are shown
KNOWN_AT_LEAST = 400  # levels a side, else a new snapshot: one recorded update fell past 257


class Update(NamedTuple):
    """One depthUpdate: it leads from the book after `before` to the book after `last`."""

    before: int
    last: int
    timestamp: int
    bids: list[Level]
    asks: list[Level]


class Snapshot(NamedTuple):
    """One answer of GET depth."""

    last: int
    bids: list[Level]
    asks: list[Level]


def to_update(message: dict[str, Any]) -> Update:
    """Return what a depthUpdate says; raise ValueError, LookupError or TypeError otherwise.

    Futures name the update before in `pu`, since all symbols share their ids::

        {"e":"depthUpdate","E":1723161256299,"T":1723161256298,"s":"BTCUSDT","U":5123107832006,
         "u":5123107837557,"pu":5123107831937,"b":[["58710.20","0.014"],["61510.90","0.000"]],
         "a":[["61900.00","1.2"]]}

    Spot counts per symbol, and has no `pu`: there `U` is one more than the last `u`::

        {"e":"depthUpdate","E":1672515782136,"s":"BNBBTC","U":157,"u":160,
         "b":[["0.0024","10"]],"a":[["0.0026","100"]]}
    """
    first, last = message["U"], message["u"]
    before = message["pu"] if "pu" in message else first - 1
    if not isinstance(before, int) or not isinstance(last, int) or not before <= last:
        raise ValueError(f"depthUpdate with U {first}, u {last} and {before} before it")
    return Update(before, last, message["E"], levels(message["b"]), levels(message["a"]))


def to_snapshot(answer: Any) -> Snapshot:
    """Return what GET depth answered; raise ValueError where that is no whole book.

    ::

        {"lastUpdateId":1027024,"E":1589436922972,"T":1589436922959,
         "bids":[["4.0","431.0"]],"asks":[["4.2","12.0"]]}
    """
    try:
        last = int(answer["lastUpdateId"])
        bids, asks = levels(answer["bids"]), levels(answer["asks"])
    except (TypeError, LookupError, ValueError) as error:
        raise ValueError(f"the snapshot can't be read: {type(error).__name__}: {error}") from None
    if not bids or not asks:
        raise ValueError("the snapshot has an empty side")
    if not _falling(bids) or not _falling((-price, size) for price, size in asks):
        raise ValueError("the snapshot's levels are out of order")
    if bids[0][0] >= asks[0][0]:
        raise ValueError("the snapshot is crossed")
    return Snapshot(last, bids, asks)


class DiffBook:
    """Joins a snapshot and the updates around it, and checks each update against the last.

    Ask for a snapshot whenever `needs_snapshot`, after at least one update has come: the update
    that bridges to it may have come before its answer does.
    """

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self.book = Book()
        self.synced = False
        self.last_id: int | None = None
        self.timestamp: int | None = None
        self._newest: int | None = None  # of the stream, whether or not there is a book
        self._behind: list[int] = []  # the ids of updates in a row that seem to be old
        self._waiting: deque[Update] = deque(maxlen=WAITING_AT_MOST)
        self._snapshot: Snapshot | None = None  # newer than the stream so far

    @property
    def needs_snapshot(self) -> bool:
        """Whether there is no book, or one that soon runs out of levels that are known."""
        return self._snapshot is None and (not self.synced or self._thin)

    def on_update(self, message: dict[str, Any] | Update) -> Hole | None:
        """Take an update, raw or read; an old or doubled one changes nothing.

        Unless BEHIND_AT_MOST of them follow each other: then the exchange counts anew, or the
        newest id was far too high.
        """
        update = message if isinstance(message, Update) else to_update(message)
        newest = self._newest
        hole = None
        if newest is not None and update.last <= newest:
            if not self._begins_anew(update):
                return None
            hole = self._break(newest, update.last, "the ids of the book's updates began anew")
        elif newest is not None and update.before != newest:
            hole = self._break(newest, update.last, "an update of the book is missing")
        if self._behind:
            self._behind.clear()
        self._newest = update.last
        if self.synced:
            self._apply(update)
            if self.book.crossed:
                hole = self._break(update.before, update.last, "the book is crossed")
            elif not self.book.knows(self._depth):
                self.synced = False  # the market ran past the snapshot's last level
        if not self.synced or self._thin:
            self._waiting.append(update)
            if self._snapshot is not None:
                self._join()
        return hole

    def on_snapshot(self, answer: Any) -> str | None:
        """Take an answer of GET depth; return why it doesn't do, if it doesn't.

        One that is ahead of the stream waits for the update that reaches it.
        """
        try:
            self._snapshot = to_snapshot(answer)
        except ValueError as error:
            return str(error)
        return self._join()

    def reset(self) -> None:
        """Forget the book and the stream."""
        self._break(None, None, "")
        self._newest = None

    @property
    def _thin(self) -> bool:
        return not self.book.knows(max(self._depth + KNOWN_MORE, KNOWN_AT_LEAST))

    def _break(self, from_id: int | None, to_id: int | None, reason: str) -> Hole:
        self.synced = False
        self._snapshot = None
        self._waiting.clear()
        return Hole(from_id, to_id, reason)

    def _begins_anew(self, update: Update) -> bool:
        behind = self._behind
        if behind and (update.before != behind[-1] or update.last <= behind[-1]):
            behind.clear()
        behind.append(update.last)
        return len(behind) >= BEHIND_AT_MOST

    def _join(self) -> str | None:
        snapshot = self._snapshot
        if snapshot is None:
            return None
        updates = [update for update in self._waiting if update.last >= snapshot.last]
        if not updates:
            return None
        self._snapshot = None
        # Binance asks for U <= lastUpdateId. What counts is that no update lies between: the one
        # before this, `before`, is in the snapshot.
        if updates[0].before > snapshot.last:
            return f"the snapshot ({snapshot.last}) is older than the stream ({updates[0].before})"
        self.book.load(
            snapshot.bids,
            snapshot.asks,
            bids_whole=len(snapshot.bids) < SNAPSHOT_LEVELS,
            asks_whole=len(snapshot.asks) < SNAPSHOT_LEVELS,
        )
        self._waiting.clear()
        for update in updates:
            self._apply(update)
        if self.book.crossed:
            self._break(None, None, "")
            return "snapshot and updates make a crossed book"
        self.synced = self.book.knows(self._depth)
        return None

    def _apply(self, update: Update) -> None:
        self.book.apply(update.bids, update.asks)
        self.last_id = update.last
        self.timestamp = update.timestamp


def _falling(rows: Iterable[Level]) -> bool:
    prices = [price for price, _ in rows]
    return all(a > b for a, b in pairwise(prices))
