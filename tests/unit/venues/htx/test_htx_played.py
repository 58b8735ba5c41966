"""A recording of HTX's swaps as the player reads it, and the messages that it makes of it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from feedd.books.depth import Snapshot, Update
from feedd.embedded.played.recording import PlayedRecording
from feedd.venues.htx import book, parsers
from feedd.venues.htx.played import HtxSwapPlayer
from feedd.venues.played import (
    Depth,
    MarketState,
    PageRequest,
    Session,
    Subscription,
    Ticker,
    Trade,
    channel_of,
)

ENTRY = {
    "symbol": "BTC", "contract_code": "BTC-USDT", "contract_size": 0.001, "price_tick": 0.1,
    "delivery_time": "", "create_date": "20201021", "contract_status": 1,
}  # fmt: skip
TOPICS = {
    "book": "market.BTC-USDT.depth.size_150.high_freq", "trade": "market.BTC-USDT.trade.detail",
    "ticker": "market.BTC-USDT.detail",
}  # fmt: skip


def recording(tmp_path: Path) -> PlayedRecording:
    def frame(topic: str, tick: str) -> str:
        return f'{{"ch":"market.BTC-USDT.{topic}","ts":1603708208346,"tick":{tick}}}'

    frames = [
        frame("depth.step0", '{"bids":[[13073.2,5],[13073,1]],"asks":[[13073.3,8]]}'),
        frame("trade.detail", '{"id":9,"ts":1603708208335,"data":[{"amount":4,"ts":1603708208336,'
              '"id":1316022650001,"price":13073.3,"direction":"buy"},{"amount":2,"ts":1603708208335,'
              '"id":1316022650000,"price":13073.2,"direction":"sell"}]}'),
        frame("depth.step0", '{"bids":[[13073,1.50]],"asks":[[13073.3,4],[13074,1]]}'),
        frame("detail", '{"open":10000,"close":13073.3,"high":13100,"low":9000.5,"amount":84.5,'
              '"vol":84500,"bid":[13073,1],"ask":[13073.3,4]}'),
    ]  # fmt: skip
    url = "https://api.hbdm.com/linear-swap-api/v1/swap_contract_info"
    rows = [
        {"t": "header", "format": 2, "exchange": "HUOBI_SWAP"},
        {"t": "http", "conn": "h", "ts": 1.0, "url": url, "data": json.dumps({"data": [ENTRY]})},
        *({"t": "recv", "conn": "w", "ts": 2.0, "data": one} for one in frames),
    ]
    path = tmp_path / "swap"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return PlayedRecording(path)


def test_whole_books_become_a_snapshot_and_updates_with_versions(tmp_path: Path) -> None:
    held = recording(tmp_path)
    assert list(held.markets) == ["BTC/USDT:USDT"]
    state = MarketState(held.market("BTC-USDT"))
    player = HtxSwapPlayer({"BTC-USDT": state})
    made: list[Any] = []
    session = Session("/linear-swap-ws", {})
    for batch in held.batches():
        for event in map(state.apply, batch.events):
            if isinstance(event, Depth | Ticker | Trade):
                request = {"sub": TOPICS[channel_of(event)], "id": "1"}
                [ask] = player.asks(request, session)
                messages = player.messages([event], Subscription(ask, session), state)  # type: ignore[arg-type]
                made += [json.loads(gzip.decompress(player.encode(one))) for one in messages]
    snapshot, sold, bought, update, ticker = made
    whole = book.swap_depth(snapshot)
    assert isinstance(whole, Snapshot)
    assert (whole.bids, whole.asks) == ([(13073.2, 5.0), (13073.0, 1.0)], [(13073.3, 8.0)])
    assert book.swap_depth(update) == Update(
        whole.last, whole.last + 1, 1603708208346, [(13073.2, 0.0), (13073.0, 1.5)],
        [(13073.3, 4.0), (13074.0, 1.0)],
    )  # fmt: skip
    trades = [parsers.swap_trades(one, "htx", "S", 0, "")[0] for one in (sold, bought)]
    assert [(one.id, one.side, one.size) for one in trades] == [
        (1316022650000, "sell", 2.0), (1316022650001, "buy", 4.0)
    ]  # fmt: skip
    [summary] = parsers.tickers(ticker, "htx", "S", 0, "")
    assert (summary.last, summary.bid, summary.ask) == (13073.3, 13073.0, 13073.3)


def test_the_list_of_swaps_has_what_ccxt_needs(tmp_path: Path) -> None:
    player = HtxSwapPlayer({"BTC-USDT": MarketState(recording(tmp_path).market("BTC-USDT"))})

    def page(path: str) -> Any:
        return player.page(PageRequest("GET", path, {}, "", "", 0))

    [entry] = page("/linear-swap-api/v1/swap_contract_info")["data"]
    assert entry["business_type"] == "swap"
    assert page("/swap-api/v1/swap_contract_info")["data"] == []
    assert page("/nothing") is None
