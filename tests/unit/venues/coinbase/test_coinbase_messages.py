"""Coinbase's messages: the recording's events, sides, numbers and books."""

from __future__ import annotations

import copy
from collections import Counter
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from venue_recordings import received

from feedd.books.depth import Snapshot
from feedd.books.levels import Level
from feedd.books.ordered import OrderedBook
from feedd.sources.trade_sequence import TradeSequence
from feedd.venues.coinbase import control, parsers
from feedd.venues.coinbase.book import to_depth
from feedd.venues.coinbase.venue import VENUE

RECORDING = "venues/coinbase.jsonl.zst"
AT = ("coinbase", "BTC/USD", 7, "")
TICKER: dict[str, Any] = {
    "channel": "ticker", "timestamp": "2026-08-09T21:05:48.229198328Z", "sequence_num": 6,
    "events": [{"type": "snapshot", "tickers": [{
        "type": "ticker", "product_id": "BTC-USD", "price": "65086.18",
        "volume_24_h": "2867.54532609", "low_24_h": "64675.22", "high_24_h": "65252.99",
        "price_percent_chg_24_h": "0.09601107287722", "best_bid": "65083.66",
        "best_ask": "65083.67", "best_bid_quantity": "0.20371215",
        "best_ask_quantity": "0.24290402",
    }]}],
}  # fmt: skip
TRADES: dict[str, Any] = {
    "channel": "market_trades", "timestamp": "2026-08-09T21:05:48.251397169Z", "sequence_num": 9,
    "events": [{"type": "update", "trades": [{
        "product_id": "BTC-USD", "trade_id": "1068572091", "price": "65083.67",
        "size": "0.01034361", "time": "2026-08-09T21:05:48.167634Z", "side": "SELL",
    }]}],
}  # fmt: skip
DEPTH: dict[str, Any] = {
    "channel": "l2_data", "timestamp": "2026-08-09T21:05:48.505350477Z", "sequence_num": 14,
    "events": [{"type": "update", "product_id": "BTC-USD", "updates": [
        {"side": "bid", "event_time": "2026-08-09T21:05:48.210883Z", "price_level": "65062.5",
         "new_quantity": "0.00583"},
        {"side": "offer", "event_time": "2026-08-09T21:05:48.210883Z", "price_level": "65101.2",
         "new_quantity": "0"},
    ]}],
}  # fmt: skip


def test_a_ticker_holds_a_quote() -> None:
    (ticker,) = parsers.tickers(TICKER, *AT)
    assert (ticker.timestamp, ticker.last, ticker.volume) == (
        1786309548229,
        65086.18,
        2867.54532609,
    )
    assert (ticker.high, ticker.low, ticker.change_percent) == (
        65252.99,
        64675.22,
        0.09601107287722,
    )
    (quote,) = parsers.quotes(TICKER, *AT)
    assert (quote.bid, quote.bid_size) == (65083.66, 0.20371215)
    assert (quote.ask, quote.ask_size) == (65083.67, 0.24290402)


def test_the_side_of_a_trade_is_the_takers() -> None:
    ((number, trade),) = parsers.trades(TRADES, *AT)
    assert (number, trade.id, trade.side) == (1068572091, 1068572091, "buy")
    assert (trade.timestamp, trade.price, trade.size) == (1786309548167, 65083.67, 0.01034361)


def test_a_missed_trade_has_the_takers_side_too() -> None:
    row = TRADES["events"][0]["trades"][0]
    (asked, params) = parsers.trades_request("spot", "BTC-USD", 5, False)
    assert asked == "v3PublicGetBrokerageMarketProductsProductIdTicker"
    assert params == {"product_id": "BTC-USD", "limit": 1000}
    number, trade = parsers.rest_trade(parsers.trade_rows({"trades": [row]})[0], *AT[:3])
    assert (number, trade.side, trade.timestamp) == (1068572091, "buy", 1786309548167)


def test_recorded_sides_fit_the_recorded_book() -> None:
    """A buy is nearer to the best ask, in almost all of them: books are 50 ms apart."""
    books: dict[str, OrderedBook] = {}
    fits: Counter[bool] = Counter()
    for _, message in received(RECORDING):
        channel = control.channel_of(message)
        if channel == "book":
            take(books.setdefault(control.product_of(message), OrderedBook()), message)
        elif channel == "trade" and (book := books.get(control.product_of(message))) is not None:
            for _, trade in parsers.trades(message, *AT):
                bid, ask = book.book.bids.best(), book.book.asks.best()
                assert bid is not None
                assert ask is not None
                at_ask = abs(trade.price - ask) < abs(trade.price - bid)
                fits[(trade.side == "buy") == at_ask] += 1
    assert fits == {True: 73, False: 5}


def test_recorded_numbers_skip_none_and_trade_ids_neither() -> None:
    numbers, sequences, published = [], {}, 0
    for _, message in received(RECORDING):
        numbers.append(control.sequence_of(message))
        if control.channel_of(message) != "trade":
            continue
        sequence = sequences.setdefault(control.product_of(message), TradeSequence())
        for again in range(2):  # as the page of a new connection
            if again:
                sequence.reconnected()
            for numbered in parsers.trades(message, *AT):
                published += len(sequence.take(*numbered))
        assert sequence.gap is None
        assert not sequence.ids_restarted
    assert numbers == list(range(len(numbers)))
    assert published == 279


@pytest.mark.parametrize(
    ("message", "parse", "path", "value"),
    [
        (TRADES, parsers.trades, ("trades", "side"), "BOTH"),
        (TRADES, parsers.trades, ("trades", "trade_id"), "1068572091.5"),
        (TRADES, parsers.trades, ("trades", "size"), "0"),
        (TRADES, parsers.trades, ("trades", "time"), "yesterday"),
        (TICKER, parsers.tickers, ("tickers", "price"), "x"),
        (TICKER, parsers.quotes, ("tickers", "best_bid"), "-1"),
    ],
)
def test_an_altered_message_is_rejected(
    message: Any, parse: Any, path: tuple[str, str], value: str
) -> None:
    altered = copy.deepcopy(message)
    altered["events"][0][path[0]][0][path[1]] = value
    with pytest.raises((ValueError, TypeError, LookupError)):
        parse(altered, *AT)


@pytest.mark.parametrize(
    ("key", "value"),
    [("side", "both"), ("price_level", "0"), ("new_quantity", "-1"), ("new_quantity", None)],
)
def test_an_altered_level_is_rejected(key: str, value: Any) -> None:
    altered = copy.deepcopy(DEPTH)
    altered["events"][0]["updates"][1][key] = value
    with pytest.raises((ValueError, TypeError)):
        to_depth(altered)


def test_a_product_in_usdc_is_served_by_that_in_usd() -> None:
    assert VENUE.is_same_market is not None
    assert VENUE.is_same_market("BTC-USDC", "BTC-USD")
    assert not VENUE.is_same_market("BTC-USD", "BTC-USDC")
    assert not VENUE.is_same_market("BTC-USD", "ETH-USD")
    assert [control.product_of(one) for one in (TICKER, TRADES, DEPTH)] == ["BTC-USD"] * 3


def test_a_refusal_is_one_and_an_answer_is_none() -> None:
    refusal = {
        "type": "error", "message": "failure to subscribe",
        "reason": "BTC-USD is not a valid product",
    }  # fmt: skip
    assert control.refusal(refusal) == (
        "refused: failure to subscribe: BTC-USD is not a valid product"
    )
    assert control.sequence_of(refusal) is None
    assert control.refusal({"channel": "subscriptions", "events": []}) is None


Top = tuple[list[Level], list[Level]]


def take(rules: OrderedBook, message: Any) -> Any:
    depth = to_depth(message)
    return rules.on_snapshot(depth) if isinstance(depth, Snapshot) else rules.on_update(depth)


def top(rules: OrderedBook) -> Top:
    return rules.book.bids.top(20), rules.book.asks.top(20)


@cache
def stream() -> tuple[Any, list[Any], list[Top]]:
    """Return the snapshot of ETH-USD, its changes, and the true best levels after each."""
    messages = [
        message
        for _, message in received(RECORDING)
        if control.channel_of(message) == "book" and control.product_of(message) == "ETH-USD"
    ]
    rules, tops = OrderedBook(), []
    for message in messages:
        assert take(rules, message) is None
        tops.append(top(rules))
    return messages[0], messages[1:], tops


def test_every_recorded_book_is_taken() -> None:
    _, changes, tops = stream()
    assert len(changes) == 374
    assert all(bids[0][0] < asks[0][0] for bids, asks in tops)


class Connection:
    """Numbers as the tap checks them: an old one is passed over, a missing one begins again."""

    def __init__(self) -> None:
        self.rules = OrderedBook()
        self._last = 0
        self._held: list[int] = []  # to arrive after the next one

    def begin(self, number: int) -> None:
        """Take a snapshot that contains everything up to a number."""
        self.rules.on_snapshot(Snapshot(0, *stream()[2][number], 1))
        self._last, self._held = number, []

    def send(self, number: int, fault: str) -> None:
        """Let the message with a number arrive, or not."""
        if fault == "swap":
            self._held.append(number)
            return
        arriving = {"lose": [], "double": [number, number]}.get(fault, [number])
        if arriving:
            arriving, self._held = arriving + self._held, []
        for one in arriving:
            self._arrive(one)

    def _arrive(self, number: int) -> None:
        if number <= self._last:
            return
        if number != self._last + 1:
            self.rules.reset()
        self._last = number
        take(self.rules, stream()[1][number - 1])
        if self.rules.synced:  # its snapshot had 20 levels: the best of them is surely known
            bids, asks = stream()[2][number]
            assert self.rules.book.bids.top(1) == bids[:1]
            assert self.rules.book.asks.top(1) == asks[:1]


faults = st.sampled_from(["none"] * 6 + ["lose", "double", "swap", "renew"])


@settings(max_examples=25, deadline=None)
@given(st.lists(faults, min_size=1, max_size=40))
def test_a_book_is_the_true_one_where_the_connections_numbers_are_checked(
    chosen: list[str],
) -> None:
    connection = Connection()
    connection.begin(0)
    for number, fault in enumerate(chosen, 1):
        connection.send(number, fault)
        if connection.rules.needs_snapshot or fault == "renew":
            connection.begin(number)
            assert connection.rules.synced
