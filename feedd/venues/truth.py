"""Events of a truth log as the audit compares them; each venue's folder reads its own messages.

A venue whose messages the audit reads has a module `feedd/venues/<venue>/truth.py` with a class
`Reader`, which is a `TruthReader`. The format of a truth log is `feedd.embedded.truth`.

An event has a key and a content. The key identifies the event: the exchange's id where there is
one, else its time and its other distinguishing fields. The content must be equal on both sides:
prices and sizes as the float64 of the exchange's text, exactly. docs/channels.md describes the
channels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from feedd.channels import CHANNELS
from feedd.venues.registry import venue_modules

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from feedd.books.levels import Level


class Event(NamedTuple):
    """One event, sent or published."""

    key: Hashable
    content: tuple[Any, ...]
    optional: bool = False  # sent to only one connection, possibly another client's
    aliases: tuple[Hashable, ...] = ()  # further keys, of an event whose ids are not counted
    again: bool = False  # a state, which may be published again before the next one


class BookUpdate(NamedTuple):
    """The book part of an event; `before` is the id of the preceding update."""

    before: int
    last: int
    is_snapshot: bool
    bids: list[Level]
    asks: list[Level]


class TruthReader(Protocol):
    """One venue's reader; it may keep state, so that each truth log has its own.

    `events` and `book_update` raise LookupError, TypeError, ValueError, AttributeError or
    ArithmeticError for a malformed event.
    """

    exchanges: tuple[str, ...]  # that have streams of these names

    def stream(self, name: str) -> TruthStream | None:
        """Return a stream of the venue; None where no channel is made from it."""

    def exchange(self, channel: str, data: dict[str, Any]) -> str | None:
        """Return the exchange that sent an event; None where the event doesn't show it."""

    def events(self, name: str, channel: str, data: dict[str, Any]) -> Iterator[Event]:
        """Yield the events to be published of a stream's event."""

    def restarted(self, data: dict[str, Any]) -> bool:
        """Whether an event is the first after the venue restarted its ids."""

    def book_update(self, data: dict[str, Any]) -> BookUpdate:
        """Return the book part of an event."""


class TruthStream(NamedTuple):
    """A stream of the truth log; `symbol` is the exchange's id.

    `published` replaces the function of this module where keys are others.
    """

    symbol: str
    channel: str
    counted: bool  # ids are integers that grow
    reader: TruthReader
    also: tuple[str, ...] = ()  # further channels whose events it contains
    published: Callable[[str, dict[str, Any]], Event] | None = None


def truth_readers() -> list[TruthReader]:
    """Return a new reader of each venue that has one, and of each whose recordings are played."""
    # Imported here: most truth logs are of generated markets.
    from feedd.venues.played import played_exchanges  # noqa: PLC0415
    from feedd.venues.played_truth import PlayedTruth  # noqa: PLC0415

    played = dict.fromkeys(one.exchange for one in played_exchanges())
    return [
        *(module.Reader() for module in venue_modules("truth")),
        *(PlayedTruth(exchange) for exchange in played),
    ]


def published(channel: str, payload: dict[str, Any]) -> Event:
    """Return a payload's event; raise LookupError or TypeError for a malformed one."""
    spec = CHANNELS[channel]
    key = tuple(payload[name] for name in spec.key)
    content = tuple(payload[name] for name in spec.content)
    if spec.key_repeats:
        return Event((*key, 0), content)
    return Event(key[0] if len(key) == 1 else key, content)
