"""OKX's raw messages, as the documents and the recording have them."""

from __future__ import annotations

from typing import Any

ARGS = ("okx", "BTC/USDT", 7, "1m")
TICKER: dict[str, Any] = {
    "arg": {"channel": "tickers", "instId": "BTC-USDT"},
    "data": [{
        "instType": "SPOT", "instId": "BTC-USDT", "last": "30236", "lastSz": "0.0002",
        "askPx": "30228.7", "askSz": "1.55896972", "bidPx": "30228.6", "bidSz": "0.23393",
        "open24h": "29700.4", "high24h": "31073", "low24h": "28020.3", "sodUtc0": "29028.8",
        "sodUtc8": "30337.7", "volCcy24h": "525802090.62716611", "vol24h": "17602.13085371",
        "ts": "1652459224956",
    }],
}  # fmt: skip
QUOTE: dict[str, Any] = {
    "arg": {"channel": "bbo-tbt", "instId": "BTC-USDT"},
    "data": [{
        "asks": [["111.06", "55154", "0", "2"]], "bids": [["111.05", "57745", "0", "2"]],
        "ts": "1670324386802", "seqId": 363996337,
    }],
}  # fmt: skip
TRADE: dict[str, Any] = {
    "arg": {"channel": "trades", "instId": "BTC-USDT"},
    "data": [{
        "instId": "BTC-USDT", "tradeId": "130639474", "px": "42219.9", "sz": "0.12060306",
        "side": "buy", "ts": "1630048897897", "count": "3", "source": "0", "seqId": 1234,
    }],
}  # fmt: skip
CANDLE = {
    "arg": {"channel": "candle1m", "instId": "BTC-USDT"},
    "data": [
        ["1597026443085", "8548.26", "8550", "8540", "8541", "3", "1.5", "5529", "0"],
        ["1597026383085", "8533.02", "8553.74", "8527.17", "8548.26", "45247", "529.5858061",
         "5529.5858061", "1"],
    ],
}  # fmt: skip
MARK = {
    "arg": {"channel": "mark-price", "instId": "LTC-USD-190628"},
    "data": [{
        "instType": "FUTURES", "instId": "LTC-USD-190628", "markPx": "0.1", "ts": "1597026383085",
    }],
}  # fmt: skip
LIQUIDATION: dict[str, Any] = {
    "arg": {"channel": "liquidation-orders", "instType": "SWAP"},
    "data": [{
        "details": [
            {"bkLoss": "0", "bkPx": "0.007831", "ccy": "", "posSide": "short", "side": "buy",
             "sz": "13", "ts": "1692266434010"},
            {"bkLoss": "0", "bkPx": "0.0078", "ccy": "", "posSide": "long", "side": "sell",
             "sz": "2", "ts": "1692266434011"},
        ],
        "instFamily": "IOST-USDT", "instId": "IOST-USDT-SWAP", "instType": "SWAP",
        "uly": "IOST-USDT",
    }],
}  # fmt: skip
SNAPSHOT: dict[str, Any] = {
    "arg": {"channel": "books", "instId": "BTC-USDT"}, "action": "snapshot",
    "data": [{
        "asks": [["8476.98", "415", "0", "13"], ["8477", "7", "0", "2"]],
        "bids": [["8476.97", "256", "0", "12"], ["8475.55", "101", "0", "1"]],
        "ts": "1597026383085", "checksum": 0, "prevSeqId": -1, "seqId": 123456,
    }],
}  # fmt: skip
UPDATE: dict[str, Any] = {
    "arg": {"channel": "books", "instId": "BTC-USDT"}, "action": "update",
    "data": [{
        "asks": [["8476.98", "0", "0", "0"]], "bids": [], "ts": "1597026383185", "checksum": 0,
        "prevSeqId": 123456, "seqId": 123460,
    }],
}  # fmt: skip
