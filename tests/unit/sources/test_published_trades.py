"""Trades that are published once, across the first pages of new subscriptions."""

from __future__ import annotations

from typing import Any

from feedd.model import Trade
from feedd.sources.published_trades import KNOWN, PublishedTrades


def trade(id_: Any, timestamp: int, price: float = 1.0, size: float = 1.0) -> Trade:
    return Trade(
        symbol="S", timestamp=timestamp, price=price, size=size, side="buy", exchange="x",
        received_ns=1, id=id_,
    )  # fmt: skip


def ids(trades: list[Trade]) -> list[Any]:
    return [one.id for one in trades]


def times(trades: list[Trade]) -> list[Any]:
    return [one.timestamp for one in trades]


def test_a_page_is_published_oldest_first_and_once() -> None:
    published = PublishedTrades()
    page = [trade(n, 100 + n) for n in (3, 2, 1)]
    assert ids(published.new(page)) == [1, 2, 3]
    assert ids(published.new([trade(4, 104)])) == [4]
    published.reconnected()
    assert ids(published.new([trade(n, 100 + n) for n in (6, 5, 4, 3, 2)])) == [5, 6]


def test_a_page_of_one_time_is_turned_by_its_ids() -> None:
    assert ids(PublishedTrades().new([trade(n, 100) for n in (3, 2, 1)])) == [1, 2, 3]


def test_ids_are_remembered_within_bounds() -> None:
    published = PublishedTrades()
    for n in range(KNOWN + 10):
        published.new([trade(f"t{n}", n)])
    assert len(published._known) == len(published._ids) == KNOWN
    assert published.new([trade("t20", 20)]) == []


def test_a_trade_doubled_on_one_connection_is_published_once() -> None:
    published = PublishedTrades()
    assert ids(published.new([trade("a", 1)])) == ["a"]
    assert published.new([trade("a", 1)]) == []


def test_two_trades_with_one_id_that_is_not_a_trades_are_both_published() -> None:
    """An id may be that of an order, which several trades fill."""
    published = PublishedTrades()
    assert len(published.new([trade("a", 1, price=1.0), trade("a", 1, price=1.1)])) == 2


def test_without_ids_equal_trades_are_published_and_a_page_is_matched_one_by_one() -> None:
    published = PublishedTrades()
    assert times(published.new([trade(None, 1), trade(None, 2), trade(None, 2)])) == [1, 2, 2]
    assert times(published.new([trade(None, 2)])) == [2]  # another one with the same content
    published.reconnected()
    page = [trade(None, n) for n in (3, 2, 2, 2, 2, 1)]
    assert times(published.new(page)) == [2, 3]  # one of 2 was lost meanwhile
    assert times(published.new([trade(None, 3)])) == [3]  # not of the earlier connection


def test_without_ids_nothing_newer_than_the_earlier_connection_is_matched() -> None:
    published = PublishedTrades()
    published.new([trade(None, 5)])
    published.reconnected()
    assert times(published.new([trade(None, 6)])) == [6]
    assert times(published.new([trade(None, 6)])) == [6]


def test_without_ids_a_page_behind_a_newer_trade_is_matched_one_by_one() -> None:
    published = PublishedTrades()
    published.new([trade(None, 4), trade(None, 5)])
    published.reconnected()
    assert times(published.new([trade(None, 6)])) == [6]
    assert times(published.new([trade(None, 5), trade(None, 5), trade(None, 4)])) == [5]
