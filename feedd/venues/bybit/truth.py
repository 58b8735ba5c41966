"""Bybit's events of a truth log."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from feedd.books.levels import levels
from feedd.channels import CHANNELS
from feedd.venues.bybit import topics
from feedd.venues.truth import BookUpdate, Event, TruthStream

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

EXCHANGE = "bybit"


class Reader:
    """A `TruthReader`; it keeps each ticker complete, of which a message is a part."""

    exchanges: tuple[str, ...] = (EXCHANGE,)

    def __init__(self) -> None:
        self._tickers: dict[str, dict[str, str]] = {}

    def stream(self, name: str) -> TruthStream | None:
        """Return a stream of the venue; None where no channel is made from it."""
        raw = topics.parse(name)
        if raw is None or raw.content not in CHANNELS:
            return None
        channel = "quote" if raw.content == "book" and raw.levels == 1 else raw.content
        return TruthStream(raw.symbol, channel, CHANNELS[channel].key_grows, self)

    def exchange(self, _channel: str, _data: dict[str, Any]) -> str:
        """Return the venue's only exchange."""
        return EXCHANGE

    def events(self, name: str, channel: str, data: dict[str, Any]) -> Iterator[Event]:
        """Yield the events to be published of a topic's message."""
        body = data["data"]
        if channel == "trade":
            for trade in body:
                content = (float(trade["p"]), float(trade["v"]), trade["S"].lower())
                yield Event(trade["i"], content)
        elif channel == "quote":
            bid, ask = body["b"], body["a"]
            none = (None, None)
            best = (*(map(float, bid[0]) if bid else none), *(map(float, ask[0]) if ask else none))
            yield Event(body["u"], best)
        elif channel == "book":
            yield Event(body["u"], ())
        elif channel == "ticker":
            yield from self._ticker(name, data)
        elif channel == "candle":
            for k in body:
                yield Event(
                    (k["timestamp"], k["start"], k["confirm"]),
                    tuple(float(k[name]) for name in ("open", "high", "low", "close", "volume")),
                )
        else:
            before: dict[Hashable, int] = {}
            for one in body:
                side = "sell" if one["S"] == "Buy" else "buy"
                key = (one["T"], side, float(one["p"]), float(one["v"]))
                before[key] = before.get(key, -1) + 1
                yield Event((*key, before[key]), ())

    def restarted(self, data: dict[str, Any]) -> bool:
        """Whether a message is a book's first after the service restarted: its `u` is 1.

        https://bybit-exchange.github.io/docs/v5/websocket/public/orderbook
        """
        body = data["data"]
        return isinstance(body, dict) and body.get("u") == 1

    def book_update(self, data: dict[str, Any]) -> BookUpdate:
        """Return the book part of a message."""
        body, is_snapshot = data["data"], data["type"] == "snapshot"
        bids, asks = levels(body["b"]), levels(body["a"])
        return BookUpdate(body["u"] - 1, body["u"], is_snapshot, bids, asks)

    def _ticker(self, topic: str, message: dict[str, Any]) -> Iterator[Event]:
        is_whole = message["type"] == "snapshot"
        whole = {} if is_whole else self._tickers.get(topic)
        if whole is None:
            return
        self._tickers[topic] = whole = {**whole, **message["data"]}
        texts = [whole[k] for k in ("lastPrice", "volume24h", "highPrice24h", "lowPrice24h")]
        percent = float(Decimal(whole["price24hPcnt"]) * 100)
        yield Event((message["ts"], *map(float, texts), percent), (), optional=is_whole)
