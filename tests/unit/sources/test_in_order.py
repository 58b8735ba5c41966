"""Overtaken events."""

from __future__ import annotations

from typing import Any

from feedd.model import Quote
from feedd.sources.in_order import BEHIND_AT_MOST, InOrder


def quote(id_: int) -> Quote:
    return Quote(
        symbol="S", timestamp=id_, bid=1.0, bid_size=1.0, ask=2.0, ask_size=1.0, exchange="x",
        received_ns=1, id=id_,
    )  # fmt: skip


def in_order(**grows: str) -> tuple[InOrder, list[Any]]:
    fallen: list[Any] = []
    return InOrder(grows, lambda *keys: fallen.append(keys)), fallen


def test_of_two_swapped_events_the_older_one_is_overtaken() -> None:
    order, fallen = in_order(quote="id")
    assert [order.overtaken(quote(n)) for n in (1, 3, 2, 3, 4)] == [
        False, False, True, False, False,
    ]  # fmt: skip
    assert fallen == []


def test_ids_that_go_back_for_good_are_followed_and_reported() -> None:
    order, fallen = in_order(quote="id")
    order.overtaken(quote(100))
    passed = [order.overtaken(quote(n)) for n in range(1, BEHIND_AT_MOST + 3)]
    assert passed == [True] * (BEHIND_AT_MOST - 1) + [False] * 3
    assert fallen == [("quote", 100, BEHIND_AT_MOST)]


def test_late_events_that_do_not_rise_show_no_restart() -> None:
    order, fallen = in_order(quote="id")
    order.overtaken(quote(100))
    assert all(order.overtaken(quote(99 - n)) for n in range(20))
    assert fallen == []


def test_a_new_subscription_may_begin_with_smaller_ids() -> None:
    order, _ = in_order(quote="id")
    order.overtaken(quote(100))
    order.begin("quote")
    assert not order.overtaken(quote(1))
