"""Latest message of every topic, and when it arrived. Pure: times are passed in."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from feedd.client.events import Status
from feedd.topics import topic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from feedd.client.events import Tick

MAX_TOPICS = 100_000  # the rest is not kept, and `refused` counts it


class Latest(NamedTuple):
    """The last message of a topic; `arrived_s` is of a monotonic clock."""

    event: Tick | Status
    arrived_s: float


class Market:
    """The last message of each topic, by its name; statuses are topics like all others."""

    def __init__(self) -> None:
        self.topics: dict[str, Latest] = {}
        self._statuses: set[str] = set()  # their topics
        self.refused = 0

    def add(self, event: Tick | Status, now_s: float) -> str:
        """Keep a message, and return its topic."""
        name = topic(event.channel, event.exchange, event.symbol)
        if name in self.topics:
            self.topics[name] = Latest(event, now_s)
        elif len(self.topics) < MAX_TOPICS:
            self.topics[name] = Latest(event, now_s)
            if isinstance(event, Status):
                self._statuses.add(name)
        else:
            self.refused += 1
        return name

    def last(self, channel: str, exchange: str, symbol: str) -> Latest | None:
        """Return the last message of a topic; None before the first."""
        return self.topics.get(topic(channel, exchange, symbol))

    def statuses(self) -> Iterator[Latest]:
        """Return the last status of each feed."""
        return (self.topics[name] for name in self._statuses)
