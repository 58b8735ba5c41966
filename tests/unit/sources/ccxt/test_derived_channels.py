"""Quotes that are made of the book or contained in the ticker: what feeds subscribe to."""

from __future__ import annotations

import pytest

from feedd.errors import CredentialsError
from feedd.model import Book
from feedd.sources.ccxt.derived_channels import DerivedChannels
from feedd.sources.ccxt.plan import Plan, check_channels, lacking, plan
from feedd.venues.contract import RawChannel, Venue
from tests.recorded_callbacks import RecordedCallbacks

HAS = {"watchTicker": True, "watchOrderBook": True}
OWN = {**HAS, "watchBidsAsks": True}


def raw(carrier: str | None) -> RawChannel:
    return RawChannel(lambda *_: [], carrier=carrier)


@pytest.mark.parametrize(
    ("has", "venue", "channels", "subscribed", "made_from"),
    [
        (OWN, Venue(), ("quote",), ("quote",), {}),
        (HAS, Venue(), ("quote",), ("book",), {"quote": "book"}),
        (HAS, Venue(), ("book", "quote"), ("book",), {"quote": "book"}),
        (OWN, Venue(quote_from="book"), ("quote", "ticker"), ("book", "ticker"),
         {"quote": "book"}),
        (OWN, Venue(raw_channels={"quote": raw("ticker")}), ("quote",), ("ticker",),
         {"quote": "ticker"}),
        (HAS, Venue(raw_channels={"quote": raw(None)}), ("quote",), ("quote",), {}),
    ],
)  # fmt: skip
def test_a_channel_made_of_another_is_subscribed_to_by_that_one(
    has: dict[str, bool],
    venue: Venue,
    channels: tuple[str, ...],
    subscribed: tuple[str, ...],
    made_from: dict[str, str],
) -> None:
    assert plan(has, "BTC/USDT", venue, channels) == Plan(channels, subscribed, made_from)


def test_a_quote_is_refused_only_where_there_is_no_book_either() -> None:
    assert lacking(HAS, "BTC/USDT", ("quote",), Venue())[0] == ""
    assert lacking({"watchTicker": True}, "BTC/USDT", ("quote",), Venue()) == ("quote", ["ticker"])


def test_a_channel_that_needs_a_key_is_refused_without_one() -> None:
    venue = Venue(needs_key=frozenset({"book"}))
    check_channels("x", HAS, "BTC/USDT", ("book",), venue, with_key=True)
    with pytest.raises(CredentialsError, match="x serves book with an API key only, and none"):
        check_channels("x", HAS, "BTC/USDT", ("book",), venue, with_key=False)


def book(book_id: int, bid: float = 1.0, second: float = 0.5) -> Book:
    return Book(
        symbol="S", timestamp=book_id, bids=[(bid, 2.0), (second, 1.0)], asks=[(3.0, 4.0)],
        exchange="x", received_ns=7, id=book_id,
    )  # fmt: skip


def of_book(*published: str) -> tuple[DerivedChannels, RecordedCallbacks]:
    received = RecordedCallbacks()
    return DerivedChannels(received, Plan(published, ("book",), {"quote": "book"})), received


def test_a_quote_is_made_when_the_first_level_changes() -> None:
    sink, received = of_book("quote", "book")
    for one in (book(1), book(2, second=0.7), book(3, bid=1.5)):
        sink.event(one)
    quotes = [event for event in received.ticks if event.channel == "quote"]
    assert [(one.id, one.bid, one.bid_size, one.ask, one.ask_size) for one in quotes] == [
        (1, 1.0, 2.0, 3.0, 4.0), (3, 1.5, 2.0, 3.0, 4.0),
    ]  # fmt: skip
    assert received.ids("book") == [1, 2, 3]
    assert (quotes[0].timestamp, quotes[0].received_ns) == (1, 7)


def test_a_book_that_is_not_configured_is_not_published() -> None:
    sink, received = of_book("quote")
    sink.subscribed("book")
    sink.event(book(1))
    sink.resync("book", "why")
    sink.missing("book", 1, 3, "why")
    sink.event(book(3))
    sink.lost("book", "gone")
    # After the gap there is a quote again, although the first level is the same.
    assert received.ids("quote") == [1, 3]
    assert received.ids("book") == []
    assert received.subscriptions == ["quote"]
    assert received.resyncs == [("quote", "why")]
    assert received.holes == [("quote", 1, 3, "why")]
    assert received.losses == [("quote", "gone")]
