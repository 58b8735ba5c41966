"""Compare published payloads with the truth log of the embedded exchange."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from typing import Any

from conftest import Project, eventually

Row = dict[str, Any]

FEEDS = {
    "binanceusdm": (
        "BTC/USDT:USDT",
        ["ticker", "quote", "trade", "book", "candle", "mark", "liquidation"],
    ),
    "binancecoinm": (
        "BTC/USD:BTC",
        ["ticker", "quote", "trade", "book", "candle", "mark", "liquidation"],
    ),
    "binance": ("BTC/USDT", ["ticker", "quote", "trade", "book", "candle"]),
    "bybit": (
        "BTC/USDT:USDT",
        ["ticker", "quote", "trade", "book", "candle", "liquidation"],
    ),
}


def floats(rows: list[list[str]]) -> dict[float, float]:
    return {float(price): float(size) for price, size in rows}


class Truth:
    """The exchange's truth log, by exchange and by the event's identity on the wire."""

    def __init__(self, text: str) -> None:
        self.events: dict[tuple[str, str], dict[Any, Row]] = defaultdict(dict)
        self.bybit_books: dict[int, tuple[dict[float, float], dict[float, float]]] = {}
        self._bids: dict[float, float] = {}
        self._asks: dict[float, float] = {}
        for line in text.splitlines():
            row = json.loads(line)
            stream, data = row["stream"], row["data"]
            if "@" in stream:
                self._binance(stream.partition("@")[2], data)
            else:
                self._bybit(stream, data)

    def _binance(self, kind: str, data: Row) -> None:
        coinm = (data["o"] if kind == "forceOrder" else data)["s"].endswith("_PERP")
        name = "binanceusdm" if "st" in data or kind == "forceOrder" else "binance"
        name = "binancecoinm" if coinm else name
        if kind == "bookTicker":
            self.events[name, "quote"][data["u"]] = data
        elif kind == "trade":
            self.events[name, "trade"][data["t"]] = data
        elif kind.startswith("depth"):
            self.events[name, "book"][data["u"]] = data
        elif kind.startswith("kline"):
            for either in {name, "binance", "binanceusdm"}:  # their messages are the same
                self.events[either, "candle"][data["E"], data["k"]["v"]] = data["k"]
        elif kind.startswith("markPrice"):
            self.events[name, "mark"][data["E"]] = data
        elif kind == "forceOrder":
            self.events[name, "liquidation"][data["o"]["T"], float(data["o"]["l"])] = data["o"]
        elif kind == "ticker":
            for stamp in ("C", "E"):
                volume = "q" if name == "binancecoinm" else "v"
                self.events[name, "ticker"][data[stamp], float(data[volume])] = data

    def _bybit(self, topic: str, message: Row) -> None:  # noqa: C901  a line per topic
        data = message["data"]
        if topic.startswith("orderbook.1."):
            self.events["bybit", "quote"][data["u"]] = data
        elif topic.startswith("orderbook"):
            if message["type"] == "snapshot":
                self._bids, self._asks = {}, {}
            for side, rows in ((self._bids, data["b"]), (self._asks, data["a"])):
                side.update(floats(rows))
                for price in [price for price, size in side.items() if not size]:
                    del side[price]
            self.bybit_books[data["u"]] = (dict(self._bids), dict(self._asks))
        elif topic.startswith("publicTrade"):
            self.events["bybit", "trade"].update({one["i"]: one for one in data})
        elif topic.startswith("kline"):
            for one in data:
                self.events["bybit", "candle"][one["timestamp"], one["volume"]] = one
        elif topic.startswith("allLiquidation"):
            for one in data:
                self.events["bybit", "liquidation"][one["T"], float(one["v"])] = one
        elif topic.startswith("tickers"):
            last = self.events["bybit", "ticker"].get("last", {})
            merged = {**last, **data}
            self.events["bybit", "ticker"]["last"] = merged
            self.events["bybit", "ticker"][message["ts"]] = merged


def truth_until_now(project: Project) -> Truth:
    """Return what the exchange has sent until now, once it is written."""
    now_ns = time.time_ns()

    def written() -> str:
        text, _, _ = (project.root / "truth.jsonl").read_text().rpartition("\n")
        last = text[text.rfind("\n") + 1 :]
        return text if last and json.loads(last)["sent_ns"] > now_ns else ""

    return Truth(eventually(written, what="the truth log goes on"))


def check_ticker(truth: Truth, exchange: str, one: Row) -> None:
    events = truth.events[exchange, "ticker"]
    if exchange == "bybit":
        said = events[one["timestamp"]]
        names = ("lastPrice", "volume24h", "highPrice24h", "lowPrice24h")
    else:
        said = events[one["timestamp"], one["volume"]]
        names = ("c", "q" if exchange == "binancecoinm" else "v", "h", "l")
    assert [one[key] for key in ("last", "volume", "high", "low")] == [
        float(said[name]) for name in names
    ]
    assert one["bid_ask"] == "quote"


def check_quote(truth: Truth, exchange: str, one: Row) -> None:
    said = truth.events[exchange, "quote"][one["id"]]
    values = [one[key] for key in ("bid", "bid_size", "ask", "ask_size")]
    if exchange == "bybit":
        assert values == [float(x) for x in (*said["b"][0], *said["a"][0])]
    else:
        assert values == [float(said[key]) for key in "bBaA"]


def check_trade(truth: Truth, exchange: str, one: Row) -> None:
    said = truth.events[exchange, "trade"][one["id"]]
    values = (one["price"], one["size"], one["side"], one["timestamp"])
    if exchange == "bybit":
        assert values == (float(said["p"]), float(said["v"]), said["S"].lower(), said["T"])
    else:
        side = "sell" if said["m"] else "buy"
        assert values == (float(said["p"]), float(said["q"]), side, said["T"])


def check_book(truth: Truth, exchange: str, one: Row) -> None:
    bids, asks = [dict(map(tuple, one[side])) for side in ("bids", "asks")]  # type: ignore[arg-type]
    assert len(bids) == len(asks) == 20
    assert list(bids) == sorted(bids, reverse=True)
    assert list(asks) == sorted(asks)
    assert max(bids) < min(asks)
    if exchange == "bybit":
        true_bids, true_asks = truth.bybit_books[one["id"]]
        assert bids == {p: true_bids[p] for p in sorted(true_bids, reverse=True)[:20]}
        assert asks == {p: true_asks[p] for p in sorted(true_asks)[:20]}
        return
    said = truth.events[exchange, "book"][one["id"]]
    for price, size in floats(said["b"]).items():
        if price >= min(bids):
            assert bids.get(price, 0.0) == size
    for price, size in floats(said["a"]).items():
        if price <= max(asks):
            assert asks.get(price, 0.0) == size


def check_candle(truth: Truth, exchange: str, one: Row) -> None:
    volume = {float(key[1]): key for key in truth.events[exchange, "candle"]
              if key[0] == one["timestamp"]}  # fmt: skip
    said = truth.events[exchange, "candle"][volume[one["volume"]]]
    names = ("open", "high", "low", "close") if exchange == "bybit" else ("o", "h", "l", "c")
    assert [one[key] for key in ("open", "high", "low", "close")] == [
        float(said[name]) for name in names
    ]
    opened, closed = ("start", "confirm") if exchange == "bybit" else ("t", "x")
    assert (one["open_time"], one["closed"], one["timeframe"]) == (
        said[opened], said[closed], "1m",
    )  # fmt: skip


def check_mark(truth: Truth, exchange: str, one: Row) -> None:
    said = truth.events[exchange, "mark"][one["timestamp"]]
    assert (one["mark_price"], one["index_price"], one["funding_rate"], one["next_funding"]) == (
        float(said["p"]), float(said["i"]) if "i" in said else None, float(said["r"]), said["T"],
    )  # fmt: skip


def check_liquidation(truth: Truth, exchange: str, one: Row) -> None:
    said = truth.events[exchange, "liquidation"][one["timestamp"], one["size"]]
    position = exchange == "bybit"  # whose message names the side of the position
    side = {"Buy": "sell", "Sell": "buy"}[said["S"]] if position else said["S"].lower()
    assert (one["side"], one["price"]) == (side, float(said["p"]))


CHECKS = {"ticker": check_ticker, "quote": check_quote, "trade": check_trade, "book": check_book,
          "candle": check_candle, "mark": check_mark,
          "liquidation": check_liquidation}  # fmt: skip
