"""Endpoints that libzmq has given up on.

After a protocol error, or a message that is too large, libzmq ends the connection and never tries
again (https://github.com/zeromq/libzmq/issues/4196). All that shows it is a monitor on which
DISCONNECTED is not followed by CONNECT_RETRIED. Pure: it has no socket and no clock.
"""

from __future__ import annotations

from typing import Literal

GIVEN_UP_S = 0.5

Occurrence = Literal["connected", "disconnected", "retried"]


class Health:
    """One endpoint: whether it is connected, and whether it is to be connected anew."""

    def __init__(self) -> None:
        self.up = False
        self._lost_s: float | None = None

    def note(self, occurrence: Occurrence, now_s: float) -> None:
        """Take in what the monitor says."""
        self.up = occurrence == "connected"
        self._lost_s = now_s if occurrence == "disconnected" else None

    def given_up(self, now_s: float) -> bool:
        """Return whether libzmq has given up; once for each time that it has."""
        if self._lost_s is None or now_s - self._lost_s < GIVEN_UP_S:
            return False
        self._lost_s = None
        return True
