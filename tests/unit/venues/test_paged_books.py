"""Recorded books that begin with a REST page, and the true books that follow."""

from __future__ import annotations

from msgspec.structs import replace

from feedd.venues.paged_books import PagedBooks
from feedd.venues.played import Depth

PAGE = Depth("A", 50, (("1.5", "2"),), (("1.6", "3"), ("1.7", "1")), whole=True, last=10)


def update(before: int, last: int, *bids: tuple[str, str]) -> Depth:
    return Depth("A", last, bids, (), before=before, last=last)


def test_updates_wait_for_the_page_and_those_in_it_are_dropped() -> None:
    books = PagedBooks()
    assert books.update(update(8, 9, ("1.5", "7"))) is None
    assert books.update(update(9, 10, ("1.5", "2"))) is None
    assert books.page(PAGE) == PAGE
    assert books.update(update(9, 10, ("1.5", "2"))) is None
    assert books.update(update(10, 11, ("1.4", "1"))) == update(10, 11, ("1.4", "1"))


def test_updates_that_are_newer_than_the_page_are_joined_to_it() -> None:
    books = PagedBooks()
    for one in (update(9, 11, ("1.50", "0"), ("1.4", "5")), update(11, 12, ("1.3", "6"))):
        assert books.update(one) is None
    whole = replace(PAGE, bids=(("1.4", "5"), ("1.3", "6")), last=12, time_ms=12)
    assert books.page(PAGE) == whole
    assert books.page(PAGE) is None


def test_an_update_that_overlaps_the_page_follows_it() -> None:
    books = PagedBooks()
    books.page(PAGE)
    assert books.update(update(8, 12, ("1.4", "1"))) == update(10, 12, ("1.4", "1"))


def test_markets_are_apart() -> None:
    books = PagedBooks()
    books.page(PAGE)
    assert books.update(replace(update(10, 11), market="B")) is None
