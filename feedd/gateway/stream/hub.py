"""Hub: passes each event of the intake to the queues of the clients that want it.

It waits for nothing and no one: a client that does not read has a full queue, and nothing else.
Pure: times are passed in, and a client is woken through a call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.client.events import Other, StateChange, Stopped
from feedd.clock import NS_PER_MS, NS_PER_S
from feedd.gateway.stream.client_queue import EveryMessage, LatestOfEach
from feedd.gateway.stream.encoding import heartbeat_text
from feedd.gateway.stream.outgoing import OutgoingMessage, OutgoingNotice
from feedd.gateway.stream.snapshot import Snapshot
from feedd.gateway.stream.topic_filter import TopicFilter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from feedd.client.events import ChannelEvent, Notice, Status, Tick
    from feedd.gateway.journal import Entry
    from feedd.gateway.market import Market
    from feedd.gateway.stream.client_queue import ClientQueue
    from feedd.gateway.stream.stream_query import StreamQuery

MAX_CLIENTS = 100
MAX_ROUTES = 100_000  # topics whose clients are remembered
# Conditions of the gateway's own subscription, by the state that ends them.
_ENDS = {"endpoint": "no_endpoint", "history": "no_history"}


class TooManyClientsError(Exception):
    """MAX_CLIENTS clients are there."""


class Client:
    """What one client wants, and what waits for it."""

    def __init__(self, query: StreamQuery, wake: Callable[[], None]) -> None:
        self.filter = TopicFilter(query.topics)
        self.conflates = query.conflate_s > 0
        self.queue: ClientQueue = (
            LatestOfEach(strings=query.strings)
            if self.conflates
            else EveryMessage(strings=query.strings)
        )
        self.snapshot: Snapshot | None = None
        self.heartbeat: bytes | None = None  # the latest, until it is taken
        self.wake = wake

    @property
    def waits(self) -> bool:
        """Whether something waits for it."""
        return self.snapshot is not None or bool(self.queue) or self.heartbeat is not None

    def take(self, max_bytes: int) -> list[bytes]:
        """Return the next texts, up to about a size; a heartbeat only after all others."""
        if self.snapshot is not None:
            texts = self.snapshot.take(max_bytes)
            if not self.snapshot:
                self.snapshot = None
            return texts
        texts = self.queue.take(max_bytes)
        if self.heartbeat is not None and not self.queue:
            texts.append(self.heartbeat)
            self.heartbeat = None
        return texts


class StreamHub:
    """Reader of the intake that serves up to `max_clients` clients."""

    def __init__(self, market: Market, max_clients: int = MAX_CLIENTS) -> None:
        self.clients: dict[Client, None] = {}
        self._market = market
        self._max_clients = max_clients
        self._missed_before = 0  # by clients that have left
        self._routes: dict[str, tuple[Client, ...]] = {}
        self._last_live: tuple[ChannelEvent | Status, float] | None = None
        self._states: dict[str, OutgoingNotice] = {}  # last state of each feed
        self._conditions: dict[str, OutgoingNotice] = {}  # of the gateway's subscription

    def join(self, query: StreamQuery, wake: Callable[[], None]) -> Client:
        """Add a client. Its snapshot ends where its live messages begin.

        Raises TooManyClientsError.
        """
        if len(self.clients) >= self._max_clients:
            raise TooManyClientsError
        client = Client(query, wake)
        messages: list[tuple[str, Tick | Status]] = []
        notices: list[OutgoingNotice] = []
        if query.snapshot:
            wants = client.filter.wants
            messages = [
                (topic, latest.event)
                for topic, latest in self._market.topics.items()
                if wants(topic)
            ]
            notices = [one for one in self._current() if client.filter.wants_notice(one.notice)]
        client.snapshot = Snapshot(messages, notices, strings=query.strings)
        self.clients[client] = None
        self._routes.clear()
        return client

    def leave(self, client: Client) -> None:
        """Remove a client."""
        del self.clients[client]
        self._missed_before += client.queue.missed
        self._routes.clear()

    def message(self, topic: str, event: Tick | Status, now_s: float) -> None:
        """Take a message of the intake."""
        if event.origin == "live" and not isinstance(event, Other):
            self._last_live = (event, now_s)
        if not self.clients:
            return
        clients = self._routes.get(topic)
        if clients is None:
            clients = self._route(topic)
        if clients:
            outgoing = OutgoingMessage(topic, event)
            for client in clients:
                client.queue.add(outgoing)
                client.wake()

    def notice(self, notice: Notice, entry: Entry) -> None:
        """Take a notice of the intake."""
        if isinstance(notice, StateChange | Stopped):
            self._keep(notice, entry)
        outgoing = OutgoingNotice(notice, entry)
        for client in self.clients:
            if client.filter.wants_notice(notice):
                client.queue.add(outgoing)
                client.wake()

    def beat(self, now_s: float, now_ns: int) -> None:
        """Give each client a heartbeat; one that has not taken the last one gets this instead."""
        if not self.clients:
            return
        text = heartbeat_text(now_ns // NS_PER_MS, self.behind_ms(now_s, now_ns))
        for client in self.clients:
            client.heartbeat = text
            client.wake()

    def behind_ms(self, now_s: float, now_ns: int) -> int | None:
        """Return the age of the newest live message when it was handled; None before the first."""
        if self._last_live is None:
            return None
        event, handled_s = self._last_live
        handled_ns = now_ns - int((now_s - handled_s) * NS_PER_S)
        return max(0, (handled_ns - event.published_ns) // NS_PER_MS)

    @property
    def missed(self) -> int:
        """Number of messages and notices that all clients were too slow for, since the start."""
        return self._missed_before + sum(client.queue.missed for client in self.clients)

    @property
    def waiting(self) -> int:
        """Number of messages that wait for clients now."""
        return sum(len(client.queue) for client in self.clients)

    def _route(self, topic: str) -> tuple[Client, ...]:
        if len(self._routes) >= MAX_ROUTES:
            self._routes.clear()
        clients = tuple(client for client in self.clients if client.filter.wants(topic))
        self._routes[topic] = clients
        return clients

    def _keep(self, notice: StateChange | Stopped, entry: Entry) -> None:
        if notice.feed:
            if notice.feed in self._states or len(self._states) < MAX_ROUTES:
                self._states[notice.feed] = OutgoingNotice(notice, entry, "snapshot")
        elif isinstance(notice, StateChange):
            if notice.state in _ENDS:
                self._conditions.pop(_ENDS[notice.state], None)
            elif notice.state in _ENDS.values():
                self._conditions[notice.state] = OutgoingNotice(notice, entry, "snapshot")

    def _current(self) -> Iterator[OutgoingNotice]:
        """Yield the state of each feed, and what is wrong with the gateway's own subscription."""
        yield from self._conditions.values()
        yield from self._states.values()
