"""Detects endpoints that libzmq has given up on.

After a protocol error, or a message that is too large, libzmq ends the connection and never
retries (https://github.com/zeromq/libzmq/issues/4196). Only the monitor shows it: DISCONNECTED that
CONNECT_RETRIED does not follow. Pure: no socket and no clock.
"""

from __future__ import annotations

from typing import Literal

GIVEN_UP_S = 0.5

ConnectionEvent = Literal["connected", "disconnected", "retried"]


class ConnectionHealth:
    """Whether one endpoint is connected, and whether to reconnect it."""

    def __init__(self) -> None:
        self.up = False
        self.reached = False  # the address accepts connections; it may not be a publisher
        self.answered = False  # it was up once
        self._lost_s: float | None = None

    def note(self, event: ConnectionEvent, now_s: float) -> None:
        """Note an event of the monitor."""
        self.up = event == "connected"
        self.answered |= self.up
        self._lost_s = now_s if event == "disconnected" else None

    def given_up(self, now_s: float) -> bool:
        """Return whether libzmq has given up, once each time."""
        if self._lost_s is None or now_s - self._lost_s < GIVEN_UP_S:
            return False
        self._lost_s = None
        return True
