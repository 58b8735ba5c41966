"""Events of a source on their way through `feedd.merge`: what makes two of them the same. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import asdict

from feedd.model import Trade

if TYPE_CHECKING:
    from feedd.model import Quote, Tick


class DepthMessage(NamedTuple):
    """A message for the book's rules; `before` is the id of the book that it is applied to."""

    before: int | None
    message: Any
    received_ns: int

    def joined(self) -> Any:
        """Return the message, applied to the book that the merge found before it."""
        message = self.message
        if self.before is not None and self.before != message.before:
            return message._replace(before=self.before)
        return message


def content_of(tick: Tick) -> tuple[tuple[Any, ...], int]:
    """Return all that the exchange sent besides times, and the timestamp.

    A trade's id is enough where it has one.
    """
    if isinstance(tick, Trade) and tick.id is not None:
        return (tick.id,), tick.timestamp or 0
    keys = asdict(tick)
    timestamp = keys.pop("timestamp") or 0
    for name in ("datetime", "received_ns"):
        keys.pop(name, None)
    return tuple(keys.values()), timestamp


def same_quote(one: Quote, other: Quote) -> bool:
    """Return whether two quotes with one id are the same; a venue may repeat its last one."""
    return (
        one.bid == other.bid
        and one.bid_size == other.bid_size
        and one.ask == other.ask
        and one.ask_size == other.ask_size
    )


def same_trade(one: tuple[int, Trade | None], other: tuple[int, Trade | None]) -> bool:
    """Return whether two trades with one id are the same."""
    a, b = one[1], other[1]
    if a is None or b is None:
        return a is b
    return (a.timestamp, a.price, a.size, a.side) == (b.timestamp, b.price, b.size, b.side)


def same_depth(one: DepthMessage, other: DepthMessage) -> bool:
    """Return whether two messages of a book with one id are the same."""
    return bool(one.message == other.message)
