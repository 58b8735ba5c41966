"""Books beside a requested page: a wrong level is found, a market that moves is no difference."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedd.books.comparison import (
    BookWindow,
    Difference,
    Page,
    confirmed,
    differences_text,
)

DEPTH = 4  # levels that are published; a page may have more or fewer
BIDS, ASKS = range(90, 100), range(101, 111)
Sizes = dict[int, float]  # by price; bids below 100, asks above

changes = st.tuples(st.sampled_from([*BIDS, *ASKS]), st.integers(0, 3))
walks = st.lists(changes, min_size=1, max_size=60)


def levels(sizes: Sizes, depth: int | None = None) -> Page:
    """Return the best levels of both sides."""
    bids = [(float(p), sizes[p]) for p in reversed(BIDS) if sizes.get(p)]
    asks = [(float(p), sizes[p]) for p in ASKS if sizes.get(p)]
    return Page(bids[:depth], asks[:depth])


def states(walk: list[tuple[int, int]]) -> list[Sizes]:
    """Return the market after each change; it begins with levels everywhere."""
    found = [dict.fromkeys([*BIDS, *ASKS], 1.0)]
    for price, size in walk:
        found.append({**found[-1], price: float(size)})
    return found


def window_of(books: list[Page]) -> BookWindow:
    window = BookWindow()
    for bids, asks in books:
        window.add(bids, asks)
    return window


@given(walks, st.data())
def test_a_page_of_any_moment_of_the_window_is_no_difference(
    walk: list[tuple[int, int]], data: st.DataObject
) -> None:
    market = states(walk)
    moment = data.draw(st.integers(0, len(market) - 1))
    page_depth = data.draw(st.integers(1, 12))
    window = window_of([levels(one, DEPTH) for one in market])
    assert window.differences(levels(market[moment], page_depth)) == []


@given(walks, st.data())
def test_states_between_the_published_books_are_no_confirmed_difference(
    walk: list[tuple[int, int]], data: st.DataObject
) -> None:
    """An exchange sends what changed in 100 ms; a page may show any state in between."""
    market = states([(price, number + 2) for number, (price, _) in enumerate(walk)])
    every = data.draw(st.integers(1, 7))
    published = [levels(one, DEPTH) for one in market[::every]]
    moments = sorted(data.draw(st.integers(0, len(market) - 1)) for _ in range(2))
    window = window_of(published)
    pages = [levels(market[moment]) for moment in moments]
    different = moments[0] // every != moments[1] // every  # else it is one page, twice
    if different:
        assert confirmed(*map(window.differences, pages)) == []


@given(walks, walks, changes, st.data())
def test_a_missed_update_that_persists_is_found_by_two_pages(
    before: list[tuple[int, int]],
    after: list[tuple[int, int]],
    missed: tuple[int, int],
    data: st.DataObject,
) -> None:
    price, size = missed
    market = states(before)[-1]
    true, ours = {**market, price: float(size)}, dict(market)
    moves = [change for change in after if change[0] != price]  # else it is corrected
    true_states = [{**true, **dict(moves[:n])} for n in range(len(moves) + 1)]
    our_states = [{**ours, **dict(moves[:n])} for n in range(len(moves) + 1)]
    books = [levels(one, DEPTH) for one in our_states]
    first, second = sorted(data.draw(st.integers(0, len(moves))) for _ in range(2))
    pages = [levels(true_states[moment]) for moment in (first, second)]
    found = confirmed(*map(window_of(books).differences, pages))
    side = "bid" if price < 100 else "ask"
    wrong = Difference(side, float(price), market.get(price, 0.0), float(size))
    reached = all(_reaches(book, price) for book in books) and all(
        _reaches(page, price) for page in pages
    )
    if not reached or wrong.published == wrong.page:
        assert found == []
    else:
        assert found == [wrong]


def _reaches(page: Page, price: int) -> bool:
    side, sign = (page.bids, -1) if price < 100 else (page.asks, 1)
    return bool(side) and sign * price <= sign * side[-1][0]


@pytest.mark.parametrize(
    ("page", "found"),
    [
        (Page([(99.0, 1.0), (98.0, 2.0)], [(101.0, 1.0), (102.0, 1.0)]), []),
        (Page([(99.0, 1.0), (98.0, 3.0)], [(101.0, 1.0)]), [Difference("bid", 98.0, 2.0, 3.0)]),
        (Page([(98.0, 2.0)], [(101.0, 1.0)]), [Difference("bid", 99.0, 1.0, 0.0)]),
        (
            Page([(99.0, 1.0)], [(100.5, 7.0), (101.0, 1.0), (102.0, 1.0)]),
            [Difference("ask", 100.5, 0.0, 7.0)],
        ),
        (Page([(99.0, 1.0), (97.0, 9.0)], [(101.0, 1.0), (103.0, 5.0)]), [
            Difference("bid", 98.0, 2.0, 0.0), Difference("ask", 102.0, 1.0, 0.0)]),
        (Page([], []), []),
    ],
    ids=["equal", "a size", "a level too many", "a level missing", "beyond one's reach", "empty"],
)  # fmt: skip
def test_what_differs_is_named(page: Page, found: list[Difference]) -> None:
    window = window_of([Page([(99.0, 1.0), (98.0, 2.0)], [(101.0, 1.0), (102.0, 1.0)])])
    assert window.differences(page) == found


def test_a_side_that_was_empty_is_not_compared() -> None:
    window = window_of([Page([], [(101.0, 1.0)]), Page([(99.0, 1.0)], [(101.0, 1.0)])])
    assert window.differences(Page([(99.0, 2.0)], [(101.0, 1.0)])) == []


def test_a_text_names_the_best_levels() -> None:
    differences = [Difference("bid", 99.0 - n, 1.0, 0.0) for n in range(5)]
    assert differences_text(differences) == (
        "the book differs from two REST snapshots: bid 99.0 has 1.0 and not 0.0, bid 98.0 has 1.0 "
        "and not 0.0, bid 97.0 has 1.0 and not 0.0, and 2 more"
    )


def test_prices_that_one_of_the_books_did_not_reach_are_not_compared() -> None:
    """The level at 97 went unseen, before the book reached so far."""
    short = Page([(99.0, 1.0), (98.0, 1.0)], [(101.0, 1.0)])
    deeper = Page([(98.0, 1.0), (96.0, 1.0)], [(101.0, 1.0)])
    page = Page([(99.0, 1.0), (98.0, 1.0), (97.0, 1.0), (96.0, 1.0)], [(101.0, 1.0)])
    assert window_of([short, deeper]).differences(page) == []


def test_a_difference_is_confirmed_by_the_same_one_only() -> None:
    one = Difference("bid", 99.0, 1.0, 2.0)
    another = Difference("bid", 99.0, 1.0, 3.0)
    assert confirmed([one], [another]) == []
    assert confirmed([one, another], [another]) == [another]
