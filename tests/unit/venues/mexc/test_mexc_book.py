"""MEXC's book: whatever the stream loses, a synced book is the true one."""

from __future__ import annotations

from typing import Any

from faulty_stream import Sides, Step, play, steps
from hypothesis import given
from mexc_frames import depth

from feedd.books.depth import Snapshot, Update
from feedd.books.diff import DiffBook
from feedd.venues.mexc import book, wire


class MexcCodec:
    """Binary frames of ten versions each; an answer is sent with a frame that reaches it."""

    def snapshot(self, last: int, book: Sides) -> list[Any]:
        bids, asks = self._rows(book)
        answer = {"lastUpdateId": 10 * last, "bids": bids, "asks": asks}
        return [depth(10 * last, 10 * last, [], []), answer]

    def update(self, before: int, last: int, changed: Sides, _book: Sides) -> list[Any]:
        return [depth(10 * before + 1, 10 * last, *self._rows(changed))]

    def altered(self, messages: list[Any]) -> list[Any]:
        return messages

    def _rows(self, book: Sides) -> tuple[list[list[str]], list[list[str]]]:
        bids, asks = book
        return (
            [[f"{price}", f"{size}"] for price, size in sorted(bids.items(), reverse=True)],
            [[f"{price}", f"{size}"] for price, size in sorted(asks.items())],
        )


def parse(message: Any) -> Update | Snapshot:
    if isinstance(message, bytes):
        return book.to_update(wire.decode(message))
    return book.to_snapshot(message)


@given(steps(faults=("lose", "double", "swap", "reset")))
def test_a_synced_book_is_the_true_one_whatever_the_stream_loses(chosen: list[Step]) -> None:
    assert play(chosen, MexcCodec(), DiffBook(20), parse, lambda last: 10 * last) > 0
