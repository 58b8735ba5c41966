"""Weights, 429s and bans, on a clock of numbers."""

import pytest

from feedd.embedded.rate_limits import BAN_AFTER, Weights
from feedd.venues.binance.weights import SPOT, weight


@pytest.mark.parametrize(
    ("page", "query", "cost"),
    [
        ("exchangeInfo", {}, 1),
        ("depth", {"limit": "50"}, 2),
        ("depth", {"limit": "100"}, 5),
        ("depth", {}, 10),
        ("depth", {"limit": "1000"}, 20),
        ("klines", {"limit": "99"}, 1),
        ("klines", {"limit": "100"}, 2),
        ("klines", {"limit": "1500"}, 10),
        ("ticker/24hr", {"symbol": "BTCUSDT"}, 1),
        ("ticker/24hr", {}, 40),
        ("premiumIndex", {}, 10),
        ("aggTrades", {}, 20),
        ("account", {}, 5),
    ],
)
def test_a_request_costs_binances_documented_weight(
    page: str, query: dict[str, str], cost: int
) -> None:
    assert weight(page, query) == cost


def test_the_weight_is_counted_per_address_and_minute() -> None:
    weights = Weights(limit=100)
    assert weights.take("a", 60, 0.0).used == 60
    assert weights.take("b", 60, 1.0).used == 60
    assert weights.take("a", 40, 59.0) == (200, 100, 0)
    assert weights.take("a", 1, 60.0) == (200, 1, 0)


def test_too_much_is_429_until_the_minute_ends() -> None:
    weights = Weights(limit=100)
    weights.take("a", 100, 10.0)
    assert weights.take("a", 1, 15.0) == (429, 101, 46)
    assert weights.take("a", 1, 61.0).status == 200


def test_going_on_after_429_is_a_ban_that_outlasts_the_minute() -> None:
    weights = Weights(limit=1)
    weights.take("a", 1, 0.0)
    statuses = [weights.take("a", 1, 1.0).status for _ in range(BAN_AFTER + 1)]
    assert statuses == [429] * BAN_AFTER + [418]
    assert weights.take("a", 1, 100.0).status == 418
    assert weights.take("a", 1, 122.0).status == 200


@pytest.mark.parametrize(
    ("page", "query", "cost"),
    [
        ("depth", {}, 5),
        ("depth", {"limit": "1000"}, 50),
        ("depth", {"limit": "5000"}, 250),
        ("exchangeInfo", {}, 20),
        ("ticker/24hr", {}, 80),
    ],
)
def test_spot_has_costs_of_its_own(page: str, query: dict[str, str], cost: int) -> None:
    assert weight(page, query, SPOT) == cost
