"""A publisher without a feed's core, for tests that publish by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.topics import topic
from feedd.transport.publisher import Publisher

if TYPE_CHECKING:
    from collections.abc import Iterable

    from feedd.model import Event


class NumberedPublisher(Publisher):
    """Numbers events topic by topic before it publishes them."""

    def __init__(self, exchange: str, symbol: str, channels: Iterable[str], session: int) -> None:
        channels = list(channels)
        super().__init__(exchange, symbol, channels)
        names = [*channels, "status"]
        self._session = session
        self._topics = {name: topic(name, exchange, symbol) for name in names}
        self._next_seq = dict.fromkeys(names, 1)

    def publish(self, event: Event) -> None:
        event.session, event.seq = self._session, self._next_seq[event.channel]
        self._next_seq[event.channel] += 1
        super().publish(event)

    def next_seq(self) -> dict[str, int]:
        """Return the seq of each topic's next message, after the status that reports it."""
        return {
            self._topics[name]: seq + (name == "status") for name, seq in self._next_seq.items()
        }
