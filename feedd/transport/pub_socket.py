"""PUB socket in the worker's event loop: binds one endpoint and connects to others.

libzmq's PUB sends from its own thread, and waking that thread costs more CPU and time than the rest
of a message's path through the worker. On the wire this socket is the same as libzmq's. `SendQueue`
defines what a slow or disconnected peer loses.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from feedd.runtime.bind_retry import bind_with_retry
from feedd.transport.endpoints import address_of, connectable, not_bound, refuse_replacing
from feedd.transport.send_queue import MAX_QUEUED_BYTES, SendQueue
from feedd.transport.zmtp import GREETING, ZmtpError, ZmtpSubscriber

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from typing import Any

    from feedd.runtime.address_holders import Address

MAX_PEERS = 256  # that connect to the worker's port
BACKLOG = 100
HANDSHAKE_S = 3.0
RECONNECT_S, RECONNECT_MAX_S = 0.1, 1.0
ACCEPT_RETRY_S = 1.0  # after an error of accept(2), e.g. too many open files
# A peer that floods the port, with bytes or with connections, gets little of the loop's time: all
# peers together are read in pieces of READ_BYTES, some 0.5 ms of work, with a pause after each.
READ_BYTES, PAUSE_S = 1024, 0.002
MAX_QUEUED_BYTES_BOUND = 256_000_000  # for all connected peers, in equal shares
LINGER_S = 1.0

_log = structlog.get_logger()


class Peer:
    """A subscriber that has connected, or a proxy to which the socket connects, a `link`.

    The holder of the lock `turn` is read; all subscribers share one lock.
    """

    def __init__(self, name: str, topics: Sequence[bytes], turn: asyncio.Lock | None) -> None:
        self.name = name
        self.is_link = turn is None
        self.turn = turn or asyncio.Lock()
        self.send_queue = SendQueue(asyncio.get_running_loop())
        self.zmtp = ZmtpSubscriber(topics)
        self.has_subscribed = False
        self.reported_dropped = 0


class PubSocket:
    """Sends each of its topics to the subscribers of the topic.

    `send_queues` has the queues of each topic's subscribers; the lists stay the same objects. It
    belongs to one loop, which must run as long as the socket is open.
    """

    def __init__(self, topics: Sequence[bytes]) -> None:
        self.send_queues: dict[bytes, list[SendQueue]] = {topic: [] for topic in topics}
        self._topics = tuple(topics)
        self._listener: socket.socket | None = None
        self._bound: set[Peer] = set()  # connected subscribers
        self._links: list[Peer] = []  # proxies
        self._tasks: set[asyncio.Task[None]] = set()
        self._subscriptions_changed = asyncio.Event()
        self._turn = asyncio.Lock()
        self._refused, self._why_refused = 0, ""  # since the last report
        self._refused_before = 0
        self._dropped = 0  # messages, for all peers, as reported
        self._fault: BaseException | None = None

    async def bind(self, endpoint: str) -> None:
        """Bind with retries; raise EndpointInUseError if the endpoint stays in use.

        Raises ConfigError if it can't be bound at all.
        """
        await bind_with_retry(lambda: self._bind(endpoint))
        self._spawn(self._accept())

    async def connect(self, endpoints: Sequence[str], timeout_s: float) -> bool:
        """Connect, and wait until all peers receive messages; return whether they do.

        Reconnects in the background without end, also after the timeout. From now on messages for
        a peer that is away are queued, up to MAX_QUEUED_BYTES.
        """
        for endpoint in endpoints:
            peer = Peer(endpoint, self._topics, None)
            self._links.append(peer)
            for queues in self.send_queues.values():  # also what precedes the first connection
                queues.insert(0, peer.send_queue)
            self._spawn(self._link(peer, address_of(connectable(endpoint))))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self.connected < len(self._links):
                    self._subscriptions_changed.clear()
                    await self._subscriptions_changed.wait()
        return self.connected >= len(self._links)

    @property
    def connected(self) -> int:
        """Number of links that receive messages, or did before they disconnected."""
        return sum(peer.has_subscribed for peer in self._links)

    def check(self) -> None:
        """Report drops and rejected peers since the last call; raise the error of a failed task."""
        if self._fault is not None:
            raise self._fault
        for peer in (*self._bound, *self._links):
            self._report_dropped(peer)
        if self._refused:
            self._refused_before += self._refused
            _log.warning("connections were rejected", count=self._refused,
                         so_far=self._refused_before, the_last=self._why_refused)  # fmt: skip
            self._refused = 0

    async def close(self) -> None:
        """Send what is queued, for at most LINGER_S, and close."""
        there = [*self._bound, *self._links]
        await asyncio.gather(
            *(peer.send_queue.empty(LINGER_S, returns=peer.is_link) for peer in there)
        )
        there = [peer for peer in there if peer.is_link or peer in self._bound]
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._listener is not None:
            self._listener.close()
        for peer in there:
            self._report_dropped(peer)
            if unsent := peer.send_queue.unsent:
                _log.warning("a subscriber did not receive its queued messages before the close",
                             subscriber=peer.name, messages=unsent)  # fmt: skip

    # --- subscribers that connect ---------------------------------------------------------------

    def _bind(self, endpoint: str) -> None:
        family, address = address_of(endpoint)
        refuse_replacing(endpoint)
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            if isinstance(address, str):
                if Path(address).is_socket():  # of an earlier process; as libzmq does
                    Path(address).unlink()
            else:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(BACKLOG)
            listener.setblocking(False)
        except OSError as error:
            listener.close()
            raise not_bound(endpoint, error) from None
        self._listener = listener

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        listener = self._listener
        while listener is not None:
            try:
                connection, name = await loop.sock_accept(listener)
            except OSError as error:
                _log.warning("a subscriber can't connect", why=str(error))
                await asyncio.sleep(ACCEPT_RETRY_S)
                continue
            peer = Peer(":".join(map(str, name[:2])), self._topics, self._turn)
            if len(self._bound) < MAX_PEERS:
                self._bound.add(peer)
                self._share_memory()
                self._spawn(self._serve(peer, connection))
            else:
                connection.close()
                self._refuse(peer, f"the limit of {MAX_PEERS} connections is reached")
            await asyncio.sleep(PAUSE_S)

    async def _serve(self, peer: Peer, connection: socket.socket) -> None:
        try:
            await self._run_connection(peer, connection)
        except (OSError, TimeoutError, ZmtpError) as error:
            self._refuse(peer, _why(error))
        finally:
            self._bound.discard(peer)
            self._share_memory()
            self._set_topics(peer, frozenset())
            peer.send_queue.detach()
            connection.close()
            self._report_dropped(peer)

    def _share_memory(self) -> None:
        for peer in self._bound:
            peer.send_queue.max_bytes = min(
                MAX_QUEUED_BYTES, MAX_QUEUED_BYTES_BOUND // len(self._bound)
            )

    def _refuse(self, peer: Peer, why: str) -> None:
        """Count it for `check`: a peer that reconnects again and again can't flood the log."""
        self._refused += 1
        self._why_refused = f"{peer.name}: {why}"

    # --- proxies that it connects to --------------------------------------------------------------

    async def _link(self, peer: Peer, at: tuple[socket.AddressFamily, Address]) -> None:
        """Stay connected without end. Messages are queued while the peer is disconnected."""
        family, address = at
        loop = asyncio.get_running_loop()
        wait_s = RECONNECT_S
        while True:
            peer.zmtp = ZmtpSubscriber(self._topics)
            try:
                with socket.socket(family, socket.SOCK_STREAM) as connection:
                    connection.setblocking(False)
                    try:
                        async with asyncio.timeout(HANDSHAKE_S):
                            await loop.sock_connect(connection, address)
                        await self._run_connection(peer, connection)
                    finally:
                        peer.send_queue.detach()
            except ZmtpError as error:
                _log.warning("the peer is not a proxy", endpoint=peer.name, why=_why(error))
            except (OSError, TimeoutError):
                pass  # it is down, or no file descriptor is free; retry
            wait_s = RECONNECT_S if peer.zmtp.ready else min(2 * wait_s, RECONNECT_MAX_S)
            await asyncio.sleep(wait_s)

    # --- both ---------------------------------------------------------------------------------

    async def _run_connection(self, peer: Peer, connection: socket.socket) -> None:
        """Do the handshake, then read the peer until it is gone."""
        loop = asyncio.get_running_loop()
        connection.setblocking(False)
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        async with asyncio.timeout(HANDSHAKE_S):
            await loop.sock_sendall(connection, GREETING)
            while not peer.zmtp.ready:
                if (reply := await _receive(peer, connection)) is None:
                    return
                await loop.sock_sendall(connection, reply)
        peer.send_queue.attach(connection)
        wanted = frozenset[bytes]()
        while True:
            if peer.zmtp.wants != wanted:
                wanted = peer.zmtp.wants
                self._set_topics(peer, wanted)
            if (reply := await _receive(peer, connection)) is None:
                return
            # While messages are queued, they show the peer that we are alive.
            if reply and not peer.send_queue.waits:
                peer.send_queue.send(reply)

    def _set_topics(self, peer: Peer, topics: frozenset[bytes]) -> None:
        """Send these topics to a peer; a link gets every topic, as proxies want everything."""
        peer.has_subscribed = peer.has_subscribed or bool(topics)
        self._subscriptions_changed.set()
        peer.send_queue.flush()
        for topic, queues in self.send_queues.items():
            wants, has = topic in topics, peer.send_queue in queues
            if wants and not has:  # behind the proxies: most subscribers are behind those
                queues.append(peer.send_queue)
            elif has and not wants and not peer.is_link:
                queues.remove(peer.send_queue)

    def _report_dropped(self, peer: Peer) -> None:
        """Report drops and their total: of repeated lines the log keeps only the last one."""
        if dropped := peer.send_queue.dropped - peer.reported_dropped:
            peer.reported_dropped += dropped
            self._dropped += dropped
            whose = "a proxy's messages were dropped: it was away for too long, or is too slow"
            if not peer.is_link:
                whose = "a slow subscriber's messages were dropped"
            _log.warning(whose, subscriber=peer.name, messages=dropped,
                         total_of_all_subscribers=self._dropped)  # fmt: skip

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            self._fault = fault
            # Log it too: `check` may not be called again, and another failure may follow.
            _log.error("an error in a worker's sockets", exc_info=fault)


async def _receive(peer: Peer, connection: socket.socket) -> bytes | None:
    """Read a peer, in its turn; return the bytes to reply, None at its end."""
    data = await asyncio.get_running_loop().sock_recv(connection, READ_BYTES)
    if not data:
        return None
    async with peer.turn:
        reply = peer.zmtp.receive(data)
        await asyncio.sleep(PAUSE_S)
    return reply


def _why(error: Exception) -> str:
    return str(error) or f"no handshake within {HANDSHAKE_S:g} s"
