"""Labels of feeds and processes, kept from one generation to the next: making them is slow."""

from __future__ import annotations

from functools import lru_cache

from feedd.gateway.metrics.families import Labels
from feedd.gateway.metrics.readings import MAX_FEEDS

MAX_PROCESSES = MAX_FEEDS + 20
STATES = 2  # of a process, that are kept


class FeedLabels:
    """Labels of one feed, of its channels and of its states."""

    __slots__ = ("_channels", "_exchange", "_states", "_symbol", "feed")

    def __init__(self, exchange: str, symbol: str) -> None:
        self._exchange = exchange
        self._symbol = symbol
        self._channels: dict[str, Labels] = {}
        self._states: dict[str, Labels] = {}
        self.feed = Labels(exchange=exchange, symbol=symbol)

    def channel(self, name: str) -> Labels:
        """Return the labels of a known channel."""
        found = self._channels.get(name)
        if found is None:
            found = Labels(exchange=self._exchange, symbol=self._symbol, channel=name)
            self._channels[name] = found
        return found

    def state(self, name: str) -> Labels:
        """Return the labels of one of the possible states."""
        found = self._states.get(name)
        if found is None:
            found = Labels(exchange=self._exchange, symbol=self._symbol, state=name)
            self._states[name] = found
        return found

    def gap(self, channel: str, reason: str) -> Labels:
        """Return the labels of a channel's gaps of one class; few have any."""
        return Labels(exchange=self._exchange, symbol=self._symbol, channel=channel, reason=reason)


@lru_cache(maxsize=MAX_FEEDS)
def feed_labels(exchange: str, symbol: str) -> FeedLabels:
    """Return the labels of a feed."""
    return FeedLabels(exchange, symbol)


@lru_cache(maxsize=MAX_PROCESSES)
def process_labels(name: str, exchange: str | None, symbol: str) -> Labels:
    """Return the labels of a process; `exchange` is None for one that is no feed."""
    if exchange is None:
        return Labels(process=name)
    return Labels(process=name, exchange=exchange, symbol=symbol)


@lru_cache(maxsize=STATES * MAX_PROCESSES)
def process_state_labels(name: str, state: str) -> Labels:
    """Return the labels of a process' state."""
    return Labels(process=name, state=state)
