"""Registry of faults: their state, their targets, and how often each has happened. Pure.

Times are seconds of one monotonic clock, passed in by the caller.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from feedd.config.faults import RULES, Fault, FaultRule, Place
from feedd.venues.market_ids import embedded_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ACTIVE_AT_MOST = 200
REMEMBERED = 200  # ended faults

State = Literal["waiting", "active", "over"]


@dataclass(eq=False, slots=True)
class ActiveFault:
    """One fault with its window of time; `left` is how often it may still happen."""

    id: int
    fault: Fault
    rule: FaultRule
    begins_s: float
    ends_s: float | None
    left: int | None
    symbols: set[str] | None  # ids of its symbol; None: of any
    state: State = "waiting"
    fired: int = 0
    kept: dict[str, Any] = field(default_factory=dict)  # state of the code that applies it

    @property
    def name(self) -> str:
        """The fault's name."""
        return self.fault.fault

    def meets(self, exchange: str, stream: str) -> bool:
        """Return whether it applies to a stream."""
        fault = self.fault
        return (
            (fault.exchange is None or fault.exchange == exchange)
            and (self.symbols is None or symbol_of(stream) in self.symbols)
            and (not fault.streams or stream.startswith(fault.streams))
        )

    def meets_any(self, exchange: str, streams: Iterable[str]) -> bool:
        """Return whether it applies to a connection with these streams."""
        fault = self.fault
        if self.symbols is None and not fault.streams:
            return fault.exchange is None or fault.exchange == exchange
        return any(self.meets(exchange, stream) for stream in streams)


class Faults:
    """All faults. `changed` is called when one has begun (True) or is over (False)."""

    def __init__(self) -> None:
        self.changed: Callable[[ActiveFault, bool], None] = lambda _active, _began: None
        self._waiting: list[ActiveFault] = []
        self._active: dict[Place, list[ActiveFault]] = {}
        self._over: deque[ActiveFault] = deque(maxlen=REMEMBERED)
        self._last_id = 0
        # Whether no fault on connections' traffic is active; check this first.
        self.traffic_unaffected = True

    def add(self, fault: Fault, now_s: float) -> ActiveFault:
        """Add a checked fault; `advance` starts it. Raises ValueError if there are too many."""
        if len(self._waiting) + sum(map(len, self._active.values())) >= ACTIVE_AT_MOST:
            raise ValueError(
                f"{ACTIVE_AT_MOST} faults already wait or are active; delete some first"
            )
        self._last_id += 1
        rule = RULES[fault.fault]
        begins_s = now_s + fault.after_s
        # For connections "once" means once for each open one, so it isn't counted.
        counted = rule.once and fault.for_s is None and rule.place != "connection"
        active = ActiveFault(
            self._last_id,
            fault,
            rule,
            begins_s,
            None if fault.for_s is None else begins_s + fault.for_s,
            1 if fault.count is None and counted else fault.count,
            None if fault.symbol is None else {fault.symbol, *embedded_ids(fault.symbol)},
        )
        self._waiting.append(active)
        return active

    def advance(self, now_s: float) -> None:
        """Start and end due faults."""
        for active in [one for one in self._waiting if one.begins_s <= now_s]:
            self._waiting.remove(active)
            active.state = "active"
            self._active.setdefault(active.rule.place, []).append(active)
            self._update_traffic_unaffected()
            self.changed(active, True)
            if active.rule.place == "connection" and active.ends_s is None and active.left is None:
                self._end(active)  # it has struck every connection it met
        for active in [one for those in self._active.values() for one in those]:
            if active.ends_s is not None and active.ends_s <= now_s:
                self._end(active)

    def next_s(self) -> float | None:
        """Return when `advance` is to be called next."""
        times = [one.begins_s for one in self._waiting]
        for those in self._active.values():
            times += [one.ends_s for one in those if one.ends_s is not None]
        return min(times, default=None)

    def delete(self, id_: int | None) -> list[ActiveFault]:
        """End one fault, or all, early; return the ended ones."""
        there = [*self._waiting, *(one for those in self._active.values() for one in those)]
        ended = [one for one in there if id_ is None or one.id == id_]
        for active in ended:
            self._end(active)
        return ended

    def at(self, place: Place) -> list[ActiveFault]:
        """Return the active faults at a place, oldest first."""
        return self._active.get(place, [])

    def link(self, name: str, exchange: str, streams: Iterable[str]) -> ActiveFault | None:
        """Return the fault of this name that a connection's traffic meets."""
        for active in self.at("link"):
            if active.name == name and active.meets_any(exchange, streams):
                return active
        return None

    def page(self, exchange: str, page: str, symbol: str) -> ActiveFault | None:
        """Return the fault that a REST page meets."""
        for active in self.at("page"):
            fault = active.fault
            wanted = "depth" if active.name == "stale_snapshot" else fault.page
            if (
                (fault.exchange is None or fault.exchange == exchange)
                and (wanted is None or wanted == page)
                and (active.symbols is None or symbol in active.symbols)
            ):
                return active
        return None

    def handshake(self, exchange: str) -> ActiveFault | None:
        """Return the fault that a handshake meets."""
        for active in self.at("handshake"):
            if active.fault.exchange is None or active.fault.exchange == exchange:
                return active
        return None

    def happened(self, active: ActiveFault) -> None:
        """Count one occurrence; the last one ends the fault."""
        active.fired += 1
        if active.left is not None:
            active.left -= 1
            if active.left == 0:
                self._end(active)

    def as_json(self, now_s: float) -> dict[str, list[dict[str, Any]]]:
        """Return the waiting, active and ended faults as JSON, newest last."""
        active = [one for those in self._active.values() for one in those]
        return {
            "waiting": [
                {**_as_json(one), "begins_in_s": round(max(0.0, one.begins_s - now_s), 3)}
                for one in self._waiting
            ],
            "active": [
                {
                    **_as_json(one),
                    "left": one.left,
                    "ends_in_s": None if one.ends_s is None else round(one.ends_s - now_s, 3),
                }
                for one in sorted(active, key=lambda one: one.id)
            ],
            "over": [_as_json(one) for one in self._over],
        }

    def _end(self, active: ActiveFault) -> None:
        if active.state == "over":
            return
        began = active.state == "active"
        active.state = "over"
        if began:
            self._active[active.rule.place].remove(active)
        else:
            self._waiting.remove(active)
        self._over.append(active)
        self._update_traffic_unaffected()
        if began:
            self.changed(active, False)

    def _update_traffic_unaffected(self) -> None:
        self.traffic_unaffected = not any(
            self.at(place) for place in ("connection", "event", "link")
        )


def symbol_of(stream: str) -> str:
    """Return the symbol in a stream's name: `btcusdt@trade`, `okx:book.BTC/USDT`."""
    name, at, _ = stream.partition("@")
    return name.upper() if at else stream.rpartition(".")[2]


def _as_json(active: ActiveFault) -> dict[str, Any]:
    return {"id": active.id, **msgspec.to_builtins(active.fault), "fired": active.fired}
