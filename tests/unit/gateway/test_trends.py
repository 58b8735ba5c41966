"""Trends of the gateway."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from gateway_events import AT_MS, EXCHANGE, FEED, SYMBOL, book, quote, status, ticker, trade

from feedd.gateway.market import Market
from feedd.gateway.trends import KEPT, STEP_S, Trends, last_price
from feedd.model import Latency


class Feed:
    """Market and trends of one feed, and their clock."""

    def __init__(self) -> None:
        self.market, self.trends, self.now_s = Market(), Trends(), 0.0

    def take(self, event: Any) -> None:
        self.market.add(event, self.now_s)
        self.trends.message(f"{event.channel}.{FEED}", event, self.now_s)

    def step(self) -> None:
        self.now_s += STEP_S
        self.trends.sample(self.market, self.now_s, AT_MS + int(self.now_s * 1000))

    def series(self, limit: int = KEPT) -> dict[str, Any]:
        return msgspec.to_builtins(self.trends.of(FEED, limit))

    def status(self, **changes: Any) -> None:
        """Take a status that has just been published."""
        self.now_s += STEP_S - 1
        at_ms = AT_MS + int(self.now_s * 1000)
        self.take(status(at_ms, "trade", **changes))
        self.now_s -= STEP_S - 1


def test_a_sample_has_the_last_price_and_the_latencies_of_the_statuses_since_the_one_before() -> (
    None
):
    feed = Feed()
    feed.take(trade(AT_MS, 10.0))
    for p50, p99 in ((10.0, 90.0), (30.0, 70.0), (20.0, 80.0)):
        feed.status(latency_us=Latency(p50, p99, p99))
    feed.step()
    assert feed.series() == {
        "end_ms": AT_MS + STEP_S * 1000, "last": [10.0], "p50_us": [20.0], "p99_us": [90.0],
        "messages_per_s": [10.0],
    }  # fmt: skip


def test_the_rate_counts_the_messages_between_two_samples() -> None:
    feed = Feed()
    for messages in (100, 150, 400):
        feed.status(messages=messages)
        feed.step()
    assert feed.series()["messages_per_s"][1:] == [10.0, 50.0]


def test_a_restart_does_not_make_a_negative_rate() -> None:
    feed = Feed()
    feed.status(messages=1000)
    feed.step()
    feed.status(messages=3, session=8, messages_per_s=0.6)
    feed.step()
    assert feed.series()["messages_per_s"][1] == 0.6


def test_a_feed_that_is_silent_has_null_and_not_its_old_price() -> None:
    feed = Feed()
    feed.take(trade(AT_MS, 10.0))
    feed.status()
    feed.step()
    feed.step()
    series = feed.series()
    assert series["last"] == [10.0, None]
    assert series["p99_us"][1] is series["messages_per_s"][1] is None


@pytest.mark.parametrize("state", ["stale", "reconnecting", "resync", "stopped"])
def test_a_feed_that_is_not_live_has_no_price(state: str) -> None:
    feed = Feed()
    feed.take(trade(AT_MS, 10.0))
    feed.status(state=state)
    feed.step()
    assert feed.series()["last"] == [None]


def test_only_the_newest_samples_are_kept_and_shown() -> None:
    feed = Feed()
    for number in range(KEPT + 5):
        feed.take(trade(AT_MS, float(number)))
        feed.status()
        feed.step()
    assert len(feed.series()["last"]) == KEPT
    assert feed.series(2)["last"] == [KEPT + 3.0, KEPT + 4.0]


def test_a_feed_without_a_value_for_an_hour_is_dropped() -> None:
    feed = Feed()
    feed.status()
    for _ in range(KEPT):
        feed.step()
    assert feed.trends.feeds() == [FEED]
    feed.step()
    assert feed.trends.feeds() == []


def test_one_series_can_be_asked_for() -> None:
    feed = Feed()
    feed.status()
    feed.step()
    assert set(msgspec.to_builtins(feed.trends.of(FEED, 1, ["last"]))) == {"end_ms", "last"}


def test_a_feed_without_a_sample_has_no_series() -> None:
    feed = Feed()
    feed.status()
    assert feed.trends.of(FEED, 1) is None


def test_the_last_price_is_that_of_the_best_channel_that_has_one() -> None:
    market = Market()
    assert last_price(market, EXCHANGE, SYMBOL) is None
    for event, price in (
        (book(AT_MS), 100.0), (quote(AT_MS, 1.0, 3.0), 2.0), (ticker(AT_MS, None), 2.0),
        (ticker(AT_MS, 5.0), 5.0), (trade(AT_MS, 6.0), 6.0),
    ):  # fmt: skip
        market.add(event, 0.0)
        assert last_price(market, EXCHANGE, SYMBOL) == price
