"""The loop of a feed asks for the exchange's word for its symbol, as long as that may change."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from feedd.clock import Clock
from feedd.feed import loop as loop_module
from feedd.feed.loop import FeedLoop
from feedd.feed.ticker import TickerMaker
from feedd.model import Quote
from feedd.sources.base import Backoff


class Listed:
    """A source that knows the exchange's word, and a publisher of its feed."""

    self_checked: frozenset[str] = frozenset()
    checked: dict[str, str] = {}  # noqa: RUF012
    quote_from = None

    def __init__(self, *words: str | None) -> None:
        self.words = list(words)
        self.asked = 0

    async def check_listing(self) -> str | None:
        self.asked += 1
        return self.words.pop(0) if len(self.words) > 1 else self.words[0]

    def renew(self, *_: Any) -> None:
        raise AssertionError("a channel that flows is not subscribed to again")

    def publish(self, *_: Any) -> None:
        pass


@pytest.mark.parametrize(
    ("word", "asked"), [("PENDING_TRADING", 2), (None, 0)], ids=["not traded", "traded"]
)
def test_while_data_flows_only_a_symbol_that_was_not_traded_is_asked_about(
    word: str | None, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_module, "LISTING_EVERY_S", 0.001)
    source: Any = Listed("PENDING_TRADING", None)

    async def run() -> FeedLoop:
        feed = FeedLoop(
            exchange="x", symbol="A/B", session_number=1, channels=["quote"], source=source,
            source_channels=("quote",), publisher=source, endpoint="", proxies=[],
            ticker_maker=TickerMaker("none", 0), backoff=Backoff(), clock=Clock(),
            usage=lambda: (0.0, 0.0),
        )  # fmt: skip
        feed._core.listed(word)
        feed._core.subscribed("quote")
        feed._core.event(Quote("A/B", 1, 1.0, 1.0, 2.0, 1.0, "x", 1))
        feed._core.overdue(lambda _: None)
        assert not feed._core.session.receives_nothing
        following = asyncio.ensure_future(feed._follow_listing())
        async with asyncio.timeout(20):
            while source.asked < asked:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)  # in which it could ask once more
        following.cancel()
        return feed

    feed = asyncio.run(run())
    assert feed._core.session.listing is None
    assert source.asked == asked
