"""Candles of the gateway."""

from __future__ import annotations

import pytest
from gateway_events import AT_MS, FEED, MINUTE_MS, candle, quote, status, ticker, trade

from feedd.gateway.candles import KEPT, Candles


def taken(*events: object) -> Candles:
    candles = Candles()
    for event in events:
        candles.message(f"{event.channel}.{FEED}", event, 0.0)
    return candles


def rows(candles: Candles, limit: int = 10) -> list[tuple[object, ...]]:
    page = candles.of(FEED, limit)
    assert page is not None
    return page.candles


@pytest.mark.parametrize(
    ("published", "made_from"),
    [
        (("ticker", "quote", "trade", "candle"), "candle"),
        (("ticker", "quote", "trade", "book"), "trade"),
        (("ticker", "quote", "mark"), "quote"),
        (("ticker",), "ticker"),
    ],
)
def test_the_best_published_channel_makes_the_candles(
    published: tuple[str, ...], made_from: str
) -> None:
    page = taken(status(AT_MS, *published)).of(FEED, 10)
    assert page is not None
    assert (page.made_from, page.candles) == (made_from, [])


def test_a_feed_without_prices_has_no_candles() -> None:
    assert taken(status(AT_MS, "book")).of(FEED, 10) is None
    assert Candles().of(FEED, 10) is None


def test_trades_of_a_minute_are_one_candle_with_their_volume() -> None:
    candles = taken(
        status(AT_MS, "trade"), trade(AT_MS, 10.0, 1.0), trade(AT_MS + 1, 12.0, 0.5),
        trade(AT_MS + 2, 9.0, 0.1), trade(AT_MS + 59_999, 11.0, 0.2),
        trade(AT_MS + MINUTE_MS, 11.5, 2.0),
    )  # fmt: skip
    assert rows(candles) == [
        (AT_MS, 10.0, 12.0, 9.0, 11.0, 1.8), (AT_MS + MINUTE_MS, 11.5, 11.5, 11.5, 11.5, 2.0),
    ]  # fmt: skip


def test_a_late_trade_widens_its_own_candle_and_not_the_close() -> None:
    candles = taken(
        status(AT_MS, "trade"), trade(AT_MS, 10.0), trade(AT_MS + MINUTE_MS, 20.0),
        trade(AT_MS + 5, 30.0), trade(AT_MS - 1, 1.0),
    )  # fmt: skip
    assert [row[:5] for row in rows(candles)] == [
        (AT_MS, 10.0, 30.0, 10.0, 10.0), (AT_MS + MINUTE_MS, 20.0, 20.0, 20.0, 20.0),
    ]  # fmt: skip


def test_candles_of_quotes_are_of_the_middle_without_a_volume() -> None:
    candles = taken(
        status(AT_MS, "quote"), quote(AT_MS, 0.1, 0.2), quote(AT_MS, None, 5.0),
        quote(AT_MS + 1, 0.3, 0.3),
    )  # fmt: skip
    assert rows(candles) == [(AT_MS, 0.15, 0.3, 0.15, 0.3, None)]


def test_an_event_without_the_exchanges_time_counts_at_its_arrival() -> None:
    candles = taken(status(AT_MS, "ticker"), ticker(AT_MS + 7, 4.0, timestamp=None))
    assert rows(candles) == [(AT_MS, 4.0, 4.0, 4.0, 4.0, None)]


def test_the_exchanges_candle_replaces_the_one_of_its_time() -> None:
    candles = taken(
        status(AT_MS, "candle"), candle(AT_MS, 2.0), candle(AT_MS + MINUTE_MS, 3.0),
        candle(AT_MS, 2.5), candle(AT_MS + MINUTE_MS, 4.0, open=None),
    )  # fmt: skip
    assert [row[4] for row in rows(candles)] == [2.5, 3.0]


def test_another_timeframe_begins_the_series_again() -> None:
    candles = taken(status(AT_MS, "candle"), candle(AT_MS, 2.0), candle(AT_MS, 3.0, "5m"))
    page = candles.of(FEED, 10)
    assert page is not None
    assert page.timeframe == "5m"
    assert [row[4] for row in page.candles] == [3.0]


def test_a_better_channel_that_is_published_later_takes_over() -> None:
    candles = taken(
        status(AT_MS, "quote"), quote(AT_MS, 1.0, 1.0), status(AT_MS, "quote", "trade"),
        quote(AT_MS, 2.0, 2.0), trade(AT_MS, 3.0),
    )  # fmt: skip
    assert [row[1] for row in rows(candles)] == [3.0]


def test_only_the_newest_candles_are_kept() -> None:
    count = KEPT + 3
    candles = taken(
        status(AT_MS, "trade"), *(trade(AT_MS + n * MINUTE_MS, float(n)) for n in range(count))
    )
    assert len(rows(candles, 10 * KEPT)) == KEPT
    assert [row[1] for row in rows(candles, 2)] == [count - 2.0, count - 1.0]
