"""Exchanges that feedd has no folder for: what ccxt makes of them is published, and no fault."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.scripted_exchange import Line, feed, until


def poloniex_book(id_: int, bid: str, ask: str, action: str = "update") -> dict[str, Any]:
    return {
        "channel": "book_lv2", "action": action,
        "data": [{"symbol": "BTC_USDT", "createTime": 1, "ts": id_, "id": id_, "lastId": id_ - 1,
                  "bids": [[bid, "1"]], "asks": [[ask, "1"]]}],
    }  # fmt: skip


def test_one_hole_of_a_book_is_one_loss_and_the_next_book_is_that_of_a_new_snapshot() -> None:
    async def script(line: Line, request: Any) -> None:
        if request.get("event") != "subscribe":
            return
        await line.send(poloniex_book(10, "1", "2", "snapshot"))
        if line.number == 0:  # the book is crossed from here on: a message was lost
            await line.send(*(poloniex_book(20 + n, "3", "4") for n in range(30)))
        else:
            await line.send(poloniex_book(11, "1.5", "1.8"))

    async def run() -> None:
        async with feed("poloniex", ("book",), script) as (received, server, _):
            await until(lambda: len(server.lines) == 2 and len(received.ticks) == 3)
            assert len(received.losses) == 1
            assert "crossed" in received.losses[0][1]
            assert (received.holes, received.resyncs, received.rejections) == ([], [], [])
            books: list[Any] = received.ticks
            assert [(book.bids, book.asks) for book in books] == [
                ([(1.0, 1.0)], [(2.0, 1.0)]),
                ([(1.0, 1.0)], [(2.0, 1.0)]),
                ([(1.5, 1.0), (1.0, 1.0)], [(1.8, 1.0), (2.0, 1.0)]),
            ]

    asyncio.run(run())


@pytest.mark.parametrize(
    "refusal",
    [
        {"event": "error", "message": "no such symbol"},
        {"type": "error", "message": "no such symbol"},
        {"event": "bts:error", "data": {"code": 4004, "message": "no such symbol"}},
        {"jsonrpc": "2.0", "id": 1, "error": {"message": "no such symbol", "code": -32602}},
        {"error": {"code": 6001, "message": "no such symbol"}, "id": 1, "result": None},
        {"id": "1", "code": 20001, "message": "no such symbol"},
        {"event": "subscribe", "success": False, "errorMsg": "no such symbol"},
    ],
)
def test_a_refused_subscription_is_never_reported_as_subscribed(refusal: dict[str, Any]) -> None:
    async def script(line: Line, request: Any) -> None:
        if request.get("event") == "subscribe":
            await line.send(refusal)

    async def run() -> None:
        async with feed("poloniex", ("trade",), script) as (received, server, _):
            await until(lambda: len(server.lines) == 4)
            assert received.subscriptions == []
            assert {channel for channel, _ in received.losses} == {"trade"}
            assert all("no such symbol" in reason for _, reason in received.losses)

    asyncio.run(run())


def test_a_failing_channel_costs_the_others_nothing() -> None:
    async def script(line: Line, request: Any) -> None:
        if request.get("event") != "subscribe":
            return
        if "book_lv2" in request["channel"]:
            await line.send({"event": "error", "message": "refused"})
        else:
            await line.send(*(
                {"channel": "trades", "data": [{"symbol": "BTC_USDT", "amount": "70", "takerSide":
                 "buy", "quantity": "4", "createTime": n, "price": "1", "id": str(n), "ts": n}]}
                for n in range(1, 6)
            ))  # fmt: skip

    async def run() -> None:
        async with feed("poloniex", ("trade", "book"), script) as (received, server, _):
            await until(lambda: len(server.lines) >= 4)
            assert received.ids("trade") == [1, 2, 3, 4, 5]
            assert {channel for channel, _ in received.losses} == {"book"}

    asyncio.run(run())


def test_the_trades_of_a_first_page_are_published_once_across_reconnects() -> None:
    def page(*ids: int) -> dict[str, Any]:
        return {
            "channel": "trades",
            "data": [
                {"symbol": "BTC_USDT", "amount": "70", "takerSide": "buy", "quantity": "4",
                 "createTime": n, "price": "1", "id": str(n), "ts": n}
                for n in ids
            ],
        }  # fmt: skip

    async def script(line: Line, request: Any) -> None:
        if request.get("event") == "subscribe":
            await line.send(page(*range(1, 6)) if line.number == 0 else page(*range(3, 9)))
            if line.number == 0:
                await line.close()

    async def run() -> None:
        async with feed("poloniex", ("trade",), script) as (received, server, _):
            await until(lambda: len(server.lines) == 2 and 8 in received.ids("trade"))
            assert received.ids("trade") == list(range(1, 9))

    asyncio.run(run())


def test_nothing_of_an_earlier_connection_survives_in_a_book() -> None:
    """Ccxt keeps its book of a symbol, and applies Gemini's first message to it."""

    def levels(*changes: tuple[str, str]) -> dict[str, Any]:
        rows = [[side, price, "1"] for side, price in changes]
        return {"type": "l2_updates", "symbol": "BTCUSDT", "changes": rows}

    async def script(line: Line, request: Any) -> None:
        if request.get("type") != "subscribe":
            return
        if line.number == 0:
            await line.send(levels(("buy", "1.0"), ("sell", "2.0")))
            await line.close()
        else:
            await line.send(levels(("buy", "0.5"), ("sell", "1.5")))

    async def run() -> None:
        feed_of = feed("gemini", ("book",), script, market_id="btcusdt")
        async with feed_of as (received, server, _):
            await until(lambda: len(server.lines) == 2 and len(received.ids("book")) == 2)
            last: Any = [one for one in received.ticks if one.channel == "book"][-1]
            assert (last.bids, last.asks) == ([(0.5, 1.0)], [(1.5, 1.0)])

    asyncio.run(run())


def test_each_channel_has_a_connection_of_its_own() -> None:
    """So two with one hash of ccxt's do not disturb each other, and a failure stays alone."""

    async def script(line: Line, request: Any) -> None:
        if request.get("event") == "subscribe":
            await line.send({
                "channel": "ticker",
                "data": [{"symbol": "BTC_USDT", "startTime": 1, "open": "1", "high": "2",
                          "low": "1", "close": "1.5", "quantity": "7", "amount": "9",
                          "tradeCount": 5, "dailyChange": "0.01", "markPrice": "1.5",
                          "closeTime": 3, "ts": 5}],
            })  # fmt: skip

    async def run() -> None:
        async with feed("poloniex", ("ticker", "trade"), script) as (received, server, source):
            await until(lambda: len(server.lines) == 2 and received.ids("ticker"))
            urls = {url.partition("#")[2] for url in source._exchange.clients}
            assert urls == {"ticker", "trade"}

    asyncio.run(run())
