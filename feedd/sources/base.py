"""The contract between a source and the loop that it feeds."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from feedd.model import EventId, Tick


class Sink(Protocol):
    """What a source tells; all calls are made on the event loop, and none may block."""

    def event(self, tick: Tick) -> None:
        """Take one event. It is the sink's from here on.

        Events of one channel come in the order in which the exchange sent them, each once per
        connection. Between a `lost` and the next `event` of a channel, events may be missing.
        """

    def hold(self) -> None:
        """Know that more events are at hand: the sink may send them together, at `release`.

        What is told in between is in order with all else; after `release` nothing is held.
        """

    def release(self) -> None:
        """Know that the source waits for the exchange again."""

    def subscribed(self, channel: str) -> None:
        """Note that the connection of a channel stands; its data may still never come."""

    def lost(self, channel: str, reason: str, *, waits: bool = False) -> None:
        """Note that a channel's connection failed; the source is connecting again.

        `waits`: it was not even tried, since what all workers share is used up (LimitError).
        """

    def missing(self, channel: str, from_id: EventId, to_id: EventId, reason: str) -> None:
        """Say that events between two ids never came; the next `event` is from behind them."""

    def resync(self, channel: str, reason: str, *, waits: bool = False) -> None:
        """Say that a channel shows nothing until it has a new snapshot; `waits` as in `lost`."""

    def alive(self, channel: str) -> None:
        """Note activity of a channel that is no event, e.g. a repeated one."""

    def rejected(self, channels: Iterable[str], reason: str) -> None:
        """Note that a message of one of these channels could not be read, and is missing."""


class Source(Protocol):
    """Connects to an exchange for one symbol, for ever."""

    @property
    def self_checked(self) -> frozenset[str]:
        """The channels in which the source finds every hole itself and tells it with `missing`.

        That includes what a lost connection or an unreadable message leaves out.
        """

    async def prepare(self) -> None:
        """Check symbol, channels and credentials, without subscribing to anything.

        Raises FinalError for what only a person can mend, SourceError for what may pass.
        """

    async def run(self, sink: Sink) -> None:
        """Subscribe, and keep subscribed until cancelled; raise FinalError only."""

    def activity(self, channel: str) -> int | None:
        """Return a number that changes with every frame of a channel's connection.

        Pongs count: a connection that answers is alive, however quiet its market is. None where
        there is no connection, or nothing is known of its frames.
        """

    def reconnect(self, channel: str, reason: str) -> None:
        """Drop the connection of a channel; `lost` follows, and the way back as after any."""

    async def close(self) -> None:
        """Close what is open; nothing is told to the sink any more."""


class Backoff:
    """Seconds to wait before the next try: doubled each time up to a cap, and jittered.

    `reset` is for the moment when data came: a connection alone is no success, since a stream
    may be accepted and stay mute.
    """

    def __init__(
        self, first_s: float = 0.25, cap_s: float = 30.0, rng: random.Random | None = None
    ) -> None:
        self._first_s = first_s
        self._cap_s = cap_s
        self._rng = rng or random.Random()  # noqa: S311  jitter guards no secret
        self._tries = 0
        self._at_least_s = 0.0

    def next_s(self) -> float:
        """Return the next wait, between a half and the whole of the doubled one."""
        ceiling = min(self._cap_s, self._first_s * 2.0 ** min(self._tries, 32))
        self._tries += 1
        least_s, self._at_least_s = self._at_least_s * self._rng.uniform(1.0, 1.1), 0.0
        return max(ceiling * self._rng.uniform(0.5, 1.0), least_s)

    def at_least(self, seconds: float) -> None:
        """Let the next wait be no shorter, as far as the cap goes: it was asked for."""
        self._at_least_s = max(self._at_least_s, min(seconds, self._cap_s))

    def reset(self) -> None:
        """Begin again with the first wait."""
        self._tries = 0
        self._at_least_s = 0.0
