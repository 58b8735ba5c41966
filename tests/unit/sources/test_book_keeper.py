"""The keeper of a book: what it tells when connections and updates are lost."""

import asyncio
from typing import Any

from feedd.books.diff import DiffBook
from feedd.sources.book_keeper import BookKeeper
from tests.integration.test_ccxt_source import Told


def update(before: int, last: int) -> dict[str, Any]:
    return {"E": last, "U": before + 1, "u": last, "pu": before, "b": [["9", "1"]], "a": []}


def test_a_hole_right_after_a_reconnect_does_not_hide_the_reconnects() -> None:
    async def run() -> None:
        told = Told()
        newest = 0

        async def renew() -> Any:
            return {"lastUpdateId": newest, "bids": [["9", "1"]], "asks": [["10", "1"]]}

        keeper = BookKeeper("x", "S", DiffBook(5), 5, renew)
        for before, newest in ((1, 2), (2, 3)):
            keeper.on_message(update(before, newest), 1, told)
            await asyncio.sleep(0.01)
        assert told.ids("book") == [2, 3]
        keeper.lost("code 1006")
        await asyncio.sleep(0)
        keeper.on_message(update(50, 51), 1, told)
        keeper.on_message(update(60, 61), 1, told)
        newest = 61
        ((channel, from_id, to_id, reason),) = told.holes
        assert (channel, from_id, to_id) == ("book", 3, 61)
        assert reason.startswith("reconnect after: code 1006; ")
        keeper.stop()

    asyncio.run(run())
