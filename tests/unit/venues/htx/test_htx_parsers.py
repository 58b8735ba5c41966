"""HTX's trades, tickers and control messages, from raw messages."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from venue_recordings import received

from feedd.model import BackfilledTrade, Ticker, Trade
from feedd.venues.htx import control, market_ids, parsers
from feedd.venues.registry import venue

WHERE = ("htx", "DOGE/ETH", 7, "1m")
TRADES: dict[str, Any] = {
    "ch": "market.dogeeth.trade.detail", "ts": 1618678078113,
    "tick": {
        "id": 100532865386, "ts": 1618678078111,
        "data": [
            {
                "id": 100532865386255757567457182, "ts": 1618678078111, "tradeId": 100021936694,
                "amount": 5, "price": 1.1523e-4, "direction": "sell",
            },
            {
                "id": 100532865385255757382218709, "ts": 1618678069358, "tradeId": 100021936693,
                "amount": 182.06, "price": 1.1522e-4, "direction": "buy",
            },
        ],
    },
}  # fmt: skip
SWAP_TRADES: dict[str, Any] = {
    "ch": "market.BTC-USDT.trade.detail", "ts": 1603708208346,
    "tick": {
        "id": 131602265, "ts": 1603708208335,
        "data": [
            {
                "amount": 2, "ts": 1603708208335, "id": 1316022650000, "price": 13073.3,
                "direction": "buy", "quantity": 0.002, "trade_turnover": 26.1466,
            }
        ],
    },
}  # fmt: skip
TICKER: dict[str, Any] = {
    "ch": "market.btcusdt.detail", "ts": 1583494163784,
    "tick": {
        "id": 209988464418, "low": 8988, "high": 9155.41, "open": 9000, "close": 9090,
        "vol": 237813910.5928412, "amount": 26184.2, "version": 209988464418, "count": 265673,
    },
}  # fmt: skip


def test_trades_of_spot_are_oldest_first_with_the_numbers_of_their_market() -> None:
    assert parsers.spot_trades(TRADES, *WHERE) == [
        (
            100021936693,
            Trade(
                "DOGE/ETH", 1618678069358, 1.1522e-4, 182.06, "buy", "htx", 7, id=100021936693
            ),
        ),
        (
            100021936694,
            Trade("DOGE/ETH", 1618678078111, 1.1523e-4, 5.0, "sell", "htx", 7, id=100021936694),
        ),
    ]  # fmt: skip


def test_trades_without_the_markets_numbers_have_their_exact_ids() -> None:
    rows = [
        {key: value for key, value in row.items() if key != "tradeId"}
        for row in TRADES["tick"]["data"]
    ]
    found = parsers.spot_trades({**TRADES, "tick": {"data": rows}}, *WHERE)
    assert [(number, trade.id) for number, trade in found] == [
        (None, 100532865385255757382218709), (None, 100532865386255757567457182)
    ]  # fmt: skip


def test_requested_trades_are_in_groups_and_equal_the_streams() -> None:
    rows = [
        {"trade-id": row["tradeId"], **{key: row[key] for key in ("ts", "amount", "price")},
         "direction": row["direction"]}
        for row in TRADES["tick"]["data"]
    ]  # fmt: skip
    page = {"status": "ok", "data": [{"id": 1, "ts": 2, "data": [row]} for row in rows]}
    found = [parsers.spot_rest_trade(row, *WHERE[:3]) for row in parsers.trades_of_page(page)]
    for (number, trade), (streamed_number, streamed) in zip(
        reversed(found), parsers.spot_trades(TRADES, *WHERE), strict=True
    ):
        assert isinstance(trade, BackfilledTrade)
        assert (number, trade.id, trade.timestamp, trade.price, trade.size, trade.side) == (
            streamed_number, streamed.id, streamed.timestamp, streamed.price, streamed.size,
            streamed.side,
        )  # fmt: skip


def test_trades_of_swaps_count_contracts() -> None:
    assert parsers.swap_trades(SWAP_TRADES, *WHERE) == [
        Trade("DOGE/ETH", 1603708208335, 13073.3, 2.0, "buy", "htx", 7, id=1316022650000)
    ]


@pytest.mark.parametrize(
    "damage", [{"price": 0}, {"amount": None}, {"direction": "x"}, {"tradeId": 1.5}, {"ts": "?"}]
)
def test_a_malformed_trade_is_rejected(damage: dict[str, Any]) -> None:
    row = {**TRADES["tick"]["data"][0], **damage}
    with pytest.raises((ValueError, TypeError, LookupError)):
        parsers.spot_trades({**TRADES, "tick": {"data": [row]}}, *WHERE)


def test_a_tickers_change_is_in_percent_and_a_swaps_has_its_own_bid_and_ask() -> None:
    assert parsers.tickers(TICKER, *WHERE) == [
        Ticker(
            "DOGE/ETH", 1583494163784, "2020-03-06T11:29:23.784Z", None, None, 9090.0, 26184.2,
            9155.41, 8988.0, 1.0, None, "none", "htx", 7,
        )
    ]  # fmt: skip
    tick = {**TICKER["tick"], "ask": [13084.2, 131], "bid": [13084, 38]}
    [ticker] = parsers.tickers({**TICKER, "tick": tick}, *WHERE)
    assert (ticker.bid, ticker.ask) == (13084.0, 13084.2)


def test_every_recorded_trade_of_a_market_follows_the_one_before() -> None:
    numbers: dict[str, list[int]] = {}
    for _, raw in received("venues/huobi.jsonl.zst"):
        if control.channel_of(raw) == "trade":
            found = [number or 0 for number, _ in parsers.spot_trades(raw, *WHERE)]
            numbers.setdefault(control.market_id_of(raw), []).extend(found)
    steps = [after - before for ids in numbers.values() for before, after in pairwise(ids)]
    assert steps == [1] * 63
    assert len(numbers) == 10


def test_every_topic_is_of_its_channel_and_market() -> None:
    for topic, channel, market in (
        ("market.btcusdt.mbp.150", "book", "btcusdt"),
        ("market.BTC-USDT.depth.size_150.high_freq", "book", "BTC-USDT"),
        ("market.btcusdt.trade.detail", "trade", "btcusdt"),
        ("market.btcusdt.detail", "ticker", "btcusdt"),
        ("market.BTC-USDT.kline.1min", "candle", "BTC-USDT"),
    ):
        assert control.channel_of({"ch": topic, "tick": {}}) == channel
        assert control.market_id_of({"ch": topic}) == market
    assert control.channel_of({"id": "4", "rep": "market.btcusdt.mbp.150", "data": {}}) == "book"
    for other in ({"ping": 1}, {"id": "1", "status": "ok", "subbed": "market.x.detail"}, "", {}):
        assert control.channel_of(other) is None


def test_a_refusal_is_that_of_the_request_with_its_id() -> None:
    error = {"id": "2", "status": "error", "err-code": "bad-request", "err-msg": "invalid symbol x"}
    assert control.refusal(error) == "refused: invalid symbol x (bad-request)"
    assert control.refuses(error, {"id": "2"})
    assert not control.refuses(error, {"id": "3"})
    assert control.refusal({"id": "2", "status": "ok", "subbed": "market.x.detail"}) is None


def test_a_subscription_is_ended_and_begun_again_with_its_terms() -> None:
    topic = "market.BTC-USDT.depth.size_150.high_freq"
    ids = iter((11, 12, 13, 14))
    ended, begun = control.resubscribe(
        {"sub": topic, "data_type": "incremental", "id": "3"}, lambda: next(ids)
    )
    assert ended == {"unsub": topic, "id": "11"}
    assert begun == {"sub": topic, "data_type": "incremental", "id": "12"}
    assert control.resubscribe(ended, lambda: next(ids))[1] == {"sub": topic, "id": "14"}


def test_an_id_means_a_market_of_its_type() -> None:
    assert market_ids.symbols("htx", "btcusdt") == ["BTC/USDT"]
    assert market_ids.symbols("htx", "BTC-USDT") == ["BTC/USDT:USDT"]
    assert market_ids.symbols("htx", "BTC-USD", "inverse") == ["BTC/USD:BTC"]
    assert market_ids.symbols("htx", "BTC-USDT-260327") == ["BTC/USDT:USDT-260327"]
    assert market_ids.symbols("htx", "BTC-USDT", "spot") == []


def test_the_word_for_the_state_of_a_market_is_the_venues() -> None:
    entries = venue("htx", "BTC/USDT").entries
    assert entries is not None
    assert entries.id({"symbol": "btcusdt"}) == "btcusdt"
    assert entries.id({"symbol": "BTC", "contract_code": "BTC-USDT"}) == "BTC-USDT"
    assert entries.status({"symbol": "btcusdt", "state": "suspend"}) == "suspend"
    assert entries.status({"contract_code": "BTC-USDT", "contract_status": 5}) == "5"
    assert entries.fault([]) == "it has neither symbol nor contract_code"
