"""Latest messages of the gateway."""

from __future__ import annotations

import pytest
from gateway_events import AT_MS, EXCHANGE, FEED, SYMBOL, quote, status, trade

from feedd.gateway import market as market_module
from feedd.gateway.market import Market


def test_the_last_message_of_a_topic_is_kept_with_its_arrival() -> None:
    market = Market()
    market.add(trade(AT_MS, 1.0), 1.0)
    assert market.add(trade(AT_MS, 2.0), 2.0) == f"trade.{FEED}"
    latest = market.last("trade", EXCHANGE, SYMBOL)
    assert latest is not None
    assert (latest.event.price, latest.arrived_s) == (2.0, 2.0)  # type: ignore[union-attr]
    assert market.last("quote", EXCHANGE, SYMBOL) is None


def test_statuses_are_those_of_each_feed() -> None:
    market = Market()
    for event in (
        status(AT_MS),
        status(AT_MS, seq=2),
        quote(AT_MS, 1.0, 2.0),
        status(AT_MS, symbol="X"),
    ):
        market.add(event, 1.0)
    assert sorted((one.event.symbol, one.event.seq) for one in market.statuses()) == [
        (SYMBOL, 2), ("X", 1),
    ]  # fmt: skip


def test_topics_beyond_the_limit_are_counted_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(market_module, "MAX_TOPICS", 1)
    market = Market()
    for symbol in ("A", "B", "A"):
        market.add(trade(AT_MS, 1.0, symbol=symbol), 1.0)
    assert list(market.topics) == [f"trade.{EXCHANGE}.A."]
    assert market.refused == 1
