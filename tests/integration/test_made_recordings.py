"""Markets that no recording holds: recordings made of others, through ccxt to the feed's core."""

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
CONTRACT = {
    "symbol": "XBTUSDTM", "type": "FFWCSX", "expireDate": None, "settleDate": None,
    "baseCurrency": "XBT", "quoteCurrency": "USDT", "settleCurrency": "USDT", "lotSize": 1,
    "tickSize": 0.1, "multiplier": 0.001, "isInverse": False, "status": "Open",
    "nextFundingRateTime": 20366705, "makerFeeRate": 0.0002, "takerFeeRate": 0.0006,
}  # fmt: skip


def packed(message: Any) -> dict[str, Any]:
    text = gzip.compress(json.dumps(message).encode())
    return {"t": "recv", "conn": "w", "ts": 2.0, "b64": base64.b64encode(text).decode()}


def page(url: str, body: Any) -> dict[str, Any]:
    return {"t": "http", "conn": "h", "ts": 1.0, "url": url, "data": json.dumps(body)}


def swaps_of_htx() -> Iterator[dict[str, Any]]:
    """Yield spot's recorded books and trades as those of swaps, and tickers of the same prices."""
    for id_ in SWAPS.values():
        entry = {
            "symbol": id_.partition("-")[0], "contract_code": id_, "contract_size": 10,
            "price_tick": 1e-8, "delivery_time": "", "create_date": "20201021",
            "contract_status": 1,
        }  # fmt: skip
        kind = "linear-swap-api" if id_.endswith("USDT") else "swap-api"
        url = f"https://api.hbdm.com/{kind}/v1/swap_contract_info?{id_}"
        yield page(url, {"status": "ok", "data": [entry]})
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
    yield page(f"{url}/contracts/active", {"code": "200000", "data": [CONTRACT]})
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
