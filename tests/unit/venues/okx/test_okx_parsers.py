"""OKX's raw messages, each as the documents and the recording have it."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
import zstandard
from conftest import real_recording
from okx_messages import ARGS, CANDLE, LIQUIDATION, MARK, QUOTE, TICKER, TRADE

from feedd.books.depth import Snapshot
from feedd.books.streamed import StreamedBook
from feedd.model import Candle, Liquidation, Mark, Quote
from feedd.venues.okx import listing, parsers
from feedd.venues.okx.book import to_depth
from feedd.venues.okx.control import channel_of, refuses, resubscribe
from feedd.venues.okx.market_ids import listed_type

BOOKS_ARG = {"channel": "books", "instId": "BTC-USDT"}
REQUEST = {"op": "subscribe", "args": [BOOKS_ARG]}


def test_a_ticker_is_complete_with_its_own_bid_and_ask() -> None:
    (ticker,) = parsers.tickers(TICKER, *ARGS)
    assert (ticker.last, ticker.volume, ticker.high, ticker.low) == (
        30236.0, 17602.13085371, 31073.0, 28020.3,
    )  # fmt: skip
    assert (ticker.bid, ticker.ask, ticker.timestamp) == (30228.6, 30228.7, 1652459224956)
    assert ticker.change_percent == pytest.approx((30236 - 29700.4) / 29700.4 * 100)
    assert ticker.datetime == "2022-05-13T16:27:04.956Z"


def test_a_ticker_of_a_market_without_trades_and_orders_has_none() -> None:
    row = dict.fromkeys(
        ("last", "askPx", "bidPx", "open24h", "high24h", "low24h", "vol24h"), ""
    ) | {"ts": "1"}  # fmt: skip
    (ticker,) = parsers.tickers({**TICKER, "data": [row]}, *ARGS)
    assert (ticker.last, ticker.bid, ticker.volume, ticker.change_percent) == (None,) * 4


def test_a_quote_has_the_id_of_its_message() -> None:
    assert parsers.quotes(QUOTE, *ARGS) == [
        Quote("BTC/USDT", 1670324386802, 111.05, 57745.0, 111.06, 55154.0, "okx", 7, id=363996337)
    ]


def test_an_empty_side_of_a_quote_is_none() -> None:
    (quote,) = parsers.quotes({**QUOTE, "data": [{**QUOTE["data"][0], "asks": []}]}, *ARGS)
    assert (quote.bid, quote.ask, quote.ask_size) == (111.05, None, None)


def test_the_quotes_channel_has_no_ticker() -> None:
    assert (channel_of(QUOTE), channel_of(TICKER)) == ("quote", "ticker")


def test_a_trade_follows_the_ids_of_those_that_it_aggregates() -> None:
    *aggregated, (number, trade) = parsers.trades(TRADE, *ARGS)
    assert aggregated == [(130639472, None), (130639473, None)]
    assert trade is not None
    assert number == trade.id == 130639474
    assert (trade.price, trade.size, trade.side) == (42219.9, 0.12060306, "buy")
    assert trade.timestamp == 1630048897897


def test_a_trade_without_a_count_is_one() -> None:
    row = {key: value for key, value in TRADE["data"][0].items() if key != "count"}
    assert len(parsers.trades({**TRADE, "data": [row]}, *ARGS)) == 1


@pytest.mark.parametrize(
    "damage",
    [
        {"count": "0"}, {"count": "99999999"}, {"side": "BID"}, {"px": "0"}, {"sz": "0"},
        {"sz": "-1"}, {"px": "nan"}, {"tradeId": None}, {"tradeId": "x"}, {"ts": None},
    ],
)  # fmt: skip
def test_a_malformed_trade_is_rejected(damage: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError, LookupError, ArithmeticError)):
        parsers.trades({**TRADE, "data": [{**TRADE["data"][0], **damage}]}, *ARGS)


def test_missed_trades_are_requested_from_the_first_that_is_missing() -> None:
    request = parsers.trades_request("spot", "BTC-USDT", 1000, False)
    assert request.method == "publicGetMarketHistoryTrades"
    # The page has the 100 trades before `after`: 1000 to 1099.
    assert request.params == {"instId": "BTC-USDT", "type": "1", "after": "1100", "limit": "100"}
    row = {
        "instId": "BTC-USDT", "side": "sell", "sz": "0.00001", "source": "0", "px": "29963.2",
        "tradeId": "1000", "ts": "1654161646974",
    }  # fmt: skip
    number, trade = parsers.rest_trade_with_id(row, "okx", "BTC/USDT", 7)
    assert (number, trade.id, trade.side, trade.backfilled) == (1000, 1000, "sell", True)


def test_candles_are_oldest_first_and_say_whether_they_are_closed() -> None:
    closed, growing = parsers.candles(CANDLE, *ARGS)
    assert closed == Candle(
        "BTC/USDT", None, "1m", 1597026383085, 8533.02, 8553.74, 8527.17, 8548.26, 45247.0, True,
        "okx", 7,
    )  # fmt: skip
    assert (growing.open_time, growing.closed) == (1597026443085, False)


def test_a_mark_price_has_neither_index_nor_funding() -> None:
    assert parsers.marks(MARK, *ARGS) == [
        Mark("BTC/USDT", 1597026383085, 0.1, None, None, None, "okx", 7)
    ]


def test_all_liquidations_of_the_market_and_of_no_other_are_read() -> None:
    other = {**LIQUIDATION["data"][0], "instId": "BTC-USDT-SWAP"}
    message = {**LIQUIDATION, "data": [other, *LIQUIDATION["data"]]}
    part = parsers.liquidations_of(message, "IOST-USDT-SWAP")
    assert part is not None
    assert parsers.liquidations(part, *ARGS) == [
        Liquidation("BTC/USDT", 1692266434010, "buy", 0.007831, 13.0, "okx", 7),
        Liquidation("BTC/USDT", 1692266434011, "sell", 0.0078, 2.0, "okx", 7),
    ]
    assert parsers.liquidations_of(message, "ETH-USDT-SWAP") is None


def test_an_answer_is_no_data() -> None:
    assert channel_of({"event": "subscribe", "arg": BOOKS_ARG}) is None
    assert channel_of({"event": "unsubscribe", "arg": BOOKS_ARG}) is None
    assert channel_of("pong") is None
    assert channel_of({"arg": [], "data": []}) is None


def test_a_channel_is_subscribed_to_again_with_ids() -> None:
    ids = iter([5, 6])
    assert resubscribe(REQUEST, lambda: next(ids)) == [
        {"id": "5", "op": "unsubscribe", "args": [BOOKS_ARG]},
        {"id": "6", "op": "subscribe", "args": [BOOKS_ARG]},
    ]


@pytest.mark.parametrize(
    ("msg", "refused"),
    [
        ("Wrong URL or channel:books,instId:BTC-USDT doesn't exist.", True),
        ("channel:books,instId:BTC-USDT doesn't exist", True),
        ("Wrong URL or channel:books5,instId:BTC-USDT doesn't exist.", False),
        ("Wrong URL or channel:books,instId:BTC-USDT-SWAP doesn't exist.", False),
        ('Invalid request: {"op":"subscribe","args":[{"channel":"books","instId":"BTC-USDT"}]}',
         True),
        ('Invalid request: {"op":"subscribe","args":[{"channel":"trades","instId":"BTC-USDT"}]}',
         False),
        ("Internal error", False),
    ],
)  # fmt: skip
def test_a_refusal_without_an_id_names_the_subscription(msg: str, refused: bool) -> None:
    message = {"event": "error", "code": "60018", "msg": msg, "connId": "a4d3ae55"}
    assert refuses(message, REQUEST) is refused


def test_a_refusal_with_an_id_answers_the_request_with_it() -> None:
    message = {"event": "error", "code": "60018", "msg": "books BTC-USDT", "id": "5"}
    assert refuses(message, {**REQUEST, "id": "5"})
    assert not refuses(message, REQUEST)


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("BTC/USDT", "spot"), ("BTC/USDT:USDT", "swap"), ("BTC/USD:BTC", "swap"),
        ("BTC/USD:BTC-220527", "future"), ("BTC/USD:BTC-220527-30000-C", "option"),
    ],
)  # fmt: skip
def test_a_symbol_is_in_one_of_four_lists(symbol: str, name: str) -> None:
    assert listed_type(symbol) == name


def test_an_entry_that_lacks_what_a_contract_has_cannot_be_read() -> None:
    swap = {"instId": "X-USDT-SWAP", "instType": "SWAP", "state": "live", "settleCcy": "USDT"}
    assert listing.entry_fault({**swap, "uly": "X-USDT"}) is None
    assert listing.entry_fault({**swap, "instType": "FUTURES", "uly": "X-USDT"}) is not None
    assert listing.entry_fault(swap) == "uly is None"
    assert listing.entry_fault({"instId": "X-USDT", "instType": "SPOT", "uly": ""}) is None
    assert listing.entry_fault({"instId": "", "instType": "SPOT"}) == "instId is ''"
    assert listing.entry_fault(None) == "it is not an object"


def test_the_recorded_trades_are_on_the_side_that_their_taker_took() -> None:
    """A buyer takes above the middle of the last book, a seller below; ids are contiguous."""
    books = {name: StreamedBook() for name in ("BTC-USDT", "UNI-USD-SWAP", "BTC-USD-220527")}
    above: list[bool] = []
    sides: list[str | None] = []
    ids: dict[str, list[int]] = {name: [] for name in books}
    with real_recording("venues/okx.jsonl.zst").open("rb") as packed:
        for line in io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(packed)):
            row = json.loads(line)
            message = json.loads(row["data"]) if row["t"] == "recv" else {}
            channel = channel_of(message)
            if channel not in {"book", "trade"}:
                continue
            name = message["arg"]["instId"]
            rules = books[name]
            if channel == "book":
                message["data"][0] |= {"seqId": 1, "prevSeqId": 1 if rules.synced else -1}
                depth = to_depth(message)
                if isinstance(depth, Snapshot):
                    rules.on_snapshot(depth)
                else:
                    rules.on_update(depth)
                continue
            for number, trade in parsers.trades(message, *ARGS):
                ids[name].append(number)
                bid, ask = rules.book.bids.best(), rules.book.asks.best()
                if trade is not None and bid is not None and ask is not None:
                    above.append(trade.price > (bid + ask) / 2)
                    sides.append(trade.side)
    assert [side == "buy" for side in sides] == above
    assert len(sides) == 71
    assert all(one == list(range(one[0], one[0] + len(one))) for one in ids.values())
