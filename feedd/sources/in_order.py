"""Events that a newer one overtook. Pure."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from feedd.model import EventId

BEHIND_AT_MOST = 5  # rising, in a row: then the ids or the times went back for good


class InOrder:
    """Decides whether an event is newer than those before it.

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

    def begin(self, channel: str) -> None:
        """Note that what follows comes from a new subscription."""
        self._newest.pop(channel, None)
        self._behind.pop(channel, None)

    def newest_is(self, channel: str, key: Any) -> None:
        """Note the newest key of a channel, of which not every event comes here."""
        if self._newest.get(channel) != key:
            self._newest[channel] = key
            self._behind.pop(channel, None)

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
