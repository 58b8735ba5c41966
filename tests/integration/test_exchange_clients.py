"""The real ccxt.pro reads exactly what the embedded Bybit and Binance spot send."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import ccxt.pro
import pytest

from feedd.clock import Clock
from feedd.embedded.binance.served import spot, usdm
from feedd.embedded.bybit.served import bybit
from feedd.embedded.generated import GeneratedLinear, GeneratedMarket, GeneratedSpot
from feedd.embedded.server import ExchangeServer
from feedd.embedded.truth import TruthLog

WITHIN_S = 45
SYMBOLS = {"bybit": "BTC/USDT:USDT", "binance": "BTC/USDT"}
# Their names in the truth log.
STREAMS = {
    "bybit": {"ticker": "tickers.BTCUSDT", "quote": "orderbook.1.BTCUSDT",
              "book": "orderbook.50.BTCUSDT", "trade": "publicTrade.BTCUSDT"},
    "binance": {"ticker": "btcusdt@ticker", "quote": "btcusdt@bookTicker",
                "book": "btcusdt@depth@100ms", "trade": "btcusdt@trade"},
}  # fmt: skip


def client(exchange: str, port: int) -> Any:
    http, ws = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}"
    if exchange == "bybit":
        urls: dict[str, Any] = {
            "public": http, "private": http, "ws": {"public": {"linear": f"{ws}/v5/public/linear"}},
        }  # fmt: skip
        return ccxt.pro.bybit(
            {"urls": {"api": urls}, "options": {"fetchMarkets": {"types": ["linear"]}}}
        )
    urls = {
        "public": f"{http}/spot/api/v3", "private": f"{http}/spot/api/v3",
        "sapi": f"{http}/spot/sapi/v1", "ws": {"spot": f"{ws}/spot/ws"},
    }  # fmt: skip
    options = {"fetchMarkets": {"types": ["spot"]}, "fetchCurrencies": False}
    return ccxt.pro.binance({"urls": {"api": urls}, "options": options})


@asynccontextmanager
async def serving(
    truth: Path | None = None, rate: float = 100.0
) -> AsyncIterator[tuple[ExchangeServer, int]]:
    server = ExchangeServer(
        [
            usdm(GeneratedMarket(Clock(), rate=rate)),
            spot(GeneratedSpot(Clock(), rate=rate)),
            bybit(GeneratedLinear(Clock(), rate=rate)),
        ],
        Clock(),
        None if truth is None else TruthLog(truth),
    )
    port = await server.start(0)
    try:
        yield server, port
    finally:
        await server.stop()


@asynccontextmanager
async def using(exchange: str, port: int) -> AsyncIterator[Any]:
    target = client(exchange, port)
    try:
        yield target
    finally:
        await target.close()


def sent(truth: Path, stream: str) -> list[Any]:
    lines = (json.loads(line) for line in truth.read_text().splitlines())
    return [line["data"] for line in lines if line.get("stream") == stream]


def levels(message: Any) -> dict[str, list[Any]]:
    data = message["data"] if "topic" in message else message
    return {"b": data["b"], "a": data["a"]}


@pytest.mark.parametrize("exchange", ["bybit", "binance"])
def test_ccxt_reads_quotes_as_they_were_sent(exchange: str, tmp_path: Path) -> None:
    truth, symbol = tmp_path / "truth", SYMBOLS[exchange]

    async def run() -> list[Any]:
        async with serving(truth) as (_, port), using(exchange, port) as target:
            quotes = []
            for _ in range(10):
                quotes += [dict((await target.watch_bids_asks([symbol]))[symbol])]
            return quotes

    quotes = asyncio.run(run())
    stream = STREAMS[exchange]["quote"]
    told = set()
    for message in sent(truth, stream):
        both = levels(message) if exchange == "bybit" else {
            "b": [[message["b"], message["B"]]], "a": [[message["a"], message["A"]]]}  # fmt: skip
        told.add(tuple(float(text) for side in ("b", "a") for text in both[side][0]))
    for quote in quotes:
        assert (quote["bid"], quote["bidVolume"], quote["ask"], quote["askVolume"]) in told


@pytest.mark.parametrize("exchange", ["bybit", "binance"])
def test_ccxt_reads_every_trade_as_it_was_sent(exchange: str, tmp_path: Path) -> None:
    truth, symbol = tmp_path / "truth", SYMBOLS[exchange]

    async def run() -> list[Any]:
        async with serving(truth) as (_, port), using(exchange, port) as target:
            trades: list[Any] = []
            while len(trades) < 50:
                trades += await target.watch_trades(symbol)
            return trades

    trades = asyncio.run(run())
    told = {}
    for message in sent(truth, STREAMS[exchange]["trade"]):
        for one in message["data"] if exchange == "bybit" else [message]:
            if exchange == "bybit":
                told[one["i"]] = (one["p"], one["v"], one["S"].lower(), one["T"])
            else:
                side = "sell" if one["m"] else "buy"
                told[str(one["t"])] = (one["p"], one["q"], side, one["T"])
    for trade in trades:
        price, size, side, time = told[trade["id"]]
        assert (trade["price"], trade["amount"]) == (float(price), float(size))
        assert (trade["side"], trade["timestamp"]) == (side, time)


@pytest.mark.parametrize("exchange", ["bybit", "binance"])
def test_ccxt_reads_the_ticker_as_it_was_sent(exchange: str, tmp_path: Path) -> None:
    truth, symbol = tmp_path / "truth", SYMBOLS[exchange]
    params = {} if exchange == "bybit" else {"name": "ticker"}

    async def run() -> list[Any]:
        async with serving(truth) as (_, port), using(exchange, port) as target:
            return [dict(await target.watch_ticker(symbol, params)) for _ in range(3)]

    tickers = asyncio.run(run())
    known: dict[str, str] = {}
    told = set()
    keys = ("lastPrice", "bid1Price", "ask1Price", "volume24h") if exchange == "bybit" else "cbav"
    for message in sent(truth, STREAMS[exchange]["ticker"]):
        known.update(message["data"] if exchange == "bybit" else message)
        told.add(tuple(float(known[key]) for key in keys))
    for ticker in tickers:
        assert tuple(ticker[key] for key in ("last", "bid", "ask", "baseVolume")) in told
        assert ticker["percentage"] is not None


def whole(messages: Iterable[Any]) -> dict[str, dict[str, str]]:
    """Return the levels that messages add up to."""
    sides: dict[str, dict[str, str]] = {"b": {}, "a": {}}
    for message in messages:
        for side, changed in levels(message).items():
            sides[side].update(changed)
    return {
        side: {price: size for price, size in both.items() if float(size)}
        for side, both in sides.items()
    }


def top(book: dict[str, dict[float, float]]) -> tuple[Any, Any]:
    """Return the 20 best levels that have a size, of both sides."""
    bids = sorted(((p, q) for p, q in book["b"].items() if q), reverse=True)[:20]
    return bids, sorted((p, q) for p, q in book["a"].items() if q)[:20]


def seen(book: Any) -> tuple[Any, Any]:
    bids, asks = ([tuple(level[:2]) for level in book[side][:20]] for side in ("bids", "asks"))
    return bids, asks


def test_the_book_that_ccxt_keeps_of_bybit_is_what_the_messages_add_up_to(tmp_path: Path) -> None:
    truth = tmp_path / "truth"

    async def run() -> list[Any]:
        async with serving(truth) as (_, port), using("bybit", port) as target:
            return [seen(await target.watch_order_book(SYMBOLS["bybit"])) for _ in range(20)]

    books = asyncio.run(run())
    book: dict[str, dict[float, float]] = {}
    told = []
    for message in sent(truth, STREAMS["bybit"]["book"]):
        if message["type"] == "snapshot":
            book = {"b": {}, "a": {}}
        for side, changed in levels(message).items():
            book[side].update((float(price), float(size)) for price, size in changed)
        told.append(top(book))
    assert all(one in told for one in books)


def test_the_book_that_ccxt_keeps_of_spot_is_snapshot_and_diffs_at_its_nonce(
    tmp_path: Path,
) -> None:
    truth, stream = tmp_path / "truth", STREAMS["binance"]["book"]

    async def run() -> tuple[Any, list[Any]]:
        async with serving(truth) as (_, port), using("binance", port) as target:
            async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
                # Another reader's subscription has every diff from before the snapshot on.
                async with session.ws_connect(f"/spot/ws/{stream}"):
                    page = "/spot/api/v3/depth?symbol=BTCUSDT&limit=1000"
                    async with session.get(page) as answer:
                        snapshot = await answer.json()
                    books = []
                    for _ in range(20):
                        book = await target.watch_order_book(SYMBOLS["binance"])
                        books.append((book["nonce"], *seen(book)))
                    return snapshot, books

    snapshot, books = asyncio.run(run())
    book = {side: {float(p): float(q) for p, q in snapshot[key]}
            for side, key in (("b", "bids"), ("a", "asks"))}  # fmt: skip
    told = {}
    for diff in sent(truth, stream):
        if diff["u"] > snapshot["lastUpdateId"]:
            for side, changed in levels(diff).items():
                book[side].update((float(price), float(size)) for price, size in changed)
            told[diff["u"]] = top(book)
    compared = [(told[nonce], (bids, asks)) for nonce, bids, asks in books if nonce in told]
    assert len(compared) >= 10
    assert all(one == other for one, other in compared)


def test_bybits_rest_answers_match_its_topics() -> None:
    """The book is that of the 1000-level topic at the same `u`; trades have the same ids."""

    async def run() -> None:
        async with serving() as (_, port):
            async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
                async with session.ws_connect("/v5/public/linear") as socket:
                    topics = ["orderbook.1000.BTCUSDT", "publicTrade.BTCUSDT"]
                    await socket.send_json({"req_id": "1", "op": "subscribe", "args": topics})
                    assert (await socket.receive_json(timeout=WITHIN_S))["success"] is True
                    messages = [await socket.receive_json(timeout=WITHIN_S) for _ in range(30)]
                    page = "/v5/market/orderbook?category=linear&symbol=BTCUSDT&limit=1000"
                    async with session.get(page) as answer:
                        book = (await answer.json())["result"]
                    page = "/v5/market/recent-trade?category=linear&symbol=BTCUSDT&limit=1000"
                    async with session.get(page) as answer:
                        rows = (await answer.json())["result"]["list"]
                    last_u = 0
                    while last_u < book["u"]:
                        messages.append(await socket.receive_json(timeout=WITHIN_S))
                        if messages[-1]["topic"] == topics[0]:
                            last_u = messages[-1]["data"]["u"]
        told = [message for message in messages if message["topic"] == topics[0]]
        assert whole(message for message in told if message["data"]["u"] <= book["u"]) == {
            side: dict(book[side]) for side in ("b", "a")
        }
        known = {(row["execId"], row["price"], row["size"], row["side"]) for row in rows}
        oldest_first = [row["time"] for row in reversed(rows)]
        assert oldest_first == sorted(oldest_first)
        last = int(rows[0]["time"])
        trades = [message for message in messages if message["topic"] == topics[1]]
        for one in (one for message in trades if message["ts"] < last for one in message["data"]):
            assert (one["i"], one["p"], one["v"], one["S"]) in known

    asyncio.run(run())


def test_spot_wraps_combined_streams_and_carries_all_of_them_on_one_path() -> None:
    async def run() -> None:
        async with serving() as (_, port):
            async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
                names = {"btcusdt@trade", "btcusdt@ticker", "btcusdt@bookTicker"}
                path = f"/spot/stream?streams={'/'.join(names)}"
                async with session.ws_connect(path) as socket:
                    seen: dict[str, Any] = {}
                    while seen.keys() != names:
                        message = await socket.receive_json(timeout=WITHIN_S)
                        seen[message["stream"]] = message["data"]
                assert "e" not in seen["btcusdt@bookTicker"]
                assert seen["btcusdt@trade"]["M"] is True
                page = "/api/v3/ticker/bookTicker?symbol=BTCUSDT"
                async with session.get(f"/spot{page}") as answer:
                    assert answer.headers["X-MBX-USED-WEIGHT-1M"] == "2"
                async with session.get("/spot/api/v3/account") as answer:
                    assert (answer.status, (await answer.json())["code"]) == (401, -2014)

    asyncio.run(run())


def test_a_bybit_key_is_refused_and_other_categories_are_empty() -> None:
    async def run() -> None:
        async with serving() as (_, port):
            async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
                headers = {"X-BAPI-API-KEY": "k"}
                async with session.get("/v5/user/query-api", headers=headers) as answer:
                    body = await answer.json()
                    assert (body["retCode"], body["retMsg"]) == (10003, "API key is invalid.")
                for query in ("category=spot", "category=linear&status=PreLaunch"):
                    async with session.get(f"/v5/market/instruments-info?{query}") as answer:
                        assert (await answer.json())["result"]["list"] == []

    asyncio.run(run())


def test_without_their_markets_bybit_and_spot_are_not_found() -> None:
    async def run() -> None:
        server = ExchangeServer([usdm(GeneratedMarket(Clock()))], Clock())
        port = await server.start(0)
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            for path in ("/v5/market/time", "/spot/api/v3/time", "/spot/ws", "/v5/public/linear"):
                async with session.get(path) as answer:
                    assert answer.status == 404
        await server.stop()

    asyncio.run(run())
