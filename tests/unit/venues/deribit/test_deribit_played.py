"""Deribit's recording as it is played: the same data in today's channels."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

from conftest import real_recording
from played_messages import made_messages

from feedd.embedded.played.recording import PlayedRecording, frames

NAME = "venues/deribit.jsonl.zst"


def subscribe(channel: str) -> Any:
    ids = count(1)

    def request(market: str) -> dict[str, Any]:
        params = {"channels": [f"{channel}.{market}.100ms"]}
        return {"id": next(ids), "method": "public/subscribe", "params": params}

    return request


def test_made_books_and_tickers_are_the_recorded_ones() -> None:
    recorded = {number: frame.data for number, frame in frames(real_recording(NAME))}
    requests = {"book": subscribe("book"), "ticker": subscribe("ticker")}
    messages = 0
    for batch, _, (message,), _ in made_messages(NAME, requests):
        want, made = json.loads(recorded[batch.number])["params"], message["params"]
        assert made["channel"] == want["channel"].replace(".raw", ".100ms")
        assert made["data"] == want["data"]
        messages += 1
    assert messages == 89 + 46


def test_instruments_have_the_symbols_that_ccxt_gives_them() -> None:
    recording = PlayedRecording(real_recording(NAME))
    assert recording.market("BTC/USD:BTC-211231-34000-P").id == "BTC-31DEC21-34000-P"
    assert recording.market("ETH/USD:ETH-210827-4000-P").id == "ETH-27AUG21-4000-P"
