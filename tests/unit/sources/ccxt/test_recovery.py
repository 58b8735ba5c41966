"""One channel's failures, pauses and doubts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from feedd.sources.ccxt import recovery as recoveries
from feedd.sources.ccxt.recovery import Failure, Recovery

PASSES = Failure("refused", alone=True, passes=True)


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recoveries, "DOUBT_S", 0.05)
    monkeypatch.setattr(recoveries, "SETTLED_S", 0.05)


def run(channel: str, act: Callable[[Recovery, list[Any]], Coroutine[Any, Any, None]]) -> None:
    async def acting() -> None:
        told: list[Any] = []
        recovery = Recovery(channel, told.append, lambda *again: told.append(again))
        await act(recovery, told)
        assert not recovery.watchful
        recovery.forget()

    asyncio.run(acting())


def test_a_channel_that_is_live_once_subscribed_is_reported_when_it_was_not_refused() -> None:
    async def act(recovery: Recovery, told: list[Any]) -> None:
        recovery.subscribed()
        assert (told, recovery.watchful) == ([], True)
        recovery.forget()  # refused
        await asyncio.sleep(0.1)
        assert told == []
        recovery.subscribed()
        await asyncio.sleep(0.1)
        assert told == ["trade"]
        recovery.subscribed()
        recovery.trust()
        assert told == ["trade", "trade"]

    run("trade", act)


def test_another_channel_is_reported_at_once() -> None:
    async def act(recovery: Recovery, told: list[Any]) -> None:
        recovery.subscribed()
        assert told == ["quote"]

    run("quote", act)


def test_a_channel_in_doubt_begins_again_unless_data_follows() -> None:
    async def act(recovery: Recovery, told: list[Any]) -> None:
        recovery.doubt("unreadable")
        recovery.trust()
        await asyncio.sleep(0.1)
        assert told == []
        recovery.doubt("one")
        recovery.doubt("two")
        await asyncio.sleep(0.1)
        assert told == [("quote", "one")]

    run("quote", act)


def test_a_failure_that_passes_ends_with_data_or_with_the_next_failure() -> None:
    async def act(recovery: Recovery, told: list[Any]) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(0.02, recovery.trust)
        assert await recovery.recovers(PASSES, may_have_data=True)
        assert told == ["quote"]
        loop.call_later(0.02, recovery.failed, Failure("the connection is lost"))
        assert await recovery.recovers(PASSES, may_have_data=True)
        assert (await recovery.subscribing(again=True)).reason == "the connection is lost"
        recovery.dealt_with()
        assert not await recovery.recovers(PASSES, may_have_data=True)  # nothing came
        assert told == ["quote"]

    run("quote", act)


def test_nothing_of_a_channel_counts_whose_state_in_ccxt_is_wrong() -> None:
    async def act(recovery: Recovery, _told: list[Any]) -> None:
        failed = recovery.subscribing(again=False)
        recovery.failed(Failure("the book is crossed", alone=True))
        recovery.failed(Failure("and again", alone=True))
        assert (await failed).reason == "the book is crossed"
        assert recovery.suspended
        recovery.subscribing(again=False)
        assert not recovery.suspended

    run("book", act)
