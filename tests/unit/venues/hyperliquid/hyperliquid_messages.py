"""Hyperliquid's raw messages, as the documents and the recording have them."""

from __future__ import annotations

from typing import Any

ARGS = ("hyperliquid", "BTC/USDC:USDC", 7, "1m")
BOOK: dict[str, Any] = {
    "channel": "l2Book",
    "data": {
        "coin": "BTC", "time": 1710131872708,
        "levels": [
            [{"px": "68674.0", "sz": "0.97139", "n": 4}],
            [{"px": "68675.0", "sz": "0.04396", "n": 1}],
        ],
    },
}  # fmt: skip
CTX: dict[str, Any] = {
    "channel": "activeAssetCtx",
    "data": {
        "coin": "BTC",
        "ctx": {
            "funding": "0.0000125", "openInterest": "34715.04452", "prevDayPx": "83388.0",
            "dayNtlVlm": "2524355036.618314743", "premium": "-0.0001513106",
            "oraclePx": "85916.0", "markPx": "85896.4", "midPx": "85902.5",
            "impactPxs": ["85902.0", "85903.0"], "dayBaseVlm": "29799.4898",
        },
    },
}  # fmt: skip
BBO: dict[str, Any] = {
    "channel": "bbo",
    "data": {
        "coin": "BTC", "time": 1790358617881,
        "bbo": [
            {"px": "83757.0", "sz": "22.61305", "n": 81},
            {"px": "83758.0", "sz": "0.00016", "n": 1},
        ],
    },
}  # fmt: skip
TRADES: dict[str, Any] = {
    "channel": "trades",
    "data": [
        {
            "coin": "BTC", "side": "A", "px": "68517.0", "sz": "0.005", "time": 1710125266669,
            "hash": "0xc8", "tid": 981894269203506, "users": ["0xe9", "0x68"],
        },
        {
            "coin": "BTC", "side": "B", "px": "68518.0", "sz": "0.1", "time": 1710125266668,
            "hash": "0xc9", "tid": 1, "users": ["0xe9", "0x68"],
        },
    ],
}  # fmt: skip
CANDLE = {
    "channel": "candle",
    "data": {
        "t": 1710146280000, "T": 1710146339999, "s": "BTC", "i": "1m", "o": "71400.0",
        "c": "71411.0", "h": "71422.0", "l": "71389.0", "v": "1.20407", "n": 20,
    },
}  # fmt: skip
