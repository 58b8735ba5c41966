"""Markets that no recording holds: recordings made of others, through ccxt to the feed's core.

They have no lists of markets, whose rows are made too.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from test_venues import one_whole
from venue_faults import faults_of
from venue_recordings import received
from venue_setup import PlayedFeed, played_feed, served_channels

from feedd.embedded.played.recording import PlayedRecording
from feedd.venues.kucoin.played import KucoinFuturesPlayer
from feedd.venues.played import PageRequest, Session

SWAPS = {"dogeeth": "DOGE-USDT", "omgbtc": "OMG-USD"}  # of the markets whose values they have


def packed(message: Any) -> dict[str, Any]:
    text = gzip.compress(json.dumps(message).encode())
    return {"t": "recv", "conn": "w", "ts": 2.0, "b64": base64.b64encode(text).decode()}


def page(url: str, body: Any) -> dict[str, Any]:
    return {"t": "http", "conn": "h", "ts": 1.0, "url": url, "data": json.dumps(body)}


def swaps_of_htx() -> Iterator[dict[str, Any]]:
    """Yield spot's recorded books and trades as those of swaps, and tickers of the same prices."""
    for _, raw in received("venues/huobi.jsonl.zst"):
        topic = raw.get("ch", "").split(".")
        if topic[0] != "market" or topic[1] not in SWAPS:
            continue
        topic[1] = SWAPS[topic[1]]
        raw["ch"], tick = ".".join(topic), raw["tick"]
        for row in tick.get("data", ()):
            row["id"] = row.pop("tradeId") * 10_000
        yield packed(raw)
        if topic[2] == "depth":
            bid, ask = tick["bids"][0], tick["asks"][0]
            summary = {
                "open": bid[0] / 2, "close": bid[0], "high": ask[0], "low": bid[0] / 4,
                "amount": raw["ts"] % 1000, "bid": bid, "ask": ask,
            }  # fmt: skip
            yield packed({"ch": f"market.{topic[1]}.detail", "ts": raw["ts"], "tick": summary})


def futures_of_kucoin() -> Iterator[dict[str, Any]]:
    """Yield 60 changes of a book, each with a trade, a ticker and a quote."""
    url = "https://api-futures.kucoin.com/api/v1"
    book = {
        "sequence": 1000, "symbol": "XBTUSDTM", "ts": 1731897467182000000,
        "bids": [[str(100 - at), 5] for at in range(30)],
        "asks": [[str(101 + at), 5] for at in range(30)],
    }  # fmt: skip
    yield page(f"{url}/level2/snapshot?symbol=XBTUSDTM", {"code": "200000", "data": book})
    for at in range(1, 61):
        ms = 1731897467182 + at
        best = {
            "symbol": "XBTUSDTM", "sequence": 1000 + at, "bestBidPrice": str(99 + at % 2),
            "bestBidSize": at, "bestAskPrice": "101", "bestAskSize": 5, "ts": ms * 1_000_000,
        }  # fmt: skip
        price, side = (90 + at % 11, "buy") if at % 3 else (101 + at % 7, "sell")
        change = f"{price},{side},{at % 4}"
        for topic, subject, data in (
            ("level2", "level2", {"sequence": 1000 + at, "change": change, "timestamp": ms}),
            ("execution", "match", {
                "symbol": "XBTUSDTM", "sequence": 1000 + at, "side": side, "size": at,
                "price": str(price), "tradeId": str(5000 + 3 * at), "ts": ms * 1_000_000,
            }),
            ("ticker", "ticker", {**best, "side": side, "price": str(price), "size": at}),
            ("tickerV2", "tickerV2", best),
        ):  # fmt: skip
            message = {
                "topic": f"/contractMarket/{topic}:XBTUSDTM", "type": "message",
                "subject": subject, "data": data,
            }  # fmt: skip
            yield {"t": "recv", "conn": "w", "ts": 2.0 + at, "data": json.dumps(message)}


def written(path: Path, header: str, rows: Iterator[dict[str, Any]]) -> PlayedRecording:
    lines = [{"t": "header", "format": 2, "exchange": header}, *rows]
    path.write_text("".join(json.dumps(row) + "\n" for row in lines))
    return PlayedRecording(path)


def made(path: Path) -> list[tuple[PlayedRecording, str]]:
    """Return each made market with its recording."""
    swaps = written(path / "swaps", "HUOBI_SWAP", swaps_of_htx())
    futures = written(path / "futures", "KUCOIN_FUTURES", futures_of_kucoin())
    markets = [(one, symbol) for one in (swaps, futures) for symbol in sorted(one.markets)]
    assert [symbol for _, symbol in markets] == ["DOGE/USDT:USDT", "OMG/USD:OMG", "BTC/USDT:USDT"]
    return markets


@pytest.mark.parametrize("what", [one_whole, faults_of])
def test_made_markets_are_published_whole_and_faults_are_reported_or_harmless(
    tmp_path: Path, what: Callable[[PlayedFeed], Any]
) -> None:
    async def one(recording: PlayedRecording, symbol: str) -> list[str]:
        channels = served_channels(recording, symbol)
        assert {"book", "trade", "ticker", "quote"} <= {*channels}
        async with played_feed("ccxt", recording, symbol, channels) as feed:
            return [f"{symbol} {fault}" for fault in await what(feed)]

    async def run() -> list[list[str]]:
        return await asyncio.gather(*(one(*market) for market in made(tmp_path)))

    assert asyncio.run(run()) == [[], [], []]


def frames_of_kucoin(at: int) -> Iterator[Any]:
    ms = 1619378326330 + at
    base = {"type": "message", "topic": "/market/match:XYZ-USDT", "subject": "trade.l3match"}
    trade = {
        "symbol": "XYZ-USDT", "sequence": str(at), "side": "buy", "size": "1.5", "price": "7",
        "time": str(ms * 1_000_000), "type": "match", "tradeId": str(100 + at),
    }  # fmt: skip
    yield {**base, "data": trade}
    quote = {"asks": ["7", str(1 + at)], "bids": ["6.9", "2"], "timestamp": ms}
    yield {"type": "message", "topic": "/spotMarket/level1:XYZ-USDT", "subject": "level1",
           "data": quote}  # fmt: skip


def frames_of_gate(at: int) -> Iterator[Any]:
    ms = 1777275365213 + at
    base = {"time": ms // 1000, "time_ms": ms, "event": "update"}
    book = {"t": ms, "s": "ob.XYZ_USDT.50", "u": 50 + at, "b": [["6.9", str(1 + at)]]}
    book |= {"U": 50 + at} if at else {"full": True, "a": [["7", "2"]]}
    yield {**base, "channel": "spot.obu", "result": book}
    trade = {
        "id": 900 + 3 * at, "create_time": ms // 1000, "create_time_ms": f"{ms}.5",
        "side": "sell", "currency_pair": "XYZ_USDT", "amount": "2", "price": "6.9",
    }  # fmt: skip
    yield {**base, "channel": "spot.trades", "result": trade}


def frames_of_gate_futures(at: int) -> Iterator[Any]:
    ms = 1777275365213 + at
    base = {"time": ms // 1000, "time_ms": ms, "event": "update"}
    trade = {
        "id": 900 + at, "create_time": ms // 1000, "create_time_ms": ms, "size": -5,
        "contract": "XYZ_USDT", "price": "6.9",
    }  # fmt: skip
    yield {**base, "channel": "futures.trades", "result": [trade]}
    quote = {"t": ms, "u": 50 + at, "s": "XYZ_USDT", "b": "6.9", "B": 4, "a": "7", "A": 1 + at}
    yield {**base, "channel": "futures.book_ticker", "result": quote}


def frames_of_htx(at: int) -> Iterator[Any]:
    ms = 1618678069358 + at
    trade = {
        "id": 100532865385255757382218709 + at, "ts": ms, "tradeId": 77 + at, "amount": 1.5,
        "price": 7.25, "direction": "buy",
    }  # fmt: skip
    tick = {"id": 1, "ts": ms, "data": [trade]}
    yield {"ch": "market.xyzusdt.trade.detail", "ts": ms, "tick": tick}
    tick = {"open": 7, "close": 7.25 + at, "high": 99, "low": 6.5, "amount": 5.5, "vol": 1}
    yield {"ch": "market.xyzusdt.detail", "ts": ms, "tick": tick}


@pytest.mark.parametrize(
    ("exchange", "frames", "symbol", "channels"),
    [
        ("kucoin", frames_of_kucoin, "XYZ/USDT", {"trade", "quote"}),
        ("gate", frames_of_gate, "XYZ/USDT", {"trade", "book"}),
        ("gate", frames_of_gate_futures, "XYZ/USDT:USDT", {"trade", "quote"}),
        ("htx", frames_of_htx, "XYZ/USDT", {"trade", "ticker"}),
    ],
)
def test_a_recording_of_frames_alone_shows_its_exchange_and_is_published_whole(
    tmp_path: Path, exchange: str, frames: Callable[[int], Iterator[Any]], symbol: str,
    channels: set[str],
) -> None:  # fmt: skip
    lines = [
        f"{1_619_378_326_000_000_000 + at} {json.dumps(one)}\n"
        for at in range(12)
        for one in frames(at)
    ]
    path = tmp_path / "frames"
    path.write_text("".join(lines))
    recording = PlayedRecording(path)
    assert (recording.name, list(recording.markets)) == (exchange, [symbol])

    async def run() -> list[str]:
        async with played_feed("ccxt", recording, symbol, sorted(channels)) as feed:
            return await one_whole(feed)

    assert asyncio.run(run()) == []


def test_every_connection_to_kucoin_has_a_token_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token is valid for 24 h: with the one of the first connection, no later one succeeds."""
    tokens: list[str] = []

    def page(self: KucoinFuturesPlayer, request: PageRequest) -> Any:
        body = page_of(self, request)
        if request.path.endswith("/bullet-public"):
            tokens.append(f"token{len(tokens)}")
            body["data"]["token"] = tokens[-1]
        return body

    def opened(self: KucoinFuturesPlayer, session: Session) -> Any:
        used.append(session.query["token"])
        return opened_of(self, session)

    used: list[str] = []
    page_of, opened_of = KucoinFuturesPlayer.page, KucoinFuturesPlayer.opened
    monkeypatch.setattr(KucoinFuturesPlayer, "page", page)
    monkeypatch.setattr(KucoinFuturesPlayer, "opened", opened)
    recording = written(tmp_path / "made", "KUCOIN_FUTURES", futures_of_kucoin())

    async def run() -> None:
        channels = ["book", "trade", "ticker", "quote"]
        async with played_feed("ccxt", recording, "BTC/USDT:USDT", channels) as feed:
            await feed.begin()
            feed.fault("reset", "trade")
            feed.steps.grant("trade", 1)
            assert await feed.until(lambda: len(used) > 1)
            before = len(feed.of("trade"))
            for _ in range(40):  # until the channel is subscribed to again
                feed.steps.grant("trade")
                if await feed.until(lambda: len(feed.of("trade")) > before, 0.25):
                    break
            assert len(feed.of("trade")) > before

    asyncio.run(run())
    assert used == tokens == ["token0", "token1"]
