"""Events that are repeated, or that a newer one overtook. Pure."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from feedd.model import EventId

BEHIND_AT_MOST = 5  # rising, in a row: then the ids or the times went back for good

# All that the exchange sent, by channel. A quote's is compared by its publisher.
_CONTENT: dict[str, Callable[[Any], Any]] = {
    "ticker": attrgetter("last", "volume", "high", "low", "change_percent", "bid", "ask", "id"),
    "candle": attrgetter("open_time", "open", "high", "low", "close", "volume", "closed"),
    "mark": attrgetter("mark_price", "index_price", "funding_rate", "next_funding"),
}


class InOrder:
    """Decides whether an event is new.

    `grows` names, by channel, the key that never falls on one connection. `went_back` is invoked
    with a channel and two keys where it fell for good; the events dropped meanwhile are missing.
    """

    def __init__(
        self, grows: Mapping[str, str], went_back: Callable[[str, EventId, EventId], None]
    ) -> None:
        self.keys = {channel: attrgetter(name) for channel, name in grows.items()}
        self._went_back = went_back
        self._newest: dict[str, Any] = {}
        self._behind: dict[str, list[Any]] = {}
        self._last: dict[str, tuple[int | None, Any]] = {}

    def begin(self, channel: str) -> None:
        """Note that what follows comes from a new subscription."""
        self._newest.pop(channel, None)
        self._behind.pop(channel, None)
        self._last.pop(channel, None)

    def repeats(self, event: Any) -> bool:
        """Return whether an event is the same as the last one, with its time; else it is the last.

        An exchange that doubles a message sends nothing new. Without a time, none is the same.
        """
        content = _CONTENT[event.channel](event)
        last = self._last.get(event.channel)
        if last is not None and event.timestamp is not None and last == (event.timestamp, content):
            return True
        self._last[event.channel] = event.timestamp, content
        return False

    def overtaken(self, event: Any) -> bool:
        """Return whether a newer event of its channel came before; such an event is dropped."""
        channel = event.channel
        key, newest = self.keys[channel](event), self._newest.get(channel)
        if key is None:
            return False
        if newest is None or key >= newest:
            self._newest[channel] = key
            if self._behind:
                self._behind.pop(channel, None)
            return False
        behind = self._behind.setdefault(channel, [])
        if behind and key <= behind[-1]:
            behind.clear()
        behind.append(key)
        if len(behind) < BEHIND_AT_MOST:
            return True
        self._newest[channel] = key
        behind.clear()
        self._went_back(channel, newest, key)
        return False
