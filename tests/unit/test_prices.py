"""Differences of prices, and prices as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedd.operation.show import amount, price, tick_line
from feedd.prices import difference, plain, without_noise

PRICES = st.integers(1, 10**15 - 1)


@pytest.mark.parametrize(
    ("ask", "bid", "spread"),
    [
        (61800.3, 61800.2, 0.1),
        (1.2349e-09, 1.2345e-09, 4e-13),
        (1.23452e-12, 1.23451e-12, 1e-17),
        (0.00000929, 0.00000928, 1e-8),
        (123456789.12, 123456789.11, 0.01),
        (100.0, 100.0, 0.0),
        (99.9, 100.0, -0.1),
        (-36.98, -37.0, 0.02),
    ],
)
def test_a_difference_has_the_digits_of_its_prices(ask: float, bid: float, spread: float) -> None:
    assert difference(ask, bid) == spread


@given(PRICES, PRICES, st.integers(0, 25))
def test_a_difference_of_prices_of_15_digits_is_exact(a: int, b: int, decimals: int) -> None:
    high, low = max(a, b), min(a, b)
    scale = f"e-{decimals}"
    found = difference(float(f"{high}{scale}"), float(f"{low}{scale}"))
    assert found == float(f"{high - low}{scale}")


def test_a_difference_of_prices_beyond_15_digits_is_not_0() -> None:
    assert difference(1.234567890123457, 1.2345678901234566) > 0


def test_a_computed_price_has_no_noise() -> None:
    assert without_noise(50123.45 * 0.99995) == 50120.9438275
    assert without_noise(1.2346e-09 * 0.99995) == 1.23453827e-09
    assert without_noise(0.0) == 0.0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (50123.45, "$50,123.45"),
        (50000.0, "$50,000.00"),
        (50123.456, "$50,123.456"),
        (1.5, "$1.5000"),
        (0.00000921, "$0.00000921"),
        (0.00000929, "$0.00000929"),
        (1.2345e-09, "$0.0000000012345"),
        (0.5, "$0.500000"),
        (7, "$7.0000"),
        (None, "N/A"),
    ],
)
def test_a_price_is_shown_with_all_its_digits(value: float | None, text: str) -> None:
    assert price(value) == text


@given(st.floats(1e-12, 1e12), st.floats(1e-12, 1e12))
def test_two_prices_read_alike_only_where_they_are_equal(a: float, b: float) -> None:
    assert (price(a) == price(b)) == (a == b)


def test_a_small_size_is_not_shown_as_0() -> None:
    assert amount(0.0004) == "0.0004"
    assert amount(12.5) == "12.500"


def test_bid_and_ask_of_a_small_price_differ_in_a_tickers_line() -> None:
    line = tick_line(
        1, {"symbol": "PEPE/USDT", "bid": 9.21e-06, "ask": 9.29e-06, "last": 9.25e-06, "volume": 1}
    )
    assert "Bid: $0.00000921 | Ask: $0.00000929" in line


def test_a_number_that_is_not_finite_is_written_as_it_is() -> None:
    assert plain(float("inf"), 2) == "inf"
