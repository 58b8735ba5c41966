"""The receiving thread: sockets to protocol, protocol to handover.

A thread with a blocking poll, and not the caller's event loop: ZeroMQ's file descriptor tells of
changes only, so that a loop which shares it can miss a wakeup
(https://github.com/zeromq/pyzmq/issues/2173), and heartbeats, repairs and endpoints need care also
while the caller is busy.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from feedd.client.handover import Handover
    from feedd.client.protocol import Protocol
    from feedd.transport.client_sockets import ClientSockets

JOIN_TIMEOUT_S = 2.0
FULL_S = 0.002  # until the next look whether the caller of a lossless stream has taken enough


class Receiver:
    """Runs until it is stopped, or until its owner is forgotten or the interpreter exits."""

    def __init__(
        self, owner: object, sockets: ClientSockets, protocol: Protocol, handover: Handover
    ) -> None:
        self._thread = threading.Thread(
            target=_receive, args=(sockets, protocol, handover), name="feedd-client", daemon=True
        )
        self._thread.start()
        self._stop = weakref.finalize(
            owner, _stop, sockets, handover, self._thread, os.getpid(), JOIN_TIMEOUT_S
        )

    def stop(self) -> None:
        """End the thread and wait for it, some ms."""
        self._stop()

    def tell_to_stop(self) -> None:
        """End the thread, and don't wait."""
        arguments = self._stop.detach()
        if arguments is not None:
            _, _, (sockets, handover, thread, pid, _), _ = arguments
            _stop(sockets, handover, thread, pid, 0.0)


def _stop(
    sockets: ClientSockets,
    handover: Handover,
    thread: threading.Thread,
    pid: int,
    timeout_s: float,
) -> None:
    if os.getpid() != pid:
        return  # a fork has neither the thread nor a right to the sockets
    handover.closing = True
    sockets.wake()
    if thread is not threading.current_thread():
        thread.join(timeout_s)


def _receive(sockets: ClientSockets, protocol: Protocol, handover: Handover) -> None:
    error = None
    paused_s = 0.0  # in all; no time for the protocol: what is unread may be a heartbeat
    try:
        while not handover.closing:
            if handover.full:  # nothing is read, so that the sender waits
                began_s = time.monotonic()
                time.sleep(FULL_S)
                paused_s += time.monotonic() - began_s
                continue
            sockets.wait(protocol.wait_s)
            _once(sockets, protocol, handover, time.monotonic() - paused_s)
    except BaseException as caught:  # noqa: BLE001  the caller gets it: this thread has nobody
        error = caught
    finally:
        sockets.close()
        handover.end(error)


def _once(
    sockets: ClientSockets, protocol: Protocol, handover: Handover, monotonic_s: float
) -> None:
    now_s = protocol.clock(monotonic_s)
    for topic, payload in sockets.messages():
        protocol.message(topic, payload, now_s)
    for frame in sockets.answers():
        protocol.answer(frame, now_s)
    protocol.endpoints(sockets.watch())
    protocol.look(now_s)
    for history, request in protocol.requests():
        sockets.ask(history, request)
    handover.put(protocol.events())
