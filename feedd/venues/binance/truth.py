"""Binance's events of a truth log: spot, USD-M and COIN-M, whose streams have the same names."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal, localcontext
from typing import TYPE_CHECKING, Any

import msgspec

from feedd.books.levels import levels
from feedd.channels import CHANNELS
from feedd.venues.binance import native, streams
from feedd.venues.binance.market_ids import is_coinm
from feedd.venues.truth import BookUpdate, Event, TruthStream, published

if TYPE_CHECKING:
    from collections.abc import Iterator

SPOT = "binance"
USDM = "binanceusdm"
COINM = "binancecoinm"


class Reader:
    """A `TruthReader`."""

    exchanges: tuple[str, ...] = (SPOT, USDM, COINM)

    def stream(self, name: str) -> TruthStream | None:
        """Return a stream of the venue; None where no channel is made from it."""
        raw = streams.parse(name)
        if raw is None or raw.content not in CHANNELS:
            return None
        counted = raw.content == "trade" or CHANNELS[raw.content].key_grows
        return TruthStream(raw.symbol, raw.content, counted, self)

    def exchange(self, channel: str, data: dict[str, Any]) -> str | None:
        """Return the market that sent an event; None where the event doesn't show it.

        Spot's trades have an M, its quotes no e, its depth no pu, its tickers an x
        (https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams).
        """
        symbol = data["o"]["s"] if channel == "liquidation" else data.get("s")
        if isinstance(symbol, str) and is_coinm(symbol):
            return COINM
        if channel in {"mark", "liquidation"} or "ps" in data or "st" in data:
            return USDM
        spot = {
            "trade": "M" in data, "quote": "e" not in data, "book": "pu" not in data,
            "ticker": "x" in data,
        }.get(channel)  # fmt: skip
        if spot is None:
            return None
        return SPOT if spot else USDM

    def events(self, _name: str, channel: str, data: dict[str, Any]) -> Iterator[Event]:
        """Yield the events to be published of a stream's event."""
        if channel == "trade":
            price = float(data["p"])
            if price:  # at 0: a fill of the insurance fund, not a trade
                yield Event(data["t"], (price, float(data["q"]), "sell" if data["m"] else "buy"))
        elif channel == "quote":
            texts = (data["b"], data["B"], data["a"], data["A"])
            yield Event(data["u"], tuple(map(float, texts)))
        elif channel == "book":
            yield Event(data["u"], ())
        elif channel == "ticker":
            volume = "q" if is_coinm(data.get("s", "")) else "v"
            numbers = [float(data[name]) for name in ("c", volume, "h", "l")]
            yield Event((data["C"], *numbers, _percent(data)), ())
        elif channel == "mark":
            rate = data.get("r")
            index = data.get("i")
            content = (float(data["p"]), _number(index), _number(rate), data.get("T") or None)
            yield Event(data["E"], content)
        elif channel == "candle":
            k = data["k"]
            prices = tuple(float(k[name]) for name in ("o", "h", "l", "c", "v"))
            yield Event((data["E"], k["t"], k["x"]), prices)
        elif channel == "liquidation":
            o = data["o"]
            yield Event((o["T"], o["S"].lower(), float(o["ap"]), float(o["l"]), 0), ())
        else:
            yield _converted(channel, data)

    def restarted(self, _data: dict[str, Any]) -> bool:
        """Return False: ids never restart."""
        return False

    def book_update(self, data: dict[str, Any]) -> BookUpdate:
        """Return the book part of an event."""
        before = data["pu"] if "pu" in data else data["U"] - 1
        return BookUpdate(before, data["u"], False, levels(data["b"]), levels(data["a"]))


def _percent(data: dict[str, Any]) -> float:
    """Return P; where that is rounded to 0, what p and o make, to 18 decimals."""
    rounded = float(data["P"])
    if rounded or "o" not in data or not float(data["o"]):
        return rounded
    with localcontext() as context:
        context.prec = 60
        ratio = Decimal(data["p"]) / Decimal(data["o"])
        return float(ratio.quantize(Decimal("1e-18"), ROUND_DOWN) * 100)


def _converted(channel: str, data: dict[str, Any]) -> Event:
    """Return an event as the native source's converter makes it: its values are not verified."""
    payload = msgspec.json.encode(data)
    market = native.USDM
    converter = market.channels[channel].converter
    if converter is None:
        raise LookupError(f"{channel} has no converter")
    tick = converter(USDM, "", "")(market.decode(payload), payload, 0).event
    return published(channel, msgspec.structs.asdict(tick))


def _number(text: str | None) -> float | None:
    return float(text) if text else None
