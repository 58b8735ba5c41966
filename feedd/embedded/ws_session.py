"""The contract between the rules of an exchange's connections and the shell of sockets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from feedd.venues.raw_streams import RawStream

POLICY_VIOLATION = 1008
GOING_AWAY = 1001


@dataclass(slots=True)
class Reaction:
    """What the shell is to do, in this order: reply, then subscribe, unsubscribe, close."""

    reply: str | None = None
    subscribe: list[RawStream] = field(default_factory=list)
    unsubscribe: list[RawStream] = field(default_factory=list)
    ping: bool = False
    close: tuple[int, str] | None = None


class Connection(Protocol):
    """One connection as an exchange treats it; times are seconds of the exchange's clock."""

    combined: bool  # whether each message is wrapped in its stream's name

    def on_text(self, text: str, now_s: float) -> Reaction:
        """Take a control message."""

    def on_ping(self, now_s: float) -> Reaction:
        """Take a ping; the shell answers it when no close is asked for."""

    def on_pong(self, now_s: float) -> Reaction:
        """Take a pong, asked for or not."""

    def on_time(self, now_s: float) -> Reaction:
        """Look at the clock: ping, or close what is too old or too silent."""

    def streams(self) -> list[RawStream]:
        """Return what is being sent."""
