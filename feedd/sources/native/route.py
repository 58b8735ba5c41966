"""The connections to one WebSocket path: dialled, kept, and replaced before they are too old.

Each of `connections` connections has a task of its own; all carry the same channels, and one
`Merge` per channel makes one stream of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from picows import WSError, WSInvalidStatusError, ws_connect

from feedd.errors import FeeddError, LimitError, SourceError
from feedd.sources.base import Backoff
from feedd.sources.native.connection import MESSAGE_AT_MOST, NativeConnection
from feedd.sources.network.failures import ProxyFailedError, connection_failure, via

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable, Iterable

    from picows import WSParsedURL

    from feedd.clock import Clock
    from feedd.merge.by_content import ContentMerge
    from feedd.merge.by_id import Merge
    from feedd.sources.base import Sink
    from feedd.sources.limits.shared_budget import Budget
    from feedd.sources.network.dial import Dialer

DIAL_WITHIN_S = 10.0
# While all workers of a machine start it is busy, and each attempt counts against the venue's
# limit: of 200 workers, 52 gave up after 10 s, which used up the connections of five minutes.
FIRST_DIAL_WITHIN_S = 30.0
PROXY_SHARE = 0.8  # of this time, so that a proxy that does not answer is the reason
CHECK_EVERY_S = 1.0
CHECK_OFTEN_S = 0.1  # while two connections are merged
OVERLAP_S = 5.0  # at least, of a connection and its replacement
JOINS_WITHIN_S = 60.0  # a replacement that has not joined by then is given up

RENEWED_WITHIN_S = 2.0  # the time in which the last messages of the old subscription arrive

REPLACED = "the connection was replaced"

_log = structlog.get_logger()


class Route:
    """One path; `streams` are the names of its channels' streams, `merges` their merges.

    `rotate_after_s` is measured by `clock`, which is the venue's. `lost` is called with the channel
    and the reason when no connection carries a channel any more, before the sink is.
    """

    def __init__(
        self,
        url: str,
        streams: dict[str, str],
        merges: dict[str, Merge | ContentMerge],
        make_connection: Callable[[Route], NativeConnection],
        lost: Callable[[str, str], None],
        *,
        connections: int,
        rotate_after_s: float,
        budget: Budget | None,
        dialer: Dialer,
        tls: ssl.SSLContext | None,
        clock: Clock,
    ) -> None:
        self._url = url
        self._streams = streams
        self._merges = merges
        self._make_connection = make_connection
        self._lost = lost
        self._count = connections
        self._rotate_after_s = rotate_after_s
        self._budget = budget
        self._dialer = dialer
        self._tls = tls
        self._clock = clock
        self._sink: Sink | None = None
        self._dial_within_s = FIRST_DIAL_WITHIN_S
        self._connections: dict[NativeConnection, set[str]] = {}  # with the channels of each
        self._retries: dict[tuple[NativeConnection, str], float] = {}  # refused: when to retry
        self._backoffs: dict[tuple[NativeConnection, str], Backoff] = {}
        self._renewed: set[tuple[NativeConnection, str]] = set()  # subscribed to again while silent
        self._accepted_on: set[tuple[NativeConnection, str]] = set()
        self._renewed_s: dict[tuple[NativeConnection, str], float] = {}  # when, by time.monotonic
        # Left for lack of a snapshot: the venue still sends it.
        self._subscribed: set[tuple[NativeConnection, str]] = set()

    @property
    def channels(self) -> Iterable[str]:
        """The channels of this path."""
        return self._streams

    def carried(self, connection: NativeConnection) -> list[str]:
        """Return the channels that a connection carries."""
        return list(self._connections.get(connection, ()))

    async def run(self, sink: Sink) -> None:
        """Keep every connection up until cancelled."""
        self._sink = sink
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._check_all())
                for number in range(self._count):
                    tasks.create_task(self._keep(number))
        finally:
            self._sink = None
            for connection in list(self._connections):
                connection.give_up("the worker stops")

    def last_frame_ns(self, channel: str) -> int | None:
        """Return the time, in ns, of the last frame of a connection that carries a channel."""
        times = [connection.received_ns for connection in self._carrying(channel)]
        return max(times, default=None)

    def renew(self, channel: str, reason: str, flowing: frozenset[str]) -> None:
        """Subscribe to a channel again on every connection that carries it.

        A connection that carries none of the channels `flowing` is given up, and dialled again. One
        that does is kept; the second time it is replaced, which loses nothing.
        """
        for connection in self._carrying(channel):
            if flowing.isdisjoint(self._connections[connection]):
                connection.give_up(reason)
                continue
            again = (connection, channel) in self._renewed
            what = "replacing its connection" if again else "subscribing to it again"
            _log.warning("a channel is silent and others are not", channel=channel, now=what)
            self._renewed.add((connection, channel))
            if again:
                connection.closing = True
            else:
                self._resubscribe(connection, channel)

    def resubscribe(self, channel: str) -> None:
        """Subscribe to a channel again on every connection that carries it."""
        for connection in self._carrying(channel):
            self._resubscribe(connection, channel)

    def lacks_snapshot(self, connection: NativeConnection, channel: str) -> None:
        """Note that a channel's stream went on without its snapshot: subscribe to it again.

        The last changes of a subscription that was just renewed have none either.
        """
        if time.monotonic() - self._renewed_s.get((connection, channel), 0.0) < RENEWED_WITHIN_S:
            return
        if channel in self._connections.get(connection, ()):
            self._subscribed.add((connection, channel))
            self.refused(connection, channel, f"the {channel} stream lacks its snapshot")

    def refused(self, connection: NativeConnection, channel: str, reason: str) -> None:
        """Note a refused subscription; it is retried on the same connection."""
        if channel in self._connections.get(connection, ()):
            backoff = self._backoffs.setdefault((connection, channel), Backoff())
            self._retries[connection, channel] = time.monotonic() + backoff.next_s()
            self._leave(connection, channel, reason)

    # --- one connection after the other -------------------------------------------------------

    async def _keep(self, number: int) -> None:
        # The second connection is replaced at a time other than the first's, and not all workers
        # replace theirs at once.
        early = 0.02 * number + random.uniform(0.0, 0.02)  # noqa: S311
        rotate_after_s = self._rotate_after_s * (1.0 - early)
        backoff = Backoff()
        connection: NativeConnection | None = None
        while True:
            connection = connection or await self._dial(backoff)
            if connection is not None:
                connection = await self._until_replaced(connection, rotate_after_s, backoff)
            if connection is None:
                await asyncio.sleep(backoff.next_s())

    async def _until_replaced(
        self, connection: NativeConnection, rotate_after_s: float, backoff: Backoff
    ) -> NativeConnection | None:
        """Wait until a connection is lost or too old; return its replacement, if any."""
        due_s = connection.opened_s + rotate_after_s
        while True:
            await asyncio.wait({connection.lost}, timeout=CHECK_EVERY_S)
            if connection.has_data:
                backoff.reset()  # a connection alone is no success
            if connection.lost.done():
                return None
            if self._clock.monotonic_s() < due_s and not connection.closing:
                continue
            following = await self._dial(Backoff())
            if following is not None and await self._joins(following, connection):
                connection.give_up(REPLACED)
                return following
            if following is not None:
                following.give_up("it did not join the connection that it was to replace")
            connection.closing = False
            due_s = self._clock.monotonic_s() + 0.01 * rotate_after_s

    async def _joins(self, following: NativeConnection, replaced: NativeConnection) -> bool:
        """Wait until a connection can replace another; return whether it can."""
        earliest_s = time.monotonic() + OVERLAP_S
        latest_s = time.monotonic() + JOINS_WITHIN_S
        while not following.lost.done() and time.monotonic() < latest_s:
            if replaced.lost.done():
                return True
            # Channels that the older one does not carry either, e.g. a refused one, do not count.
            merges = [self._merges[channel] for channel in self._connections.get(replaced, ())]
            ready = following.answered and all(merge.goes_on_with(following) for merge in merges)
            if ready and time.monotonic() >= earliest_s:
                for merge in merges:
                    merge.replaces(following)
                return True
            await asyncio.wait({following.lost, replaced.lost}, timeout=CHECK_OFTEN_S)
        return False

    async def _dial(self, backoff: Backoff) -> NativeConnection | None:
        """Connect and subscribe; report a failure and return None."""
        try:
            if self._budget is not None:
                await self._budget.connection()
            return await self._connected()
        except ProxyFailedError as error:
            self._failed(f"can't connect: {error}")
        except SourceError as error:
            waits = isinstance(error, LimitError)
            if isinstance(error, LimitError):
                backoff.at_least(error.retry_after_s)
            self._failed(str(error), waits=waits)
        except WSInvalidStatusError as error:
            await self._refused_handshake(error, backoff)
        except TimeoutError:
            through = via(self._dialer, self._url)
            self._failed(f"can't connect: no handshake within {self._dial_within_s:g} s{through}")
        except (WSError, OSError) as error:
            reason = await connection_failure(self._dialer, self._url, error)
            self._failed(f"can't connect: {reason}")
        return None

    async def _connected(self) -> NativeConnection:
        connection = self._make_connection(self)

        def answered(_request: Any, response: Any) -> NativeConnection:
            connection.accept(response.headers.get("Sec-WebSocket-Extensions"))
            return connection

        try:
            async with asyncio.timeout(self._dial_within_s):
                await ws_connect(
                    answered,
                    self._url,
                    ssl_context=self._tls,
                    websocket_handshake_timeout=self._dial_within_s,
                    enable_auto_pong=False,  # the connection counts what it sends
                    max_frame_size=MESSAGE_AT_MOST,
                    max_redirects=0,
                    extra_headers=connection.offer,
                    socket_factory=self._socket,
                )
            if not connection.established:  # picows also returns where the venue has hung up
                raise ConnectionResetError("the exchange hung up during the handshake")
        except BaseException:
            connection.give_up("it was not made in time")  # picows may still make it
            raise
        self._dial_within_s = DIAL_WITHIN_S
        connection.accepted = partial(self._accepted, connection)
        self._connections[connection] = set()
        for channel in self._streams:
            self._carry(connection, channel)
        connection.lost.add_done_callback(lambda lost: self._drop(connection, lost.result()))
        return connection

    async def _socket(self, url: WSParsedURL) -> socket.socket:
        within_s = PROXY_SHARE * self._dial_within_s
        return await self._dialer.connect(self._url, url.host, url.port, within_s)

    async def _refused_handshake(self, error: WSInvalidStatusError, backoff: Backoff) -> None:
        response = error.response
        status = 0 if response is None else int(response.status)
        headers = {} if response is None else dict(response.headers)
        retry_after = {name.lower(): it for name, it in headers.items()}.get("retry-after", "")
        if retry_after.isdecimal():
            backoff.at_least(float(retry_after))
        if self._budget is not None:
            self._budget.handshake_refused(status, headers)
            with contextlib.suppress(FeeddError):  # the next request tries again
                await self._budget.settle()
        self._failed(f"the exchange refuses the connection: HTTP {status}")

    # --- all connections ----------------------------------------------------------------------

    async def _check_all(self) -> None:
        while True:
            merging = len(self._connections) > 1
            await asyncio.sleep(CHECK_OFTEN_S if merging else CHECK_EVERY_S)
            now_s = time.monotonic()
            for connection in list(self._connections):
                for channel, reason in connection.check():
                    if self._delivers(connection, channel):
                        self._accepted(connection, channel)
                    else:
                        self.refused(connection, channel, reason)
            for merge in self._merges.values():
                merge.overdue(now_s)
            for (connection, channel), due_s in list(self._retries.items()):
                if now_s >= due_s:
                    del self._retries[connection, channel]
                    self._carry(connection, channel)

    def _carrying(self, channel: str) -> list[NativeConnection]:
        return [one for one, carried in self._connections.items() if channel in carried]

    def _delivers(self, connection: NativeConnection, channel: str) -> bool:
        """Whether events of a channel arrived, and on this connection alone."""
        return self._carrying(channel) == [connection] and self._merges[channel].has_emitted

    def _carry(self, connection: NativeConnection, channel: str) -> None:
        """Subscribe to a channel on a connection; the venue may refuse."""
        self._connections[connection].add(channel)
        self._merges[channel].opened(connection)
        if (connection, channel) in self._subscribed:
            self._subscribed.discard((connection, channel))
            self._resubscribe(connection, channel)
        else:
            connection.subscribe(channel, self._streams[channel])

    def _accepted(self, connection: NativeConnection, channel: str) -> None:
        """Report a channel as subscribed, on the first connection on which it is accepted."""
        first = not any((one, channel) in self._accepted_on for one in self._carrying(channel))
        self._accepted_on.add((connection, channel))
        if first and self._sink is not None:
            self._sink.subscribed(channel)

    def _drop(self, connection: NativeConnection, reason: str) -> None:
        """Remove a lost connection."""
        carried = self.carried(connection)
        go_on = [channel for channel in carried if self._leave(connection, channel, reason)]
        if go_on:
            log = _log.info if reason == REPLACED else _log.warning
            log("another connection goes on", channels=sorted(go_on), reason=reason)
        self._connections.pop(connection, None)
        for channel in self._streams:
            self._retries.pop((connection, channel), None)
            self._backoffs.pop((connection, channel), None)
            self._renewed.discard((connection, channel))
            self._renewed_s.pop((connection, channel), None)
            self._subscribed.discard((connection, channel))

    def _resubscribe(self, connection: NativeConnection, channel: str) -> None:
        self._renewed_s[connection, channel] = time.monotonic()
        self._merges[channel].renewed(connection)
        connection.resubscribe(channel, self._streams[channel])

    def _leave(self, connection: NativeConnection, channel: str, reason: str) -> bool:
        """Remove a channel from a connection; return whether another one carries it.

        Where none does, the loss is reported.
        """
        self._connections[connection].discard(channel)
        self._accepted_on.discard((connection, channel))
        if self._sink is None:
            return False
        if self._merges[channel].closed(connection, reason):
            return True
        self._lost(channel, reason)
        self._sink.lost(channel, reason)
        return False

    def _failed(self, reason: str, *, waits: bool = False) -> None:
        """Report a failed connection for the channels that no other connection carries."""
        for channel in self._streams:
            if self._carrying(channel):
                _log.warning("a further connection can't be made", channel=channel, reason=reason)
            elif self._sink is not None:
                self._sink.lost(channel, reason, waits=waits)
