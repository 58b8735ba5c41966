"""`subscribe` and `Stream`: the receiving thread's queue for `for` and `async for`."""

from __future__ import annotations

import asyncio
import os
import re
import time
from typing import TYPE_CHECKING, Any, Literal, cast, overload

from feedd.client.event_queue import EventQueue
from feedd.client.event_stream import EVENTS_PER_TURN, E, EventStream
from feedd.client.protocol import Protocol
from feedd.client.receiver import Receiver
from feedd.client.topic_table import subscriptions
from feedd.endpoint_form import LAST_PORT, check_endpoint
from feedd.errors import ConfigError
from feedd.topic_prefixes import check_prefixes
from feedd.transport.client_sockets import ClientSockets
from feedd.transport.sockets import REQUEST_BYTES

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Iterable

    from feedd.client.events import Event, Tick

ENDPOINT = "tcp://127.0.0.1:5500"
DERIVED = "derived"
MAX_QUEUED = 50_000
PREFIX_HEAD_BYTES = 5  # at most: MessagePack's header of a string
REQUEST_HEAD_BYTES = 512  # a request without its prefixes


class Stream(EventStream[E]):
    """Events, in order for each topic; an iterator and a context manager, sync and async.

    For one caller at a time: one thread, or one task. It receives from the start, whether it is
    iterated over or not. `close` discards what is left in the queue. It can't be used in a fork of
    the process that created it.
    """

    def __init__(
        self, endpoints: list[str], histories: list[str], protocol: Protocol, limit: int,
        *, only_ticks: bool, lossless: bool = False, batch_s: float = 0.0,
    ) -> None:  # fmt: skip
        sockets = ClientSockets(endpoints, histories, protocol.subscriptions, lossless=lossless)
        self._events = EventQueue(limit, only_ticks=only_ticks, lossless=lossless)
        self._queue = cast("deque[E]", self._events.queue)
        self._receiver = Receiver(self, sockets, protocol, self._events, batch_s)
        self._pid = os.getpid()
        self._this_turn = 0
        self._closed = False

    # --- for ----------------------------------------------------------------------------------

    def __next__(self) -> E:
        try:
            event = self._queue.popleft()
        except IndexError:
            found = self.receive(None)
            if found is None:
                raise StopIteration from None
            return found
        return event

    def receive(self, timeout_s: float | None) -> E | None:
        """Return the next event; None after `timeout_s` or once the stream is closed."""
        deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._queue:
            self._check_process()
            left_s = None if deadline_s is None else deadline_s - time.monotonic()
            if self._closed or self._events.over or (left_s is not None and left_s <= 0):
                return None
            self._events.wait(left_s)
        return self._queue.popleft()

    def close(self) -> None:
        """Close the stream and stop its thread, which takes some ms."""
        self._closed = True
        self._receiver.stop()
        self._queue.clear()

    # --- async for ----------------------------------------------------------------------------

    async def __anext__(self) -> E:
        self._this_turn += 1
        if self._this_turn > EVENTS_PER_TURN:
            self._this_turn = 0
            await asyncio.sleep(0)
        while not self._queue:
            self._check_process()
            if self._closed or self._events.over:
                raise StopAsyncIteration
            self._this_turn = 0
            await self._events.wait_async()
        return self._queue.popleft()

    async def aclose(self) -> None:
        """Close the stream and stop its thread, without blocking the loop."""
        self._closed = True
        self._receiver.request_stop()
        await self._events.wait_for_end()
        self._queue.clear()

    def _check_process(self) -> None:
        if os.getpid() != self._pid:
            raise RuntimeError("a stream can't be used in a fork; subscribe again there")


@overload
def subscribe(
    endpoints: str | Iterable[str] = ...,
    topics: str | Iterable[str] = ...,
    *,
    history: str | Iterable[str] | None = ...,
    only_ticks: Literal[True],
    most_queued: int = ...,
    lossless: bool = ...,
    deployment: str | None = ...,
    batch_s: float = ...,
) -> Stream[Tick]: ...


@overload
def subscribe(
    endpoints: str | Iterable[str] = ...,
    topics: str | Iterable[str] = ...,
    *,
    history: str | Iterable[str] | None = ...,
    only_ticks: bool = ...,
    most_queued: int = ...,
    lossless: bool = ...,
    deployment: str | None = ...,
    batch_s: float = ...,
) -> Stream[Event]: ...


def subscribe(
    endpoints: str | Iterable[str] = ENDPOINT,
    topics: str | Iterable[str] = "",
    *,
    history: str | Iterable[str] | None = DERIVED,
    only_ticks: bool = False,
    most_queued: int = MAX_QUEUED,
    lossless: bool = False,
    deployment: str | None = None,
    batch_s: float = 0.0,
) -> Stream[Any]:
    """Subscribe to the topics that begin with one of `topics`; "" is every topic.

    `endpoints` are those of one proxy, or of several that forward the same: each fills the gaps of
    the others. `history` names the services that repair gaps and send the last message of each
    topic: by default at each endpoint's port plus one. With None every gap is reported as a Gap.
    `only_ticks` leaves out everything else: gaps are then not reported. At most `most_queued`
    events wait for the caller; the stream drops the rest and reports it as a Gap. `lossless` is
    for replays that run as fast as their subscribers: instead of dropping, the stream stops
    reading, and the replay waits (docs/replay.md). A live proxy does not wait: it drops, and the
    stream reports it.

    Messages that arrive within `batch_s` are handled together: later, for less CPU.

    The stream always subscribes to the feeds' statuses. It reports them as StateChange,
    UpstreamGap, NewSession and Stopped; as Status only if `topics` names `status.…`.

    With `deployment`, the id of a project's run directory (`feedd status --json`), the stream
    passes on that project's messages only. Those of another one that has taken the endpoint, or
    publishes there too, are reported as a StateChange `foreign`; with `only_ticks`, the stream
    raises DeploymentError after 5 s in which only others published (docs/operations.md).

    It connects to an endpoint that is down as soon as that is up. Within 2.5 s it reports an
    endpoint where no publisher answers, and a topic that nothing is published for, as StateChange
    (`no_endpoint`, `no_topic`); with `only_ticks` it logs them as warnings of the logger `feedd`.
    Raises ConfigError for an invalid endpoint, and for a topic that can match nothing.
    """
    connect_to, prefixes, histories = addresses(endpoints, topics, history)
    protocol = Protocol(
        prefixes,
        len(histories),
        time.monotonic(),
        since_ns=time.time_ns(),
        deployment=deployment,
        reports=not only_ticks,
    )
    return Stream(
        connect_to,
        histories,
        protocol,
        most_queued,
        only_ticks=only_ticks,
        lossless=lossless,
        batch_s=batch_s,
    )


def addresses(
    endpoints: str | Iterable[str], topics: str | Iterable[str], history: str | Iterable[str] | None
) -> tuple[list[str], list[str], list[str]]:
    """Return endpoints, prefixes and histories; raise ConfigError as `subscribe` does."""
    connect_to, prefixes = _list(endpoints), _list(topics)
    if not connect_to or not prefixes:
        raise ConfigError("name at least one endpoint and one topic; '' is every topic")
    for endpoint in (*connect_to, *(_list(history) if history and history != DERIVED else ())):
        check_endpoint(endpoint)
    for prefix in prefixes:
        if isinstance(prefix, str) and not prefix.isprintable():
            raise ConfigError(f"{prefix!r} is not a topic: it has invisible characters")
    check_prefixes(prefixes)
    request_bytes = sum(
        len(prefix.encode()) + PREFIX_HEAD_BYTES for prefix in subscriptions(prefixes)
    )
    if request_bytes + REQUEST_HEAD_BYTES > REQUEST_BYTES and history is not None:
        raise ConfigError(
            f"{len(prefixes)} topics do not fit into one request to the history; name a common "
            "prefix, e.g. 'quote.', or history=None"
        )
    return (
        connect_to,
        prefixes,
        _next_ports(connect_to) if history == DERIVED else _list(history or []),
    )


def _list(given: str | Iterable[str]) -> list[str]:
    return [given] if isinstance(given, str) else list(dict.fromkeys(given))


def _next_ports(endpoints: list[str]) -> list[str]:
    """Return the conventional history endpoints: each endpoint's port plus one."""
    found = []
    for endpoint in endpoints:
        match = re.fullmatch(r"(tcp://.*:)(\d+)", endpoint)
        if match is None or int(match[2]) >= LAST_PORT:
            raise ConfigError(f"name the history of {endpoint}, or history=None")
        found.append(f"{match[1]}{int(match[2]) + 1}")
    return found
