"""Record events that reach no connection in the truth log: those missed by an absent client."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from feedd.embedded.client_connection import ClientConnection
    from feedd.embedded.market import MarketMessage, Streams
    from feedd.embedded.truth import TruthLog
    from feedd.venues.raw_streams import RawStream


class UnsentEvents:
    """Outlet of one market that reads each stream from its first subscription on, without end."""

    def __init__(self, market: Streams, truth: TruthLog) -> None:
        self._market = market
        self._truth = truth
        self._readers: dict[str, set[ClientConnection]] = {}

    def subscribed(self, stream: RawStream, client: ClientConnection) -> None:
        """Add a reader that is already subscribed; the first one also subscribes this outlet."""
        if stream.name in self._readers:
            self._readers[stream.name].add(client)
            return
        self._readers[stream.name] = {client}
        if self._market.runs_without_subscribers:
            self._market.subscribe(stream, self)

    def unsubscribed(self, stream: RawStream, client: ClientConnection) -> None:
        """Remove a reader."""
        self._readers.get(stream.name, set()).discard(client)

    def send(self, messages: Sequence[MarketMessage]) -> None:
        """Record the messages that no reader can receive."""
        self._truth.write(
            None,
            [
                message
                for message in messages
                if not any(client.reachable for client in self._readers[message.stream])
            ],
        )

    def backlog(self) -> int:
        """Return 0: messages are recorded immediately."""
        return 0

    def abort(self) -> None:
        """Do nothing: there is no connection."""
