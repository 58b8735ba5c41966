"""Parts that the replay's two publishers share: reading subscriptions, and an orderly end."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import zmq

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SUBSCRIPTIONS_PER_TURN = 10_000  # so that a flood of them can't stop the replay
RESEND_MS = 100  # a blocked send checks this often whether to stop


def subscription_frames(socket: zmq.Socket[bytes]) -> Iterator[bytes]:
    """Yield the frames that subscribers have sent so far."""
    for _ in range(SUBSCRIPTIONS_PER_TURN):
        try:
            yield socket.recv(zmq.NOBLOCK)
        except zmq.Again:
            return


def terminate(context: zmq.Context[zmq.Socket[bytes]], stop: Callable[[float], bool]) -> bool:
    """Terminate a context whose sockets are closed; return whether they have sent everything.

    libzmq's wait can't be interrupted, so a thread does it, which is abandoned when `stop` returns
    True.
    """
    ending = threading.Thread(target=context.term, name="sending", daemon=True)
    ending.start()
    while ending.is_alive():
        if stop(RESEND_MS / 1000):
            return False
    return True
