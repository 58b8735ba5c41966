"""Binary frames of MEXC, made by ccxt's classes of Protocol Buffers: not by feedd's reader."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

TIME_MS = 1754741322152


def frame(channel: str, body: str, **fields: Any) -> bytes:
    """Return a frame; lists of the body's fields are repeated messages, each given as a dict."""
    pytest.importorskip("google.protobuf", reason="protobuf is not installed; see the dev extra")
    from ccxt.protobuf.mexc import PushDataV3ApiWrapper_pb2  # noqa: PLC0415

    message = PushDataV3ApiWrapper_pb2.PushDataV3ApiWrapper(
        channel=channel, symbol="BTCUSDT", sendTime=TIME_MS, **{body: fields}
    )
    return message.SerializeToString()  # type: ignore[no-any-return]


def depth(first: int, last: int, bids: list[list[str]], asks: list[list[str]]) -> bytes:
    """Return a frame of the depth."""
    sides = {
        name: [{"price": price, "quantity": quantity} for price, quantity in rows]
        for name, rows in (("bids", bids), ("asks", asks))
    }
    channel = "spot@public.aggre.depth.v3.api.pb@100ms@BTCUSDT"
    return frame(
        channel, "publicAggreDepths", **sides, eventType="spot@public.aggre.depth.v3.api.pb@100ms",
        fromVersion=str(first), toVersion=str(last),
    )  # fmt: skip


def made_recording(folder: Path, frames: int = 200) -> Path:
    """Write a made-up recording of every channel of one market, with its listing."""
    rng = random.Random(7)
    listed = {"symbol": "BTCUSDT", "baseAsset": "BTC", "quoteAsset": "USDT", "status": "1"}
    rows: list[dict[str, Any]] = [
        {"t": "header", "format": 2, "exchange": "MEXC"},
        {"t": "http", "conn": "h", "ts": 1754741322.0,
         "url": "https://api.mexc.com/api/v3/exchangeInfo",
         "data": json.dumps({"symbols": [listed]})},
    ]  # fmt: skip
    version, price = 43296363236, 117_000.0
    for number in range(frames):
        time_ms = TIME_MS + 100 * number
        bids = [_item(price - at, rng.choice(("0", "0.5", "1.25"))) for at in _places(rng, number)]
        asks = [
            _item(price + 0.5 + at, rng.choice(("0", "2", "0.75"))) for at in _places(rng, number)
        ]
        last = version + rng.randrange(20)
        bodies = {
            "spot@public.aggre.depth.v3.api.pb@100ms@BTCUSDT": {"publicAggreDepths": {
                "bids": bids, "asks": asks, "fromVersion": str(version), "toVersion": str(last)}},
            "spot@public.aggre.deals.v3.api.pb@100ms@BTCUSDT": {"publicAggreDeals": {"deals": [
                {**_item(price, "0.1"), "tradeType": 1 + number % 2, "time": str(time_ms)}]}},
            "spot@public.aggre.bookTicker.v3.api.pb@100ms@BTCUSDT": {"publicAggreBookTicker": {
                "bidPrice": str(price), "bidQuantity": str(1 + number), "askPrice": "117000.5",
                "askQuantity": "1"}},
            "spot@public.miniTicker.v3.api.pb@BTCUSDT@24H": {"publicMiniTicker": {
                "symbol": "BTCUSDT", "price": str(price), "rate": "0", "zonedRate": "-0.0013",
                "high": "118000", "low": "115000", "volume": str(1000 + number),
                "quantity": str(number)}},
        }  # fmt: skip
        version = last + 1
        for channel, body in bodies.items():
            data = {"channel": channel, "symbol": "BTCUSDT", "sendTime": str(time_ms), **body}
            rows.append({"t": "recv", "conn": "w", "ts": time_ms / 1000, "data": json.dumps(data)})
    path = folder / "mexc.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def _places(rng: random.Random, number: int) -> list[int]:
    """Return distances from the middle: at first every one, then some."""
    return list(range(40)) if number == 0 else rng.sample(range(60), 6)


def _item(price: float, quantity: str) -> dict[str, str]:
    return {"price": f"{price:.2f}", "quantity": quantity}
