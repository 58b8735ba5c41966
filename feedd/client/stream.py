"""The stream, for `for` and `async for` alike: thin shells around the receiving thread's queue."""

from __future__ import annotations

import asyncio
import os
import re
import time
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeVar, overload

from feedd.client.handover import Handover
from feedd.client.protocol import Protocol
from feedd.client.receiver import Receiver
from feedd.client.topic_table import subscriptions
from feedd.errors import ConfigError
from feedd.transport.client_sockets import ClientSockets
from feedd.transport.sockets import REQUEST_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from feedd.client.events import Event, Tick

ENDPOINT = "tcp://127.0.0.1:5500"
DERIVED = "derived"
MOST_QUEUED = 50_000
PREFIX_HEAD_BYTES = 5  # MessagePack's, at the most
REQUEST_HEAD_BYTES = 512  # all of a request but its prefixes
IN_A_ROW = 100  # events that `async for` takes before the loop's other tasks have their turn

E = TypeVar("E")


class Stream(Generic[E]):
    """Events in the order of their topics; an iterator and a context manager, sync and async.

    For one caller at a time: one thread, or one task. It receives from the first on, whether it
    is iterated over or not; after `close` what is left in the queue is gone. It can't be used in
    a fork of the process that made it.
    """

    def __init__(
        self, endpoints: list[str], histories: list[str], protocol: Protocol, most: int,
        *, only_ticks: bool, lossless: bool = False,
    ) -> None:  # fmt: skip
        sockets = ClientSockets(endpoints, histories, protocol.subscriptions, lossless=lossless)
        self._handover = Handover(most, only_ticks=only_ticks, lossless=lossless)
        self._queue: Any = self._handover.queue
        self._receiver = Receiver(self, sockets, protocol, self._handover)
        self._pid = os.getpid()
        self._in_a_row = 0
        self._closed = False

    # --- for ----------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> E:
        try:
            event: E = self._queue.popleft()
        except IndexError:
            found = self.receive(None)
            if found is None:
                raise StopIteration from None
            return found
        return event

    def receive(self, timeout_s: float | None) -> E | None:
        """Return the next event; None when none came in time, or when the stream is closed."""
        deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._queue:
            self._check_process()
            left_s = None if deadline_s is None else deadline_s - time.monotonic()
            if self._closed or self._handover.over or (left_s is not None and left_s <= 0):
                return None
            self._handover.wait(left_s)
        event: E = self._queue.popleft()
        return event

    def close(self) -> None:
        """End the stream and its thread; takes some ms."""
        self._closed = True
        self._receiver.stop()
        self._queue.clear()

    # --- async for ----------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> E:
        self._in_a_row += 1
        if self._in_a_row > IN_A_ROW:
            self._in_a_row = 0
            await asyncio.sleep(0)
        while not self._queue:
            self._check_process()
            if self._closed or self._handover.over:
                raise StopAsyncIteration
            self._in_a_row = 0
            await self._handover.wait_async()
        event: E = self._queue.popleft()
        return event

    async def aclose(self) -> None:
        """End the stream and its thread, without holding up the loop."""
        self._closed = True
        self._receiver.tell_to_stop()
        await self._handover.wait_for_end()
        self._queue.clear()

    def _check_process(self) -> None:
        if os.getpid() != self._pid:
            raise RuntimeError("a stream does not live on in a fork; subscribe there anew")


@overload
def subscribe(
    endpoints: str | Iterable[str] = ...,
    topics: str | Iterable[str] = ...,
    *,
    history: str | Iterable[str] | None = ...,
    only_ticks: Literal[True],
    most_queued: int = ...,
    lossless: bool = ...,
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
) -> Stream[Event]: ...


def subscribe(
    endpoints: str | Iterable[str] = ENDPOINT,
    topics: str | Iterable[str] = "",
    *,
    history: str | Iterable[str] | None = DERIVED,
    only_ticks: bool = False,
    most_queued: int = MOST_QUEUED,
    lossless: bool = False,
) -> Stream[Any]:
    """Return the stream of the topics that begin with one of `topics`; "" brings everything.

    `endpoints` are those of one proxy, or of several that forward the same: what one loses, the
    others make good. `history` is where holes are repaired from and where the last message of each
    topic is known: by default at each endpoint's port plus one; None: nowhere, so that every hole
    is a Gap. `only_ticks` leaves out all else: gaps are then not told. `most_queued` events wait
    for the caller; what comes beyond is dropped and told as a Gap. `lossless` is for replays that
    are as fast as their subscribers: instead of dropping, it reads no further, and the replay waits
    (docs/replay.md). A live proxy waits for nobody: it drops, and the stream tells it.

    Feeds' statuses are listened to in any case, and told as StateChange, UpstreamGap, NewSession
    and Stopped; as Status only where `topics` names `status.…`.

    Raises ConfigError for what is no endpoint. One that is away is waited for.
    """
    ends, prefixes, histories = addresses(endpoints, topics, history)
    protocol = Protocol(prefixes, len(histories), time.monotonic())
    return Stream(ends, histories, protocol, most_queued, only_ticks=only_ticks, lossless=lossless)


def addresses(
    endpoints: str | Iterable[str], topics: str | Iterable[str], history: str | Iterable[str] | None
) -> tuple[list[str], list[str], list[str]]:
    """Return endpoints, prefixes and histories; raise ConfigError as `subscribe` does."""
    ends, prefixes = _list(endpoints), _list(topics)
    if not ends or not prefixes:
        raise ConfigError("name at least one endpoint, and one topic: '' brings everything")
    for prefix in prefixes:
        if not prefix.isascii():
            raise ConfigError(f"{prefix!r} is no topic: topics are ASCII")
    asked_bytes = sum(len(prefix) + PREFIX_HEAD_BYTES for prefix in subscriptions(prefixes))
    if asked_bytes + REQUEST_HEAD_BYTES > REQUEST_BYTES and history is not None:
        raise ConfigError(
            f"{len(prefixes)} topics are more than the history can be asked for at once; name what "
            "they have in common, e.g. 'quote.', or history=None"
        )
    return ends, prefixes, _next_ports(ends) if history == DERIVED else _list(history or [])


def _list(given: str | Iterable[str]) -> list[str]:
    return [given] if isinstance(given, str) else list(dict.fromkeys(given))


def _next_ports(endpoints: list[str]) -> list[str]:
    """Return where history is by convention: at the endpoint's port plus one."""
    found = []
    for endpoint in endpoints:
        match = re.fullmatch(r"(tcp://.*:)(\d+)", endpoint)
        if match is None:
            raise ConfigError(f"say where the history of {endpoint} is, or history=None")
        found.append(f"{match[1]}{int(match[2]) + 1}")
    return found
