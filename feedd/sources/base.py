"""The contract between a source and the loop that it feeds."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from feedd.model import Checked, EventId, QuoteFrom, Tick


class Sink(Protocol):
    """Callbacks that a source invokes, all on the event loop; none may block."""

    def event(self, tick: Tick) -> None:
        """Take one event, and own it from then on.

        Events of one channel arrive in the order in which the exchange sent them, each once per
        connection. Between a `lost` and the next `event` of a channel, events may be missing.
        """

    def hold(self) -> None:
        """Expect more events at once: the sink may send them together, at `release`.

        Calls in between stay in order; after `release` nothing is held.
        """

    def release(self) -> None:
        """Send what is held: the source waits for the exchange again."""

    def subscribed(self, channel: str) -> None:
        """Note that a channel is connected and subscribed; its data may still never arrive."""

    def lost(self, channel: str, reason: str, *, waits: bool = False) -> None:
        """Note that a channel's connection failed; the source is connecting again.

        `waits`: no attempt was made, since the budget that all workers share is exhausted
        (LimitError).
        """

    def missing(self, channel: str, from_id: EventId, to_id: EventId, reason: str) -> None:
        """Report a gap: events between two ids were not received. The next `event` follows it."""

    def resync(self, channel: str, reason: str, *, waits: bool = False) -> None:
        """Report that a channel publishes nothing until a new snapshot; `waits` as in `lost`."""

    def alive(self, channel: str) -> None:
        """Note activity of a channel that is no event, e.g. a repeated one."""

    def compared(self, channel: str) -> None:
        """Note that a channel, which nothing in its stream checks, agrees with a REST snapshot."""

    def rejected(self, channels: Iterable[str], reason: str) -> None:
        """Note a message of one of these channels that can't be parsed, and is missing."""


class Source(Protocol):
    """Keeps one symbol of an exchange connected until cancelled."""

    # The exchange's own word for a symbol that it lists and does not trade, e.g. SETTLING, since
    # `prepare` or the last `check_listing`. None: it trades it, or it is not known.
    listing: str | None

    @property
    def self_checked(self) -> frozenset[str]:
        """The channels in which the source finds every gap itself and reports it with `missing`.

        That includes events lost with a connection or an unreadable message.
        """

    @property
    def checked(self) -> Mapping[str, Checked]:
        """How a lost or altered message shows, by channel; in the others it does not show."""

    @property
    def quote_from(self) -> QuoteFrom | None:
        """The channel whose messages have the quotes; None: there are no quotes."""

    async def prepare(self) -> None:
        """Check symbol, channels and credentials, without subscribing to anything.

        Raises FinalError for a fault that only a person can fix, SourceError for one that may
        pass.
        """

    async def check_listing(self) -> str | None:
        """Ask the exchange's list again, and return `listing`; ABSENT: it lists the symbol no more.

        Raises FeeddError where there is no answer.
        """

    async def run(self, sink: Sink) -> None:
        """Subscribe, and keep subscribed until cancelled; raise FinalError only."""

    def activity(self, channel: str) -> int | None:
        """Return a number that changes with every frame of a channel's connection.

        Pongs count: a connection that answers is alive, however quiet its market is. None
        where there is no connection, or its frames are not counted.
        """

    def renew(self, channel: str, reason: str, flowing: frozenset[str] = frozenset()) -> None:
        """Subscribe to a channel again, which is silent or whose connection is dead.

        Its connection is dropped: `lost` follows, and the source connects again. A connection that
        carries one of the channels `flowing` too is kept, where the exchange allows to subscribe
        again on it.
        """

    async def close(self) -> None:
        """Close all connections, and invoke no callback any more."""


class Backoff:
    """Seconds to wait before the next try: doubled each time up to a cap, and jittered.

    Call `reset` when data arrives: a connection alone is no success, since a subscription may be
    accepted and stay silent.
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
        """Return the next wait, between half of the doubled wait and all of it."""
        ceiling = min(self._cap_s, self._first_s * 2.0 ** min(self._tries, 32))
        self._tries += 1
        least_s, self._at_least_s = self._at_least_s * self._rng.uniform(1.0, 1.1), 0.0
        return max(ceiling * self._rng.uniform(0.5, 1.0), least_s)

    @property
    def is_reset(self) -> bool:
        """Whether data arrived since the last wait."""
        return not self._tries

    def at_least(self, seconds: float) -> None:
        """Make the next wait no shorter, up to the cap: the exchange requested it."""
        self._at_least_s = max(self._at_least_s, min(seconds, self._cap_s))

    def reset(self) -> None:
        """Restart with the first wait."""
        self._tries = 0
        self._at_least_s = 0.0
