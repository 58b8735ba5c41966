"""Streams of a recording: played unchanged, or derived from recorded streams."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from feedd.clock import NS_PER_MS
from feedd.embedded.instruments import units
from feedd.embedded.market import Refused
from feedd.embedded.trade_history import TradeHistory, TradeRow
from feedd.venues.binance.streams import INTERVALS_MS, parse

if TYPE_CHECKING:
    from feedd.embedded.binance.format import Format
    from feedd.embedded.instruments import Instrument
    from feedd.venues.raw_streams import RawStream

# Takes a line's local time in ns and its data, and yields the data of the events it makes.
Make = Callable[[int, str], Iterator[str]]


@dataclass(frozen=True, slots=True)
class Derivation:
    """The stream of the recording to read, without the symbol, and the maker of its events."""

    source: str
    make: Callable[[Format, RawStream], Make]


def derivation(stream: RawStream, held: set[str]) -> Derivation:
    """Return a stream's derivation from the held ones; raise Refused with the reason if none."""
    wanted = stream.name.partition("@")[2]
    if wanted in held:
        return Derivation(wanted, _unchanged)
    trades = next((name for name in ("trade", "aggTrade") if name in held), None)
    if stream.content in {"ticker", "mini_ticker", "candle"} and trades is not None:
        return Derivation(trades, _summaries)
    if stream.content == "aggregate_trade" and trades is not None:
        return Derivation(trades, _aggregates)
    if stream.content == "book":
        faster = [name for name in sorted(held) if _period_ms(name) < stream.period_ms]
        if faster:
            return Derivation(faster[0], _merged_depth)
    raise Refused(
        f"the recording holds no {wanted} and nothing to derive it from; "
        f"it holds {', '.join(sorted(held))}"
    )


def _period_ms(held: str) -> float:
    stream = parse(f"x@{held}")
    return stream.period_ms if stream is not None and stream.content == "book" else float("inf")


def _unchanged(_form: Format, _stream: RawStream) -> Make:
    def make(_local_ns: int, data: str) -> Iterator[str]:
        yield data

    return make


def _summaries(form: Format, stream: RawStream) -> Make:
    """Make tickers and candles, once per period of the recording's time, over the trades played."""
    instrument = form.instrument
    history = TradeHistory(instrument)
    span_ms = INTERVALS_MS.get(stream.interval, 0)
    due_ms = 0

    def candle(at_ms: int, now_ms: int, *, closed: bool) -> Iterator[str]:
        one = history.candle(span_ms, at_ms)
        if one is not None:
            yield form.kline(one, stream.interval, closed=closed, now_ms=now_ms)

    def make(local_ns: int, data: str) -> Iterator[str]:
        nonlocal due_ms
        event = json.loads(data)
        now_ms = event["E"]
        row = _row(instrument, event)
        last = history.last
        if span_ms and last is not None and row.time // span_ms > last.time // span_ms:
            yield from candle(last.time, now_ms, closed=True)
        history.add(row)
        local_ms = local_ns // NS_PER_MS
        if local_ms < due_ms:
            return
        due_ms = local_ms + stream.period_ms
        if span_ms:
            yield from candle(row.time, now_ms, closed=False)
            return
        if stream.content == "ticker":
            made = form.ticker(history, None, now_ms)
        else:
            made = form.mini_ticker(history, now_ms)
        yield from () if made is None else (made,)

    return make


def _aggregates(form: Format, _stream: RawStream) -> Make:
    instrument = form.instrument
    history = TradeHistory(instrument)
    last_id = 0

    def make(_local_ns: int, data: str) -> Iterator[str]:
        nonlocal last_id
        event = json.loads(data)
        history.add(_row(instrument, event))
        for row in history.aggregates_after(last_id):
            last_id = row.id
            yield form.aggregate(row, event["E"])

    return make


def _merged_depth(_form: Format, stream: RawStream) -> Make:
    """Merge diff-depth events of one period: `U` and `pu` of the first, the rest of the last."""
    first: dict[str, Any] | None = None
    sides: dict[str, dict[str, str]] = {"b": {}, "a": {}}
    since_ms = 0

    def make(local_ns: int, data: str) -> Iterator[str]:
        nonlocal first, since_ms
        event = json.loads(data)
        if first is None:
            first = event
            since_ms = local_ns // NS_PER_MS
        for side, levels in sides.items():
            levels.update(event[side])
        if local_ns // NS_PER_MS - since_ms >= stream.period_ms - 25:
            merged = {**event, **{key: first[key] for key in ("U", "pu") if key in first}}
            for side, levels in sides.items():
                merged[side] = [list(level) for level in levels.items()]
                levels.clear()
            first = None
            yield json.dumps(merged, separators=(",", ":"))

    return make


def _row(instrument: Instrument, event: dict[str, Any]) -> TradeRow:
    return TradeRow(
        id=event["t"] if event["e"] == "trade" else event["a"],
        time=event["T"],
        price=units(event["p"], instrument.price_decimals),
        size=units(event["q"], instrument.size_decimals),
        buyer_is_maker=event["m"],
    )
