"""Receiving thread: sockets to protocol, protocol to event queue.

A thread with a blocking poll instead of the caller's event loop: ZeroMQ's file descriptor is
edge-triggered, so that a loop which shares it can miss a wakeup
(https://github.com/zeromq/pyzmq/issues/2173). Heartbeats, repairs and endpoints must also be
handled while the caller is busy.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from feedd.client.event_queue import EventQueue
    from feedd.client.protocol import Protocol
    from feedd.transport.client_sockets import ClientSockets

JOIN_TIMEOUT_S = 2.0
BUSY = 100  # events of one turn: then the next one does not wait for more
FULL_S = 0.002  # until the next check whether the caller of a lossless stream has taken enough


class Receiver:
    """Runs until it is stopped, its owner is garbage-collected, or the interpreter exits.

    Messages that arrive within `batch_s` are handled together: waking up costs more than a message.
    """

    def __init__(
        self,
        owner: object,
        sockets: ClientSockets,
        protocol: Protocol,
        queue: EventQueue,
        batch_s: float = 0.0,
    ) -> None:
        self._thread = threading.Thread(
            target=_receive,
            args=(sockets, protocol, queue, batch_s),
            name="feedd-client",
            daemon=True,
        )
        self._thread.start()
        self._stop = weakref.finalize(
            owner, _stop, sockets, queue, self._thread, os.getpid(), JOIN_TIMEOUT_S
        )

    def stop(self) -> None:
        """Stop the thread and wait for it, which takes some ms."""
        self._stop()

    def request_stop(self) -> None:
        """Stop the thread without waiting for it."""
        arguments = self._stop.detach()
        if arguments is not None:
            _, _, (sockets, queue, thread, pid, _), _ = arguments
            _stop(sockets, queue, thread, pid, 0.0)


def _stop(
    sockets: ClientSockets,
    queue: EventQueue,
    thread: threading.Thread,
    pid: int,
    timeout_s: float,
) -> None:
    if os.getpid() != pid:
        return  # a fork has no such thread and must not touch the sockets
    queue.closing = True
    sockets.wake()
    if thread is not threading.current_thread():
        thread.join(timeout_s)


def _receive(sockets: ClientSockets, protocol: Protocol, queue: EventQueue, batch_s: float) -> None:
    error = None
    count = 0  # events of the last turn
    paused_s = 0.0  # total; not counted by the protocol, as a heartbeat may be unread
    try:
        while not queue.closing:
            if queue.full:  # read nothing, so that the sender waits
                began_s = time.monotonic()
                time.sleep(FULL_S)
                paused_s += time.monotonic() - began_s
                continue
            sockets.wait(protocol.wait_s)
            if batch_s and count < BUSY:
                time.sleep(batch_s)
            count = _once(sockets, protocol, queue, time.monotonic() - paused_s)
    except BaseException as caught:  # noqa: BLE001  it is raised to the caller
        error = caught
    finally:
        sockets.close()
        queue.end(error)


def _once(sockets: ClientSockets, protocol: Protocol, queue: EventQueue, monotonic_s: float) -> int:
    """Handle what has arrived; return how many events that were."""
    now_s = protocol.clock(monotonic_s)
    for topic, payload in sockets.messages():
        protocol.message(topic, payload, now_s)
    for frame in sockets.responses():
        protocol.response(frame, now_s)
    up = sockets.watch()
    protocol.endpoints(up)
    if protocol.awaits_endpoints:
        protocol.first_contact(sockets.unanswered(), up, now_s)
    protocol.check(now_s)
    for history, request in protocol.requests():
        sockets.request(history, request)
    events = protocol.events()
    count = len(events)
    queue.put(events)
    return count
