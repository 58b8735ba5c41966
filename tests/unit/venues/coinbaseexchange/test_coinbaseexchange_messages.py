"""Events from Coinbase Exchange's raw messages, as its documents give them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from feedd.errors import CredentialsError
from feedd.sources.ccxt.source import CcxtSource
from feedd.venues.coinbaseexchange import messages

AT = ("coinbaseexchange", "BTC/USD", 7)
TICKER: dict[str, Any] = {
    "type": "ticker", "sequence": 37475248783, "product_id": "ETH-USD", "price": "1285.22",
    "open_24h": "1310.79", "volume_24h": "245532.79269678", "low_24h": "1280.52",
    "high_24h": "1313.8", "best_bid": "1285.04", "best_bid_size": "0.46688654",
    "best_ask": "1285.27", "best_ask_size": "1.56637040", "side": "buy",
    "time": "2022-10-19T23:28:22.061769Z", "trade_id": 370843401, "last_size": "11.4396987",
}  # fmt: skip
MATCH: dict[str, Any] = {
    "type": "match", "trade_id": 82047307, "side": "sell", "size": "0.00513192",
    "price": "9314.78", "product_id": "BTC-USD", "sequence": 12038915443,
    "time": "2020-01-31T20:03:41.158814Z",
}  # fmt: skip


def test_a_ticker_has_a_percent_and_holds_a_quote() -> None:
    (ticker,) = messages.tickers(TICKER, *AT, "")
    assert (ticker.timestamp, ticker.last, ticker.volume) == (
        1666222102061,
        1285.22,
        245532.79269678,
    )
    assert ticker.change_percent == pytest.approx(-1.95073199)
    (quote,) = messages.quotes(TICKER, *AT, "")
    assert (quote.bid, quote.bid_size) == (1285.04, 0.46688654)
    assert (quote.ask, quote.ask_size) == (1285.27, 1.5663704)


@pytest.mark.parametrize("kind", ["match", "last_match"])
def test_the_side_of_a_trade_is_the_takers(kind: str) -> None:
    message = {**MATCH, "type": kind}
    assert messages.channel_of(message) == "trade"
    ((number, trade),) = messages.trades(message, *AT, "")
    assert (number, trade.id, trade.side) == (82047307, 82047307, "buy")
    assert (trade.timestamp, trade.price, trade.size) == (1580501021158, 9314.78, 0.00513192)


def test_missed_trades_are_in_the_page_that_begins_with_the_first() -> None:
    asked = messages.trades_request("spot", "BTC-USD", 5, False)
    assert asked == (
        "publicGetProductsIdTrades", {"id": "BTC-USD", "limit": 1000, "after": 1005},
    )  # fmt: skip
    number, trade = messages.rest_trade(MATCH, *AT)
    assert (number, trade.side, trade.timestamp) == (82047307, "buy", 1580501021158)


@pytest.mark.parametrize("changed", [{"side": "BUY"}, {"size": "0"}, {"trade_id": None}])
def test_an_altered_trade_is_rejected(changed: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError, LookupError)):
        messages.trades({**MATCH, **changed}, *AT, "")


def test_a_refusal_names_its_reason() -> None:
    refusal = {"type": "error", "message": "Failed to subscribe", "reason": "X-Y is not valid"}
    assert messages.refusal(refusal) == "refused: Failed to subscribe: X-Y is not valid"
    assert messages.refusal({"type": "subscriptions", "channels": []}) is None


def test_its_book_is_refused_without_a_key_before_anything_is_sent() -> None:
    async def run() -> None:
        source = CcxtSource("coinbaseexchange", "YFI/BTC", ("book",))
        try:
            with pytest.raises(CredentialsError, match="with an API key only, and none is set"):
                await source.prepare()
        finally:
            await source.close()

    asyncio.run(run())
