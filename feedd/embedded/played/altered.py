"""A message with one size altered, as the fault `alter` sends it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from feedd.venues.played import Depth, Quote, Ticker, Trade

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from feedd.venues.played import Event, LevelTexts, Message


def altered(message: Message, events: Sequence[Event]) -> Message | None:
    """Return the message with another size, or volume, of one of the events; None: it has none."""
    for price, size in _sizes(events):
        changed, found = _replaced(message, price, size)
        if found:
            return changed
    return None


def _sizes(events: Sequence[Event]) -> Iterator[tuple[str, str]]:
    for event in events:
        if isinstance(event, Trade):
            yield event.price, event.size
        elif isinstance(event, Quote):
            for price, size in ((event.bid, event.bid_size), (event.ask, event.ask_size)):
                if price is not None and size is not None:
                    yield price, size
        elif isinstance(event, Ticker):
            if event.last is not None and event.volume is not None:
                yield event.last, event.volume
        elif isinstance(event, Depth):
            yield from levels_to_alter(event)


def levels_to_alter(event: Depth) -> Iterator[LevelTexts]:
    """Yield the levels with a size, the best first: a checksum covers only those."""
    levels = [*event.bids[:1], *event.asks[:1], *event.bids[1:], *event.asks[1:]]
    yield from (level for level in levels if float(level[1]))


def _replaced(part: Any, price: str, size: str) -> tuple[Any, bool]:
    """Return a copy in which the size beside the price is another, and whether it was there."""
    keys: list[tuple[Any, Any]]
    if isinstance(part, dict):
        keys = list(part.items())
    elif isinstance(part, list | tuple):
        keys = list(enumerate(part))
    else:
        return part, False
    if any(_same(value, price) for _, value in keys):
        for key, value in keys:
            if _same(value, size) and (size != price or key != keys[0][0]):
                return _with(part, key, _other(value)), True
    for key, value in keys:
        changed, found = _replaced(value, price, size)
        if found:
            return _with(part, key, changed), True
    return part, False


def _with(part: Any, key: Any, value: Any) -> Any:
    copy = dict(part) if isinstance(part, dict) else list(part)
    copy[key] = value
    return copy


def _same(value: Any, text: str) -> bool:
    if isinstance(value, msgspec.Raw):
        value = float(bytes(value))  # perhaps with fewer zeros at its end
    if isinstance(value, bool) or value is None:
        return False
    if isinstance(value, str):
        return value.lstrip("-") == text
    if isinstance(value, int | float):
        return float(abs(value)) == float(text)
    return False


def _other(value: Any) -> Any:
    if isinstance(value, msgspec.Raw):
        return msgspec.Raw(("1" + bytes(value).decode()).encode())
    if isinstance(value, str):
        return f"-1{value[1:]}" if value.startswith("-") else "1" + value
    return value + 1
