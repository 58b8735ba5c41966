"""What an exchange's event and a published payload have in common: a key, and a content. Pure.

The key says which event it is: the exchange's id where there is one, else its time and what else
tells it from its neighbours. The content is what must then be equal: prices and sizes as float64 of
the exchange's text, exactly. What each channel is made of stands in docs/channels.md.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from feedd.books.levels import levels
from feedd.channels import CHANNELS
from feedd.venues.binance import native, streams
from feedd.venues.bybit import topics

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from feedd.books.levels import Level

BINANCE = "binance"  # spot
USDM = "binanceusdm"
BYBIT = "bybit"


class TruthStream(NamedTuple):
    """A stream of the truth log: its symbol, by the exchange's id, and its channel."""

    symbol: str
    channel: str
    is_bybit: bool


class Event(NamedTuple):
    """One event, of whichever side."""

    key: Hashable
    content: tuple[Any, ...]
    optional: bool = False  # sent to one connection alone, which may be another one's


class BookUpdate(NamedTuple):
    """What an event says of a book; `before` is the id that the update before it has."""

    before: int
    last: int
    is_snapshot: bool
    bids: list[Level]
    asks: list[Level]


def truth_stream(name: str) -> TruthStream | None:
    """Return a stream of the truth log; None where no channel is made from it."""
    is_bybit = "@" not in name
    raw = topics.parse(name) if is_bybit else streams.parse(name)
    if raw is None or raw.content not in CHANNELS:
        return None
    return TruthStream(raw.symbol, raw.content, is_bybit)


def binance_market(channel: str, data: dict[str, Any]) -> str | None:
    """Return which of Binance's markets an event is of; None where it doesn't show.

    Spot's trades have an M, its quotes no e, its depth no pu, its tickers an x
    (https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams).
    """
    if channel in {"mark", "liquidation"} or "ps" in data or "st" in data:
        return USDM
    spot = {
        "trade": "M" in data, "quote": "e" not in data, "book": "pu" not in data,
        "ticker": "x" in data,
    }.get(channel)  # fmt: skip
    if spot is None:
        return None
    return BINANCE if spot else USDM


def binance_events(channel: str, data: dict[str, Any]) -> Iterator[Event]:
    """Yield what is to be published of an event; raise one of MALFORMED for what is none."""
    if channel == "trade":
        price = float(data["p"])
        if price:  # at 0: a fill of the insurance fund, which is no trade
            yield Event(data["t"], (price, float(data["q"]), "sell" if data["m"] else "buy"))
    elif channel == "quote":
        texts = (data["b"], data["B"], data["a"], data["A"])
        yield Event(data["u"], tuple(map(float, texts)))
    elif channel == "book":
        yield Event(data["u"], ())
    elif channel == "ticker":
        numbers = [float(data[name]) for name in ("c", "v", "h", "l", "P")]
        yield Event((data["C"], *numbers), ())
    elif channel == "mark":
        rate = data.get("r")
        index = data.get("i")
        content = (float(data["p"]), _number(index), _number(rate), data.get("T") or None)
        yield Event(data["E"], content)
    elif channel == "candle":
        k = data["k"]
        yield Event(
            (data["E"], k["t"], k["x"]), tuple(float(k[name]) for name in ("o", "h", "l", "c", "v"))
        )
    elif channel == "liquidation":
        o = data["o"]
        yield Event((o["T"], o["S"].lower(), float(o["ap"]), float(o["l"]), 0), ())
    else:
        yield _converted(channel, data)


def _converted(channel: str, data: dict[str, Any]) -> Event:
    """Return an event as the venue's own converter makes it: its values are not verified."""
    payload = msgspec.json.encode(data)
    market = native.USDM
    converter = market.channels[channel].converter
    if converter is None:
        raise LookupError(f"{channel} has no converter")
    tick = converter(USDM, "", "")(market.decode(payload), payload, 0).event
    return published(channel, msgspec.structs.asdict(tick))


class BybitTopics:
    """Reads Bybit's messages; of tickers it keeps the whole that they are parts of."""

    def __init__(self) -> None:
        self._tickers: dict[str, dict[str, str]] = {}

    def events(self, topic: str, channel: str, message: dict[str, Any]) -> Iterator[Event]:
        """Yield what is to be published; raise one of MALFORMED for what is none."""
        data = message["data"]
        if channel == "trade":
            for trade in data:
                content = (float(trade["p"]), float(trade["v"]), trade["S"].lower())
                yield Event(trade["i"], content)
        elif channel == "quote":
            bid, ask = data["b"], data["a"]
            none = (None, None)
            best = (*(map(float, bid[0]) if bid else none), *(map(float, ask[0]) if ask else none))
            yield Event(data["u"], best)
        elif channel == "book":
            yield Event(data["u"], ())
        elif channel == "ticker":
            yield from self._ticker(topic, message)
        elif channel == "candle":
            for k in data:
                yield Event(
                    (k["timestamp"], k["start"], k["confirm"]),
                    tuple(float(k[name]) for name in ("open", "high", "low", "close", "volume")),
                )
        else:
            before: dict[Hashable, int] = {}
            for one in data:
                side = "sell" if one["S"] == "Buy" else "buy"
                key = (one["T"], side, float(one["p"]), float(one["v"]))
                before[key] = before.get(key, -1) + 1
                yield Event((*key, before[key]), ())

    def _ticker(self, topic: str, message: dict[str, Any]) -> Iterator[Event]:
        is_whole = message["type"] == "snapshot"
        whole = {} if is_whole else self._tickers.get(topic)
        if whole is None:
            return
        self._tickers[topic] = whole = {**whole, **message["data"]}
        texts = [whole[k] for k in ("lastPrice", "volume24h", "highPrice24h", "lowPrice24h")]
        percent = float(Decimal(whole["price24hPcnt"]) * 100)
        yield Event((message["ts"], *map(float, texts), percent), (), optional=is_whole)


def book_update(data: dict[str, Any]) -> BookUpdate:
    """Return what an event says of a book; raise one of MALFORMED for what is none."""
    if "topic" in data:
        body, is_snapshot = data["data"], data["type"] == "snapshot"
        before = body["u"] - 1
    else:
        body, is_snapshot = data, False
        before = data["pu"] if "pu" in data else data["U"] - 1
    return BookUpdate(before, body["u"], is_snapshot, levels(body["b"]), levels(body["a"]))


def published(channel: str, payload: dict[str, Any]) -> Event:
    """Return a payload's event; raise LookupError or TypeError for a malformed one."""
    spec = CHANNELS[channel]
    key = tuple(payload[name] for name in spec.key)
    content = tuple(payload[name] for name in spec.content)
    if spec.key_repeats:
        return Event((*key, 0), content)
    return Event(key[0] if len(key) == 1 else key, content)


def _number(text: str | None) -> float | None:
    return float(text) if text else None
