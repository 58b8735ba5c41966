"""A PUB socket in the worker's own loop: it binds one endpoint and connects to others.

Why not libzmq's: that sends from a thread of its own, and waking it costs more than all the rest of
a message's way through the worker, in CPU and in time. On the wire, and in what a peer sees, it is
the same; `SendQueue` says what a peer that is slow or away loses.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from feedd.runtime.bind_retry import bind_with_retry
from feedd.transport.endpoints import address_of, connectable, not_bound
from feedd.transport.send_queue import MAX_QUEUED_BYTES, SendQueue
from feedd.transport.zmtp import GREETING, ZmtpError, ZmtpSubscriber

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from typing import Any

    from feedd.transport.endpoints import Address

MOST_PEERS = 256  # that connect to the own port
BACKLOG = 100
HANDSHAKE_S = 3.0
RECONNECT_S, RECONNECT_MAX_S = 0.1, 1.0
ACCEPT_AGAIN_S = 1.0  # after the system refused, as when the process has too many files open
# Whoever floods the port, with bytes or with connections, gets little of the loop: what all of them
# say is taken in by so many bytes at once, some 0.5 ms of work, with a pause after each.
READ_BYTES, PAUSE_S = 1024, 0.002
MOST_BYTES_BOUND = 256_000_000  # that wait for all who connect: each has its equal share
LINGER_S = 1.0

_log = structlog.get_logger()


class Peer:
    """One subscriber that has connected, or one to which it is connected, which is a `link`.

    Whose `turn` it is, is heard; all who connect share one.
    """

    def __init__(self, name: str, topics: Sequence[bytes], turn: asyncio.Lock | None) -> None:
        self.name = name
        self.is_link = turn is None
        self.turn = turn or asyncio.Lock()
        self.outbox = SendQueue(asyncio.get_running_loop())
        self.said = ZmtpSubscriber(topics)
        self.has_subscribed = False
        self.told_dropped = 0


class PubSocket:
    """Sends each of its topics to whoever subscribes to it.

    `wanting` has the outboxes of each topic, in lists that stay the same objects. All in one loop,
    which runs as long as the socket is open.
    """

    def __init__(self, topics: Sequence[bytes]) -> None:
        self.wanting: dict[bytes, list[SendQueue]] = {topic: [] for topic in topics}
        self._topics = tuple(topics)
        self._listener: socket.socket | None = None
        self._bound: set[Peer] = set()  # who has connected
        self._links: list[Peer] = []  # to whom it is connected
        self._tasks: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()  # somebody subscribes to something else
        self._turn = asyncio.Lock()
        self._refused, self._why_refused = 0, ""  # since they were told of
        self._refused_before = 0
        self._dropped = 0  # messages, to all peers; as far as told of
        self._fault: BaseException | None = None

    async def bind(self, endpoint: str) -> None:
        """Bind, patiently; raise EndpointInUseError when the endpoint stays taken.

        Raises ConfigError where it can't be bound at all.
        """
        await bind_with_retry(lambda: self._bind(endpoint))
        self._spawn(self._accept())

    async def connect(self, endpoints: Sequence[str], timeout_s: float) -> bool:
        """Connect, and wait until all peers take messages; return whether they do.

        After the timeout it is still tried, for ever.
        """
        for endpoint in endpoints:
            peer = Peer(endpoint, self._topics, None)
            self._links.append(peer)
            self._spawn(self._link(peer, address_of(connectable(endpoint))))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self.connected < len(self._links):
                    self._news.clear()
                    await self._news.wait()
        return self.connected >= len(self._links)

    @property
    def connected(self) -> int:
        """How many of those it connects to take messages, or did before they went away."""
        return sum(peer.has_subscribed for peer in self._links)

    def check(self) -> None:
        """Tell of what was lost and who was refused since the last call; raise what has failed."""
        if self._fault is not None:
            raise self._fault
        for peer in (*self._bound, *self._links):
            self._tell_dropped(peer)
        if self._refused:
            self._refused_before += self._refused
            _log.warning("connections were ended", count=self._refused,
                         so_far=self._refused_before, the_last=self._why_refused)  # fmt: skip
            self._refused = 0

    async def close(self) -> None:
        """Send what waits, for at most LINGER_S, and close."""
        there = [*self._bound, *self._links]
        await asyncio.gather(*(peer.outbox.empty(LINGER_S, returns=peer.is_link) for peer in there))
        there = [peer for peer in there if peer.is_link or peer in self._bound]
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._listener is not None:
            self._listener.close()
        for peer in there:
            self._tell_dropped(peer)
            if unsent := peer.outbox.unsent:
                _log.warning("what a subscriber had not taken at the end is lost to it",
                             subscriber=peer.name, messages=unsent)  # fmt: skip

    # --- those who connect --------------------------------------------------------------------

    def _bind(self, endpoint: str) -> None:
        family, address = address_of(endpoint)
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            if isinstance(address, str):
                if Path(address).is_socket():  # of an earlier life; as libzmq does
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
                _log.warning("no subscriber can connect", why=str(error))
                await asyncio.sleep(ACCEPT_AGAIN_S)
                continue
            peer = Peer(":".join(map(str, name[:2])), self._topics, self._turn)
            if len(self._bound) < MOST_PEERS:
                self._bound.add(peer)
                self._share_room()
                self._spawn(self._serve(peer, connection))
            else:
                connection.close()
                self._refuse(peer, f"there are {MOST_PEERS} already, the most")
            await asyncio.sleep(PAUSE_S)

    async def _serve(self, peer: Peer, connection: socket.socket) -> None:
        try:
            await self._talk(peer, connection)
        except (OSError, TimeoutError, ZmtpError) as error:
            self._refuse(peer, _why(error))
        finally:
            self._bound.discard(peer)
            self._share_room()
            self._wanted(peer, frozenset())
            peer.outbox.detach()
            connection.close()
            self._tell_dropped(peer)

    def _share_room(self) -> None:
        for peer in self._bound:
            peer.outbox.most_bytes = min(MAX_QUEUED_BYTES, MOST_BYTES_BOUND // len(self._bound))

    def _refuse(self, peer: Peer, why: str) -> None:
        """Have `check` tell of it: a stranger that comes again and again fills no disk."""
        self._refused += 1
        self._why_refused = f"{peer.name}: {why}"

    # --- those it connects to -----------------------------------------------------------------

    async def _link(self, peer: Peer, at: tuple[socket.AddressFamily, Address]) -> None:
        """Be connected, for ever. What is published while the peer is away is kept for it."""
        family, address = at
        loop = asyncio.get_running_loop()
        wait_s = RECONNECT_S
        while True:
            peer.said = ZmtpSubscriber(self._topics)
            try:
                with socket.socket(family, socket.SOCK_STREAM) as connection:
                    connection.setblocking(False)
                    try:
                        async with asyncio.timeout(HANDSHAKE_S):
                            await loop.sock_connect(connection, address)
                        await self._talk(peer, connection)
                    finally:
                        peer.outbox.detach()
            except ZmtpError as error:
                _log.warning("no proxy is there", endpoint=peer.name, why=_why(error))
            except (OSError, TimeoutError):
                pass  # it is away, or no descriptor is free, and tried again
            wait_s = RECONNECT_S if peer.said.ready else min(2 * wait_s, RECONNECT_MAX_S)
            await asyncio.sleep(wait_s)

    # --- both ---------------------------------------------------------------------------------

    async def _talk(self, peer: Peer, connection: socket.socket) -> None:
        """Shake hands, and take in what the peer says until it is gone."""
        loop = asyncio.get_running_loop()
        connection.setblocking(False)
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        async with asyncio.timeout(HANDSHAKE_S):
            await loop.sock_sendall(connection, GREETING)
            while not peer.said.ready:
                if (answer := await _heard(peer, connection)) is None:
                    return
                await loop.sock_sendall(connection, answer)
        peer.outbox.attach(connection)
        wanted = frozenset[bytes]()
        while True:
            if peer.said.wants != wanted:
                wanted = peer.said.wants
                self._wanted(peer, wanted)
            if (answer := await _heard(peer, connection)) is None:
                return
            if answer and not peer.outbox.waits:  # else what waits shows as well that it lives
                peer.outbox.send(answer)

    def _wanted(self, peer: Peer, topics: frozenset[bytes]) -> None:
        """Send a peer these topics. What a link has wanted once it gets for ever.

        For one that is back says what it wants bit by bit, and filters by itself what it gets.
        """
        peer.has_subscribed = peer.has_subscribed or bool(topics)
        self._news.set()
        peer.outbox.flush()
        for topic, outboxes in self.wanting.items():
            wants, has = topic in topics, peer.outbox in outboxes
            if wants and not has:  # proxies first: behind them are most subscribers
                outboxes.insert(0 if peer.is_link else len(outboxes), peer.outbox)
            elif has and not wants and not peer.is_link:
                outboxes.remove(peer.outbox)

    def _tell_dropped(self, peer: Peer) -> None:
        """Tell also of all so far: of lines that repeat the log has but the last one's numbers."""
        if dropped := peer.outbox.dropped - peer.told_dropped:
            peer.told_dropped += dropped
            self._dropped += dropped
            _log.warning("a subscriber is behind: messages are lost to it", subscriber=peer.name,
                         messages=dropped, of_all_subscribers_so_far=self._dropped)  # fmt: skip

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            self._fault = fault
            # Also here, for nobody may ask any more, and another may follow.
            _log.error("a fault in a worker's sockets", exc_info=fault)


async def _heard(peer: Peer, connection: socket.socket) -> bytes | None:
    """Take in what a peer says, in its turn; return what is to be answered, None at its end."""
    data = await asyncio.get_running_loop().sock_recv(connection, READ_BYTES)
    if not data:
        return None
    async with peer.turn:
        answer = peer.said.take(data)
        await asyncio.sleep(PAUSE_S)
    return answer


def _why(error: Exception) -> str:
    return str(error) or f"no handshake within {HANDSHAKE_S:g} s"
