"""Interface between the connection rules of an exchange and the socket server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable

    from feedd.venues.raw_streams import RawStream

POLICY_VIOLATION = 1008
GOING_AWAY = 1001


@dataclass(slots=True)
class Reaction:
    """Actions for the server, in this order: replies, subscribe, unsubscribe, ping, close."""

    reply: str | None = None
    replies: list[str | bytes] = field(default_factory=list)  # further ones
    subscribe: list[RawStream] = field(default_factory=list)
    unsubscribe: list[RawStream] = field(default_factory=list)
    ping: bool = False
    close: tuple[int, str] | None = None


class WsSession(Protocol):
    """Rules of one connection of an exchange; times are seconds of the exchange's clock."""

    combined: bool  # whether each message is wrapped with its stream name

    def on_text(self, text: str, now_s: float) -> Reaction:
        """Handle a control message."""

    def on_ping(self, now_s: float) -> Reaction:
        """Handle a ping; the server answers it unless the reaction closes the connection."""

    def on_pong(self, now_s: float) -> Reaction:
        """Handle a pong, solicited or unsolicited."""

    def on_time(self, now_s: float) -> Reaction:
        """Check the time: ping, or close a connection that is too old or silent for too long."""

    def streams(self) -> list[RawStream]:
        """Return the subscribed streams."""


@runtime_checkable
class RefusesStreams(Protocol):
    """A session that refuses subscriptions in its venue's form; the server sets `refuses`."""

    refuses: Callable[[str], bool]  # of the name of a stream
