"""Query parameters, and the feeds that they name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from multidict import MultiDict

from feedd.gateway.feeds import FeedName, Feeds
from feedd.gateway.queries import FEED, Query
from feedd.gateway.responses import ApiError

BTC = FeedName("binanceusdm", "BTC/USDT:USDT")
SPOT = FeedName("binance", "ETH/USDT")
FEEDS = Feeds([BTC, ("binanceusdm", "ETH/USDT:USDT"), SPOT])
MANY = Feeds(
    [("binanceusdm", f"{base}/USDT:USDT") for base in ("BTC", "ETH", "SOL", "XRP", "ADA", "BNB")]
)
ALLOWED = (*FEED, "limit", "channel", "ints")


def query(*given: tuple[str, str]) -> Query:
    return Query(MultiDict(given), ALLOWED)


@pytest.mark.parametrize(
    "given",
    [
        (("feed", "binanceusdm.BTC/USDT:USDT."),),
        (("feed", "binanceusdm.BTC/USDT:USDT"),),
        (("feed", "feed-binanceusdm-BTC-USDT-USDT"),),
        (("symbol", "BTC/USDT:USDT"),),
        (("symbol", "BTCUSDT"),),
        (("symbol", "btcusdt"),),
        (("symbol", "BTC/USDT"), ("exchange", "binanceusdm")),
    ],
)
def test_a_feed_has_several_names(given: tuple[tuple[str, str], ...]) -> None:
    assert query(*given).one_feed(FEEDS) == BTC


def test_the_exchange_chooses_between_feeds_of_one_symbol() -> None:
    assert query(("symbol", "ETHUSDT"), ("exchange", "binance")).feed(FEEDS) == SPOT
    assert query(("symbol", "ETH/USDT"), ("exchange", "binance")).feed(FEEDS) == SPOT


@pytest.mark.parametrize(
    ("given", "status", "error", "remedy"),
    [
        ([("feed", "x")], 404, "there is no feed 'x'", "the feeds are binance.ETH"),
        ([("symbol", "DOGE")], 404, "there is no symbol 'DOGE'", "the feeds are "),
        ([("symbol", "BTC/USDT"), ("exchange", "okx")], 404, "of exchange 'okx'", "the feeds are "),
        (
            [("symbol", "ETHUSDT")], 400, "symbol 'ETHUSDT' is several feeds",
            "write feed= with one of binance.ETH/USDT., binanceusdm.ETH/USDT:USDT.",
        ),
        ([("feed", "x"), ("symbol", "y")], 400, "feed and symbol are both", "write only feed="),
        ([("exchange", "binance")], 400, "exchange is given without symbol", "add symbol="),
        ([], 400, "no feed is given", "add feed=<exchange>.<symbol>. or symbol=<symbol>"),
        ([("feed", "")], 400, "feed is empty", "write a value after feed="),
        ([("feed", "x"), ("feed", "y")], 400, "feed is given more than once", "write feed=… once"),
        ([("limt", "3")], 400, "there is no parameter 'limt'", "is it limit?"),
        ([("zzz", "3")], 400, "there is no parameter 'zzz'", "the parameters are feed, symb"),
    ],
)  # fmt: skip
def test_a_fault_of_the_feed_is_named_with_its_remedy(
    given: list[tuple[str, str]], status: int, error: str, remedy: str
) -> None:
    found = refused(lambda: query(*given).one_feed(FEEDS))
    assert found.status == status
    assert error in found.error
    assert found.remedy.startswith(remedy)


def test_of_many_feeds_the_near_ones_are_named() -> None:
    assert refused(lambda: MANY.of_symbol("BTX/USDT:USDT", None)).remedy.startswith(
        "is it binanceusdm.BTC/USDT:USDT."
    )
    assert "lists all 6 feeds" in refused(lambda: MANY.named("nothing like it")).remedy


def test_without_feeds_the_remedy_does_not_list_any() -> None:
    assert refused(lambda: Feeds([]).named("x")).remedy.startswith("no feed is configured")


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("0", "limit=0 is below the bound"),
        ("501", "limit=501 is above the bound"),
        ("9" * 19, f"limit={'9' * 19} is above the bound"),
        ("9" * 40, "is not a whole number from 1 to 500"),
        ("-1", "limit=-1 is not a whole number from 1 to 500"),
        ("1.5", "is not a whole number"),
        ("²", "is not a whole number"),
        ("x" * 5000, "is not a whole number"),
    ],
)
def test_a_number_out_of_its_bounds_is_refused(value: str, error: str) -> None:
    found = refused(lambda: query(("limit", value)).limit(100, 500))
    assert (found.status, error in found.error, bool(found.remedy)) == (400, True, True)
    assert len(found.error) < 250


def test_a_limit_is_read_or_the_default() -> None:
    assert query(("limit", "500")).limit(100, 500) == 500
    assert query().limit(100, 500) == 100


def test_a_misspelled_channel_is_named_with_the_near_one() -> None:
    found = refused(lambda: query(("channel", "Trades")).channel())
    assert (found.error, found.remedy) == ("there is no channel 'Trades'", "is it trade?")
    assert query(("channel", "trade")).channel() == "trade"


def test_integers_are_text_on_request() -> None:
    assert query(("ints", "string")).integers_as_text()
    assert not query(("ints", "number")).integers_as_text()
    assert not query().integers_as_text()
    assert "string, number" in refused(lambda: query(("ints", "x")).integers_as_text()).remedy


def refused(call: Callable[[], Any]) -> ApiError:
    with pytest.raises(ApiError) as caught:
        call()
    return caught.value
