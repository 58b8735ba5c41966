"""Missed trades of a venue without a page of them: its stream begins with the newest ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from recorded_callbacks import RecordedCallbacks

from feedd.model import Trade
from feedd.sources.ccxt.error_translation import Translator
from feedd.sources.ccxt.recovery_requests import RecoveryRequests
from feedd.sources.trade_keeper import TradeKeeper
from feedd.venues.krakenfutures.venue import VENUE

REQUEST = {"event": "subscribe", "feed": "trade", "product_ids": ["PI_XBTUSD"]}


def trade(number: int) -> Trade:
    return Trade("BTC/USD:BTC", number, 1.0, 1.0, "buy", "krakenfutures", 5, id=f"uid-{number}")


def test_a_gap_is_filled_by_the_first_page_of_a_renewed_subscription() -> None:
    async def run() -> None:
        told, sent = RecordedCallbacks(), []

        async def resubscribe(channel: str, messages: Callable[..., Any]) -> bool:
            sent.extend([channel, *messages(REQUEST, lambda: 1)])
            for number in range(1, 6):  # the page: the last trades, those published too
                keeper.take(number, trade(number), told)
            return True

        tap: Any = SimpleNamespace(resubscribe=resubscribe)
        requests = RecoveryRequests(
            SimpleNamespace(), "krakenfutures", "BTC/USD:BTC", VENUE,
            Translator("krakenfutures", "BTC/USD:BTC", ("trade",), with_key=False),
            book_depth=20, with_key=False,
        )  # fmt: skip
        keeper = TradeKeeper(lambda gap: requests.fetch_trades(gap, tap))
        for number in (1, 2, 5):
            keeper.take(number, trade(number), told)
        async with asyncio.timeout(10):
            while len(told.ids("trade")) < 5:
                await asyncio.sleep(0.01)
        keeper.finish(told, "the test ends")
        assert told.ids("trade") == [f"uid-{number}" for number in range(1, 6)]
        assert told.holes == []
        assert sent == ["trade", {**REQUEST, "event": "unsubscribe"}, REQUEST]

    asyncio.run(run())
