"""When books are compared with pages, and what follows from a page that differs or is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from recorded_callbacks import RecordedCallbacks

from feedd.books.comparison import Page
from feedd.errors import ConfigError, FeeddError, LimitError, SourceError
from feedd.model import Book, Trade
from feedd.sources.ccxt import book_comparison as module
from feedd.sources.ccxt.book_comparison import BookComparison

RIGHT = Page([(99.0, 1.0), (98.0, 1.0)], [(101.0, 1.0), (102.0, 1.0)])
WRONG = Page([(99.0, 1.0), (98.0, 7.0)], [(101.0, 1.0), (102.0, 1.0)])
REASON = "the book differs from two REST snapshots: bid 98.0 has 1.0 and not 7.0"


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LAG_S", 0.01)
    monkeypatch.setattr(module, "CONFIRM_AFTER_S", 0.01)


def book(page: Page = RIGHT) -> Book:
    return Book("A/B", 1, list(page.bids), list(page.asks), "x", 1, id=1)


class Compared:
    """A comparison whose exchange answers with the given pages, the last one again and again."""

    def __init__(self, *answers: Page | FeeddError, every_s: float = 0.01) -> None:
        self.answers = list(answers)
        self.requests = 0
        self.reasons: list[str] = []
        self.received = RecordedCallbacks()
        self.on_request: Callable[[], None] = lambda: None
        self.comparison = BookComparison(self._fetch, self.reasons.append, every_s)
        self.sink = self.comparison.beside(self.received)

    async def _fetch(self) -> Page:
        self.requests += 1
        self.on_request()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, FeeddError):
            raise answer
        return answer

    def until(self, condition: Callable[[], Any]) -> None:
        async def run() -> None:
            comparing = asyncio.ensure_future(self.comparison.run())
            async with asyncio.timeout(20):
                while not condition() and not comparing.done():
                    await asyncio.sleep(0.002)
            comparing.cancel()
            await asyncio.gather(comparing, return_exceptions=True)

        asyncio.run(run())


def test_a_book_that_two_pages_contradict_is_subscribed_to_again() -> None:
    compared = Compared(WRONG)
    compared.sink.event(book())
    compared.until(lambda: compared.reasons)
    assert (compared.reasons, compared.requests) == ([REASON], 2)
    assert compared.received.comparisons == []


def test_a_difference_that_the_second_page_does_not_show_is_none() -> None:
    compared = Compared(WRONG, RIGHT)
    compared.sink.event(book())
    compared.until(lambda: compared.requests == 4)
    assert compared.reasons == []
    assert set(compared.received.comparisons) == {"book"}


def test_a_page_of_a_cache_confirms_nothing() -> None:
    compared = Compared(WRONG)
    compared.sink.event(book())
    compared.on_request = lambda: compared.sink.event(
        book(Page([(99.0, compared.requests + 1.0), (98.0, 1.0)], RIGHT.asks))
    )
    compared.until(lambda: compared.requests == 6)
    assert compared.reasons == []


@pytest.mark.parametrize("doubt", ["lost", "resync", "missing", "rejected"])
def test_a_book_that_is_lost_meanwhile_is_not_compared(doubt: str) -> None:
    compared = Compared(WRONG)
    tell: dict[str, Callable[[], None]] = {
        "lost": lambda: compared.sink.lost("book", "why"),
        "resync": lambda: compared.sink.resync("book", "why"),
        "missing": lambda: compared.sink.missing("book", 1, 3, "why"),
        "rejected": lambda: compared.sink.rejected(iter(["book"]), "why"),
    }

    def lose() -> None:
        tell[doubt]()
        compared.sink.event(book())  # of the next subscription

    compared.on_request = lose
    compared.sink.event(book())
    compared.until(lambda: compared.requests == 3)
    assert compared.reasons == []
    told = compared.received
    assert told.losses or told.resyncs or told.holes or told.rejections


def test_without_a_book_nothing_is_requested() -> None:
    compared = Compared(RIGHT, every_s=0.001)
    compared.sink.event(Trade("A/B", 1, 1.0, 1.0, "buy", "x", 1))
    slept = iter([False] * 20 + [True])
    compared.until(lambda: next(slept))
    assert compared.requests == 0
    assert len(compared.received.ticks) == 1


@pytest.mark.parametrize("error", [LimitError("the budget", 1.0), SourceError("HTTP 500")])
def test_a_refused_page_is_logged_once_and_changes_nothing(error: FeeddError) -> None:
    compared = Compared(error, error, RIGHT)
    compared.sink.event(book())
    with structlog.testing.capture_logs() as logged:
        compared.until(lambda: compared.requests == 4)
    assert [(line["event"], line["why"]) for line in logged] == [
        ("the book was not compared with a REST snapshot", str(error))
    ]
    assert compared.reasons == []
    assert compared.received.losses == []


def test_an_exchange_without_the_page_is_asked_once() -> None:
    compared = Compared(ConfigError("kraken can't serve book: fetchOrderBook"))
    compared.sink.event(book())
    compared.until(lambda: False)  # until it ends
    assert compared.requests == 1


def test_pauses_grow_while_every_comparison_differs() -> None:
    """Pages that never agree, of other units for example, cost few subscriptions."""
    compared = Compared(WRONG)
    compared.sink.event(book())
    compared.until(lambda: len(compared.reasons) == 3)
    assert compared.comparison._in_vain == 3
