"""Depth messages as every venue's parser returns them, and the contract of a book's rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from feedd.books.levels import Level, PriceLevels


class Proof(NamedTuple):
    """What a venue's checksum is compared with, see `feedd.books.checksum`.

    `bids` and `asks` are the message's levels as sent, in their order, each as the venue's checksum
    function takes it: its text, or its row. `checksum` is None where a later message brings it.
    """

    checksum: int | None
    bids: Sequence[Any]
    asks: Sequence[Any]


class Update(NamedTuple):
    """A change of a book: it leads from the book with id `before` to the book with id `last`.

    `order` is a second counter of the venue that never decreases; 0 where there is none. Where a
    venue has no ids, they are 0; where a message has no time, that is 0.
    """

    before: int
    last: int
    timestamp: int  # ms, by the exchange's clock
    bids: list[Level]  # absolute sizes; 0 removes a level
    asks: list[Level]
    order: int = 0
    proof: Proof | None = None  # of books that are checked by a checksum


class Snapshot(NamedTuple):
    """A whole book, requested over REST or sent in the stream.

    `limit` is the number of levels per side that were requested: a side with fewer levels is
    complete. None: the venue reports every level that its stream covers.
    """

    last: int
    bids: list[Level]  # best first
    asks: list[Level]
    timestamp: int | None = None  # ms, by the exchange's clock
    order: int = 0
    limit: int | None = None
    proof: Proof | None = None


class BookGap(NamedTuple):
    """Updates that were not received: those after `from_id`, up to the one with `to_id`."""

    from_id: int | None
    to_id: int | None
    reason: str


TWO_WITH_ONE_ID = "two updates of the book have one id"


def differ_with_one_id(update: Update, before: Update | None) -> bool:
    """Return whether two updates in a row have one id and are not the same one."""
    return (
        before is not None
        and update.last == before.last
        and (update.bids != before.bids or update.asks != before.asks)
    )


class DepthRules(Protocol):
    """Follows one symbol's depth stream and decides whether its book is verified.

    `synced` is that decision. While it is False, the book must not be published. The rules know
    neither the venue's messages nor how a snapshot is obtained: while `needs_snapshot`, the caller
    requests one, or subscribes again where the stream begins with one, and passes it to
    `on_snapshot`.
    """

    book: PriceLevels
    synced: bool
    last_id: int | None  # of the newest message that the book contains
    timestamp: int | None  # of that message, by the exchange's clock, ms

    @property
    def needs_snapshot(self) -> bool:
        """Whether only a new snapshot makes the book verified again, or keeps it verified."""

    def on_update(self, update: Update) -> BookGap | None:
        """Apply an update; return the gap before it, if any."""

    def on_snapshot(self, snapshot: Snapshot) -> str | None:
        """Take a snapshot; return why it is rejected, or None."""

    def reset(self) -> None:
        """Forget the stream: its connection is lost."""
