"""Bitget's recording as it is played: its own checksums, and today's names."""

from __future__ import annotations

from typing import Any

from conftest import real_recording
from played_messages import made_messages

from feedd.embedded.played.recording import PlayedRecording
from feedd.venues.played import Depth, Trade


def subscribe(channel: str) -> Any:
    def request(market: str) -> dict[str, Any]:
        product, _, id_ = market.rpartition(":")
        arg = {"instType": product or "SPOT", "channel": channel, "instId": id_}
        return {"op": "subscribe", "args": [arg]}

    return request


def test_every_book_has_the_checksum_that_was_recorded() -> None:
    books = 0
    requests = {"book": subscribe("books")}
    for _, event, (message,), _ in made_messages("venues/bitget.jsonl.zst", requests):
        assert isinstance(event, Depth)
        (row,) = message["data"]
        assert row["checksum"] == event.raw["checksum"]
        assert (row["bids"], row["asks"]) == (event.raw["bids"], event.raw["asks"])
        assert message["action"] == ("snapshot" if event.whole else "update")
        books += 1
    assert books == 637


def test_trades_get_ids_and_todays_names() -> None:
    ids: dict[str, list[int]] = {}
    requests = {"trade": subscribe("trade")}
    for batch, event, (message,), _ in made_messages("venues/bitget.jsonl.zst", requests):
        assert isinstance(event, Trade)
        (row,) = message["data"]
        assert (row["price"], row["size"], row["side"]) == (event.price, event.size, event.side)
        ids.setdefault(batch.market, []).append(int(row["tradeId"]))
    assert sum(map(len, ids.values())) == 555
    for market in ids.values():
        assert market == sorted(set(market))


def test_the_changes_of_tickers_are_fractions_as_today() -> None:
    requests = {"ticker": subscribe("ticker")}
    for _, event, (message,), _ in made_messages("venues/bitget.jsonl.zst", requests):
        (row,) = message["data"]
        raw = event.raw
        if "priceChangePercent" in raw:
            assert float(row["change24h"]) == float(raw["priceChangePercent"])
        else:
            first = float(raw["open24h"])
            assert abs(float(row["change24h"]) - (float(raw["last"]) / first - 1)) < 1e-9


def test_contracts_have_symbols_of_their_own() -> None:
    recording = PlayedRecording(real_recording("venues/bitget.jsonl.zst"))
    assert recording.market("UNI/USDT:USDT").id == "USDT-FUTURES:UNIUSDT"
    assert recording.market("EOS/USDT").id == "EOSUSDT"
