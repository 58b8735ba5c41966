"""Rows of `feedd top`: what is current, their order, the filter, and the columns that fit."""

from __future__ import annotations

import pytest
from top_samples import NOW_S, channel, feed, process, rows

from feedd.health.report import ProcessHealth, Report
from feedd.operation.top.columns import BY_KEY, place, price_cell, text_of, title_of
from feedd.operation.top.order import Order
from feedd.operation.top.rows import filtered, make_rows
from feedd.operation.top.trends import Trends, sparkline

BTC, ETH, SOL = feed("BTC/USDT"), feed("ETH/USDT", "stale", "no quote for 9 s"), feed("SOL/USDT")
PROXY = process("proxy")


def labels(shown: list) -> list[str]:
    return [row.label for row in shown]


def test_feeds_come_before_the_other_processes() -> None:
    assert labels(rows(PROXY, BTC)) == ["BTC/USDT", "proxy"]


def test_unwell_ones_come_first_and_a_dead_process_before_a_starting_one() -> None:
    starting = feed("XRP/USDT", "starting")
    dead = process("recorder", process="FATAL")
    shown = Order().rows(rows(BTC, starting, ETH, PROXY, dead))
    assert labels(shown) == ["ETH/USDT", "recorder", "XRP/USDT", "BTC/USDT", "proxy"]


def test_a_number_sorts_its_highest_first_and_what_has_none_is_last_both_ways() -> None:
    shown = rows(BTC, SOL, PROXY, BTC=61_000.0, SOL=150.0)
    order = Order().chosen("last")
    assert labels(order.rows(shown)) == ["BTC/USDT", "SOL/USDT", "proxy"]
    assert labels(order.chosen("last").rows(shown)) == ["SOL/USDT", "BTC/USDT", "proxy"]


def test_a_trend_is_nothing_to_sort_by() -> None:
    assert Order().chosen("price_trend") == Order()


def test_the_column_beside_is_the_next_shown_one_and_wraps_around() -> None:
    shown = {"name", "state", "price_trend", "gaps"}
    assert Order("state").beside(1, shown).key == "gaps"
    assert Order("gaps").beside(1, shown).key == "name"
    assert Order("name").beside(-1, shown).key == "gaps"
    assert Order("pid").beside(1, shown).key == "name"


@pytest.mark.parametrize(
    ("text", "left"),
    [("btc", ["BTC/USDT"]), ("usdt !sol", ["BTC/USDT", "ETH/USDT"]), ("no QUOTE", ["ETH/USDT"]),
     ("live binance", ["BTC/USDT", "SOL/USDT"]), ("!", ["BTC/USDT", "ETH/USDT", "SOL/USDT"]),
     ("nope", [])],
)  # fmt: skip
def test_a_filter_takes_every_word_in_any_case(text: str, left: list[str]) -> None:
    assert labels(filtered(rows(BTC, ETH, SOL), text)) == left


def test_the_price_of_a_live_feed_is_current() -> None:
    [row] = rows(BTC, BTC=61_796.8)
    assert price_cell(row, row.price.last) == ("61,796.80", "")


@pytest.mark.parametrize(
    ("one", "ages"),
    [
        (feed("BTC/USDT", "stale"), {}),
        (feed("BTC/USDT", "reconnecting"), {}),
        (feed("BTC/USDT", "down", process="EXITED", channels={}), {}),
        (BTC, {"price_age_s": 8.0}),  # 5 s of silence are usual, and 2 s for the way
        (BTC, {"report_age_s": 7.0}),  # supervisord hangs
    ],
)
def test_the_price_of_any_other_feed_is_marked_and_has_its_age(
    one: ProcessHealth, ages: dict[str, float]
) -> None:
    [row] = rows(one, BTC=61_796.8, **ages)
    assert price_cell(row, row.price.last) == ("(61,796.80)", "dim")
    assert row.age_s is not None
    assert {placed.column.key for placed in place([row], 60)} >= {"last", "age", "state"}


def test_a_feed_without_a_status_has_its_symbol_from_the_configuration() -> None:
    silent = feed("BTC/USDT", "silent", status=None, channels={})
    [row] = make_rows(Report((silent,)), {silent.name: "BTC/USDT"}, {}, NOW_S, NOW_S)
    assert row.label == "BTC/USDT"
    assert row.messages_per_s is None


def test_the_rate_leaves_out_channels_that_are_not_published() -> None:
    channels = {"ticker": channel(), "quote": channel(published=False)}
    [row] = rows(feed("BTC/USDT", channels=channels))
    assert row.messages_per_s == 10.0


@pytest.mark.parametrize("width", [30, 60, 79, 100, 120, 160, 240])
def test_the_columns_fit_into_any_width(width: int) -> None:
    shown = rows(BTC, ETH, PROXY, BTC=61_796.8)
    placed = place(shown, width)
    for row in shown:
        cells = [text_of(one.column.cell(row, one.width), one) for one in placed]
        assert len("".join(cells)) <= width
    assert len("".join(title_of(one, "state", reverse=True) for one in placed)) <= width


def test_a_wider_terminal_has_more_columns_and_the_reason_takes_the_rest() -> None:
    shown = rows(BTC, ETH)
    counts = [len(place(shown, width)) for width in (40, 80, 120, 200)]
    assert counts == sorted(set(counts))
    wide = place(shown, 300)
    assert wide[-1].column.key == "why"
    assert sum(one.width + 1 for one in wide) == 300


def test_feeds_of_several_exchanges_have_the_exchange_first() -> None:
    other = feed("BTC/USDT", exchange="bybit")
    assert "exchange" not in {one.column.key for one in place(rows(BTC, SOL), 60)}
    assert "exchange" in {one.column.key for one in place(rows(BTC, other), 60)}


def test_control_characters_in_foreign_text_are_escaped() -> None:
    [row] = rows(feed("B\x1b[31m/USDT", "stale", "bad\nline\x07"))
    for column in BY_KEY.values():
        assert column.cell(row, 20).text.isprintable()


def test_a_sparkline_has_the_lowest_and_the_highest_level_and_spaces_where_unknown() -> None:
    assert sparkline([1.0, None, 2.0], 5) == "  ▁ █"
    assert sparkline([5.0, 5.0], 2) == "▄▄"
    assert sparkline([9.0, 10.0], 2, floor=0.0) == "██"
    assert sparkline([], 3) == "   "
    assert sparkline(list(map(float, range(100))), 8) == "▁▂▃▄▅▆▇█"


def test_trends_are_bounded_and_forget_feeds_that_are_gone() -> None:
    trends = Trends(samples=3)
    for price in range(5):
        trends.add("a", float(price), None)
    assert list(trends.prices["a"]) == [2.0, 3.0, 4.0]
    trends.keep(())
    assert not trends.prices
    assert not trends.rates
