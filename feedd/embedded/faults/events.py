"""Faults applied to one connection's events, between the market and the socket. Pure."""

from __future__ import annotations

import re
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from feedd.config.faults import parameter
from feedd.embedded.faults.registry import symbol_of
from feedd.embedded.frames import (
    FINAL_BINARY,
    FINAL_RESERVED,
    FINAL_TEXT,
    frame,
    message_frame,
    text_frame,
)
from feedd.embedded.market import MarketMessage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from feedd.embedded.faults.registry import ActiveFault, Faults

TOO_BIG_BYTES = 11 * 1024 * 1024  # ccxt and most clients accept at most 10 MiB
HELD_AT_MOST = 100_000  # events of one stream that `delay` keeps: it swallows any more

_SYMBOL = re.compile(r',"(?:s|symbol)":"[^"]*"|"(?:s|symbol)":"[^"]*",')
_EVENT = re.compile(r'"e":"[^"]*"|"topic":"[^".]*')
_PRICE = re.compile(r'("(?:p|b|a|c|bid1Price|ask1Price|lastPrice)":|\[\[)"[0-9.]+"')
_PU = re.compile(r'"U":\d+,"u":(\d+),"pu":(\d+)')
_NO_PU = re.compile(r',"pu":\d+')
_BIDS = re.compile(r'"b":\[')
# A size: beside the price of a level, or of a quote or a trade. A ticker's volume is one too.
_SIZE = re.compile(r'(\[\["[0-9.]+",|"(?:q|v|B|bid1Size|volume24h)":)"([0-9.]*[1-9][0-9.]*)"')
_U = re.compile(r'"u":(\d+)')


class Passed(NamedTuple):
    """One step of the output: frames as written, and the event that the truth log records.

    `swallowed` names the fault that kept the event from arriving unaltered.
    """

    message: MarketMessage | None
    swallowed: str | None
    frames: tuple[bytes, ...]


class EventFaults:
    """Applies faults to one connection's events. `wrap` encodes an event as its frame."""

    def __init__(
        self, faults: Faults, exchange: str, wrap: Callable[[MarketMessage], bytes]
    ) -> None:
        self._faults = faults
        self._exchange = exchange
        self._wrap = wrap
        self._reordered: dict[str, MarketMessage] = {}  # by stream: waits for the next one
        self._delayed: dict[str, deque[tuple[float, MarketMessage]]] = {}
        self._restarted: dict[str, int | None] = {}  # by topic: offset added to its `u`

    @property
    def idle(self) -> bool:
        """Whether this connection holds no state that alters its events."""
        return not self._reordered and not self._delayed and not self._restarted

    @property
    def next_s(self) -> float | None:
        """Return when `release` is due next; None without delayed events."""
        return min((held[0][0] for held in self._delayed.values()), default=None)

    def take(self, messages: Sequence[MarketMessage], now_s: float) -> list[Passed]:
        """Return the output for events."""
        out: list[Passed] = []
        for message in messages:
            self._take(self._renumbered(message), now_s, out)
        return out

    def release(self, now_s: float) -> list[Passed]:
        """Return the events with an expired delay."""
        out: list[Passed] = []
        for stream, held in list(self._delayed.items()):
            while held and held[0][0] <= now_s:
                _, message = held.popleft()
                out.append(self._whole(message))
            if not held:
                del self._delayed[stream]
        return out

    def end(self) -> list[Passed]:
        """Return the held events, which will never be sent."""
        out = [Passed(message, "reorder", ()) for message in self._reordered.values()]
        for held in self._delayed.values():
            out += [Passed(message, "delay", ()) for _, message in held]
        self._reordered.clear()
        self._delayed.clear()
        return out

    def restart(self, topic: str) -> None:
        """Give the next snapshot of a Bybit topic `u` 1, and count later events from it."""
        self._restarted[topic] = None

    def _take(self, message: MarketMessage, now_s: float, out: list[Passed]) -> None:
        stream = message.stream
        for active in self._faults.at("event"):
            if active.meets(self._exchange, stream):
                passed = self._apply(active, message, now_s)
                if passed is not None:
                    self._faults.happened(active)
                    out += passed
                    return
        if stream in self._delayed:
            self._delay(message, now_s, out)
        elif (before := self._reordered.pop(stream, None)) is not None:
            out.append(Passed(before, None, ()))
            out.append(Passed(message, None, (self._wrap(message), self._wrap(before))))
        else:
            out.append(self._whole(message))

    def _whole(self, message: MarketMessage) -> Passed:
        return Passed(message, None, (self._wrap(message),))

    def _delay(self, message: MarketMessage, due_s: float, out: list[Passed]) -> None:
        held = self._delayed.setdefault(message.stream, deque())
        if len(held) >= HELD_AT_MOST:
            out.append(Passed(message, "delay", ()))
        else:
            held.append((max(due_s, held[-1][0]) if held else due_s, message))

    def _apply(
        self, active: ActiveFault, message: MarketMessage, now_s: float
    ) -> list[Passed] | None:
        """Return an event as a fault alters it, or None if the fault doesn't apply."""
        name = active.name
        if name in {"mute", "drop"} or (name == "no_snapshot" and _begins(message)):
            return [Passed(message, name, ())]
        if name == "duplicate":
            return [Passed(message, None, (self._wrap(message),) * 2)]
        if name == "delay":
            late: list[Passed] = []
            self._delay(message, now_s + parameter(active.fault, "delay_s"), late)
            return late
        if name == "reorder" and not self._holds(message.stream):
            self._reordered[message.stream] = message
            return []
        junk = None if name in {"no_snapshot", "reorder"} else self._junk(active, message)
        if junk is None:
            return None
        if parameter(active.fault, "instead"):
            return [Passed(message, name, (junk,))]
        return [Passed(None, None, (junk,)), self._whole(message)]

    def _holds(self, stream: str) -> bool:
        return stream in self._reordered or stream in self._delayed

    def _junk(self, active: ActiveFault, message: MarketMessage) -> bytes | None:
        name, data = active.name, message.sent
        if name == "text":
            return text_frame(active.fault.text or "")
        if name in _FRAMES:
            return _FRAMES[name](data)
        if name == "alter" and message.alter is not None:
            changed = message.alter()
            return None if changed is None else message_frame(changed)
        altered = _ALTERED[name](data, symbol_of(message.stream))
        return None if altered == data else self._wrap(message.altered(altered))

    def _renumbered(self, message: MarketMessage) -> MarketMessage:
        """Return an event with the ids of a restarted service."""
        topic, id_ = message.stream, message.id
        if topic not in self._restarted or id_ is None:
            return message
        more = self._restarted[topic]
        if more is None:
            if '"type":"snapshot"' not in message.data:
                return message
            more = self._restarted[topic] = 1 - id_
        return MarketMessage(topic, id_ + more, _U.sub(f'"u":{id_ + more}', message.data, count=1))


def _begins(message: MarketMessage) -> bool:
    """Return whether an event is the first snapshot of a Bybit topic with deltas."""
    return '"type":"snapshot"' in message.data and message.stream.startswith(
        ("orderbook.", "tickers.")
    )


_FRAMES: dict[str, Callable[[str], bytes]] = {
    "malformed": lambda data: text_frame(data[: len(data) // 2]),
    "empty_list": lambda _: text_frame("[]"),
    "null": lambda _: text_frame("null"),
    "number": lambda _: text_frame("123"),
    "empty_text": lambda _: text_frame(""),
    "bad_utf8": lambda data: frame(FINAL_TEXT, data.encode()[:-1] + b',"\xff\xfe":1}'),
    "binary": lambda data: frame(FINAL_BINARY, b"\xff\xfe" + data.encode()),
    "reserved_opcode": lambda data: frame(FINAL_RESERVED, data.encode()),
    "too_big": lambda data: frame(FINAL_TEXT, data.encode().ljust(TOO_BIG_BYTES)),
}
_ALTERED: dict[str, Callable[[str, str], str]] = {
    "no_symbol": lambda data, _: _SYMBOL.sub("", data),
    "unknown_symbol": lambda data, symbol: data.replace(symbol, "NOSUCHUSDT"),
    "unknown_event": lambda data, _: _EVENT.sub(
        lambda m: '"e":"noSuchEvent"' if m[0][1] == "e" else '"topic":"noSuchTopic', data, count=1
    ),
    # Joined to the previous event by its U and u, as clients once checked it, but not by its pu.
    "wrong_pu": lambda data, _: _PU.sub(
        lambda m: f'"U":{m[2]},"u":{m[1]},"pu":{int(m[2]) - 1}', data, count=1
    ),
    "no_pu": lambda data, _: _NO_PU.sub("", data, count=1),
    # A bid above every ask; a quote's bid isn't a list, and is unchanged.
    "crossed": lambda data, _: _BIDS.sub('"b":[["99999999.00","1.000"],', data, count=1).replace(
        '"],]', '"]]'
    ),
    "alter": lambda data, _: _SIZE.sub(r'\1"1\2"', data, count=1),
    "junk_price": lambda data, _: _PRICE.sub(r'\1"junk"', data),
    "empty_price": lambda data, _: _PRICE.sub(r'\1""', data),
}
