"""Book keeper: its callbacks when connections and updates are lost."""

import asyncio
from collections.abc import Callable
from typing import Any

from recorded_callbacks import RecordedCallbacks

from feedd.books.depth import Snapshot, Update
from feedd.books.diff import DiffBook
from feedd.books.ordered import OrderedBook
from feedd.books.streamed import StreamedBook
from feedd.sources.book_keeper import BookKeeper


def update(before: int, last: int) -> Update:
    return Update(before, last, last, [(9.0, 1.0)], [])


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(45):
        while not condition():
            await asyncio.sleep(0.01)


def test_a_hole_right_after_a_reconnect_does_not_hide_the_reconnects() -> None:
    async def run() -> None:
        told = RecordedCallbacks()
        newest = 0

        async def renew() -> Snapshot:
            return Snapshot(newest, [(9.0, 1.0)], [(10.0, 1.0)])

        keeper = BookKeeper("x", "S", DiffBook(5), 5, renew)
        for before, newest in ((1, 2), (2, 3)):
            keeper.on_message(update(before, newest), 1, told)
            await until(lambda last=newest: told.ids("book")[-1:] == [last])
        assert told.ids("book") == [2, 3]
        keeper.lost("code 1006")
        await asyncio.sleep(0)
        keeper.on_message(update(50, 51), 1, told)
        keeper.on_message(update(60, 61), 1, told)
        assert told.holes == []
        newest = 61
        await asyncio.sleep(0.01)
        keeper.on_message(update(61, 62), 1, told)
        await until(lambda: len(told.ids("book")) >= 3)
        ((channel, from_id, to_id, reason),) = told.holes
        assert (channel, from_id, to_id) == ("book", 3, told.ids("book")[2])
        assert reason == "reconnect after: code 1006"
        keeper.stop()

    asyncio.run(run())


def test_a_gap_ends_with_the_first_book_after_it_and_not_before() -> None:
    """Books between the update that showed the hole and the new snapshot are missing, too."""

    async def run() -> None:
        told = RecordedCallbacks()
        newest = 0

        async def renew() -> Snapshot:
            return Snapshot(newest, [(9.0, 1.0)], [(10.0, 1.0)])

        keeper = BookKeeper("x", "S", DiffBook(5), 5, renew)
        keeper.on_message(update(1, 2), 1, told)
        newest = 2
        await until(lambda: told.ids("book") == [2])
        keeper.on_message(update(4, 5), 1, told)
        keeper.on_message(update(5, 6), 1, told)
        newest = 7
        assert [reason for _, reason in told.resyncs] == ["an update of the book is missing"]
        keeper.on_message(update(6, 7), 1, told)
        await until(lambda: len(told.ids("book")) >= 2)
        assert told.ids("book") == [2, 7]
        assert told.holes == [("book", 2, 7, "an update of the book is missing")]
        keeper.stop()

    asyncio.run(run())


def test_another_book_with_the_id_of_the_last_is_published_and_a_repeated_one_is_not() -> None:
    """Bybit's ids are 1 after each restart of its service."""

    async def run() -> None:
        told = RecordedCallbacks()

        async def renew() -> None: ...

        keeper = BookKeeper("x", "S", StreamedBook(), 5, renew)
        for bid in (9.0, 9.0, 9.5):
            keeper.on_message(Snapshot(1, [(bid, 1.0)], [(10.0, 1.0)]), 1, told)
        books = [(book.id, book.bids) for book in told.ticks]  # type: ignore[union-attr]
        assert books == [(1, [(9.0, 1.0)]), (1, [(9.5, 1.0)])]
        keeper.stop()

    asyncio.run(run())


def test_a_gap_of_a_book_without_ids_is_reported_too() -> None:
    async def run() -> None:
        told = RecordedCallbacks()

        async def renew() -> None:
            return None

        keeper = BookKeeper("x", "S", OrderedBook(), 5, renew)
        book = Snapshot(0, [(9.0, 1.0)], [(10.0, 1.0)], 1)
        keeper.on_message(book, 1, told)
        keeper.on_message(Update(0, 0, 1, [(11.0, 1.0)], []), 1, told)  # crosses
        assert told.holes == []
        keeper.on_message(book._replace(timestamp=2), 1, told)
        assert told.holes == [("book", None, None, "the book is crossed")]
        assert len(told.ids("book")) == 2
        keeper.stop()

    asyncio.run(run())


def test_without_ids_a_repeated_message_is_no_book_and_one_behind_the_levels_is() -> None:
    """Both leave the published levels as they are, at the same time of the exchange."""

    async def run() -> None:
        told = RecordedCallbacks()

        async def renew() -> None:
            return None

        keeper = BookKeeper("x", "S", OrderedBook(), 1, renew)
        keeper.on_message(Snapshot(0, [(9.0, 1.0)], [(10.0, 1.0)], 1), 1, told)
        first, second = Update(0, 0, 1, [(8.0, 1.0)], []), Update(0, 0, 1, [(8.0, 2.0)], [])
        for message in (first, first, second, second):
            keeper.on_message(message, 1, told)
        assert len(told.ids("book")) == 3
        keeper.stop()

    asyncio.run(run())


def test_one_hole_is_one_resync_and_one_gap_whatever_follows_until_the_book_is_whole() -> None:
    async def run() -> None:
        told = RecordedCallbacks()
        renewed = asyncio.Event()

        async def renew() -> None:
            await renewed.wait()

        keeper = BookKeeper("x", "S", StreamedBook(), 5, renew)
        keeper.on_message(Snapshot(1, [(9.0, 1.0)], [(10.0, 1.0)]), 1, told)
        for before, last in ((4, 5), (7, 8), (8, 9), (20, 21)):
            keeper.on_message(update(before, last), 1, told)
        # A snapshot that is crossed, and two updates of the old subscription after it.
        keeper.on_message(Snapshot(30, [(11.0, 1.0)], [(10.0, 1.0)]), 1, told)
        keeper.on_message(update(30, 31), 1, told)
        keeper.broken("a message could not be read", told)
        renewed.set()
        keeper.on_message(Snapshot(40, [(9.0, 1.0)], [(10.0, 1.0)]), 1, told)
        assert [reason for _, reason in told.resyncs] == ["an update of the book is missing"]
        assert told.holes == [("book", 1, 40, "an update of the book is missing")]
        assert told.ids("book") == [1, 40]
        keeper.stop()

    asyncio.run(run())


def test_an_unreadable_message_begins_a_streamed_book_again_without_another_update() -> None:
    async def run() -> None:
        told = RecordedCallbacks()
        asked = 0

        async def renew() -> None:
            nonlocal asked
            asked += 1

        keeper = BookKeeper("x", "S", StreamedBook(), 5, renew)
        keeper.on_message(Snapshot(10, [(9.0, 1.0)], [(10.0, 1.0)]), 1, told)
        keeper.broken("a message could not be read", told)
        await until(lambda: asked)
        assert told.resyncs == [("book", "a message could not be read")]
        keeper.on_message(update(10, 11), 1, told)  # of the old subscription
        assert told.ids("book") == [10]
        # The ids went back with the new snapshot: nothing lies between.
        keeper.on_message(Snapshot(5, [(9.0, 1.0)], [(10.0, 1.0)]), 1, told)
        assert told.holes == [("book", 10, None, "a message could not be read")]
        assert told.ids("book") == [10, 5]
        keeper.stop()

    asyncio.run(run())


def test_the_same_book_is_published_again_after_a_resync_and_after_a_reconnect() -> None:
    """Else the state would stay `resync` until the market moves."""

    async def run() -> None:
        told = RecordedCallbacks()

        async def renew() -> None:
            return None

        keeper = BookKeeper("x", "S", StreamedBook(), 5, renew)
        snapshot = Snapshot(10, [(9.0, 1.0)], [(10.0, 1.0)])
        keeper.on_message(snapshot, 1, told)
        keeper.on_message(snapshot, 1, told)
        assert told.ids("book") == [10]
        keeper.broken("a message could not be read", told)
        keeper.on_message(snapshot, 1, told)
        keeper.lost("code 1006")
        keeper.on_message(snapshot, 1, told)
        assert told.ids("book") == [10, 10, 10]
        keeper.stop()

    asyncio.run(run())
