"""How the channels of a market are checked, and what is printed of those that are not."""

from __future__ import annotations

from typing import Any

import pytest

from feedd.sources.ccxt.exchange_class import has
from feedd.sources.ccxt.plan import carrier_of
from feedd.venues.checks import checks, quote_origin, unchecked_notice
from feedd.venues.contract import RawChannel, Venue
from feedd.venues.native import native_market
from feedd.venues.registry import FOLDER_OF, NATIVE, venue

SYMBOLS = ("BTC/USDT", "BTC/USDT:USDT", "BTC/USD:BTC")


def no_ticks(*_: Any) -> list[Any]:
    return []


def test_quotes_come_from_their_own_channel_their_carrier_or_the_book() -> None:
    own = Venue(raw_channels={"quote": RawChannel(no_ticks)})
    carried = Venue(raw_channels={"quote": RawChannel(no_ticks, carrier="ticker")})
    origins = [quote_origin(one) for one in (Venue(), own, carried, Venue(quote_from="book"))]
    assert origins == ["quote", "quote", "ticker", "book"]


def test_quotes_made_from_the_book_are_checked_as_the_book_is() -> None:
    made = Venue(checked={"book": "checksum"}, quote_from="book")
    assert checks(made) == {"book": "checksum", "quote": "checksum"}
    stated = Venue(checked={"book": "checksum", "quote": "none"}, quote_from="book")
    assert checks(stated)["quote"] == "none"
    assert "quote" not in checks(Venue(checked={"book": "checksum"}))


def test_an_unchecked_channel_of_a_venue_with_rules_is_named() -> None:
    checked = {"book": "sequence", "trade": "none"}
    notice = unchecked_notice("kucoin", ("book", "trade", "mark"), checked)  # type: ignore[arg-type]
    assert notice == "kucoin trade, mark: unchecked (kucoin offers nothing to check them by)"
    assert unchecked_notice("kucoin", ("book",), checked) is None  # type: ignore[arg-type]


def test_a_venue_without_rules_is_named_as_such() -> None:
    notice = unchecked_notice("upbit", ("trade",), {})
    assert notice == (
        "upbit trade: unchecked (feedd has no rules for upbit: a lost message does not show)"
    )


@pytest.mark.parametrize("exchange", FOLDER_OF)
def test_a_description_checks_what_it_claims(exchange: str) -> None:
    for symbol in SYMBOLS:
        described = venue(exchange, symbol)
        if checks(described).get("book") in {"sequence", "checksum"}:
            assert described.book is not None
        if described.checked.get("trade") == "sequence":
            assert described.trades is not None or described.connection_sequence is not None


@pytest.mark.parametrize("exchange", FOLDER_OF)
def test_a_description_names_the_channel_that_its_quotes_are_made_from(exchange: str) -> None:
    for symbol in SYMBOLS:
        described = venue(exchange, symbol)
        if described.checked:
            carrier = carrier_of(has(exchange), symbol, described, "quote")
            assert (carrier or "quote") == quote_origin(described)


@pytest.mark.parametrize("exchange", NATIVE)
def test_both_sources_check_a_market_alike(exchange: str) -> None:
    assert native_market(exchange, "BTC/USDT:USDT").checked == checks(
        venue(exchange, "BTC/USDT:USDT")
    )
