"""What the rules of all exchanges have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from typing import Any

    from feedd.books.levels import Book


class Hole(NamedTuple):
    """Updates that never came: those after `from_id`, up to where the one with `to_id` begins."""

    from_id: int | None
    to_id: int | None
    reason: str


class DepthRules(Protocol):
    """Follows an exchange's depth messages and knows whether its book can be vouched for.

    `synced` is that answer. While it is False the book must not be shown to anybody.
    """

    book: Book
    synced: bool
    last_id: int | None  # of the newest message that belongs to the book
    timestamp: int | None  # of that message, by the exchange's clock, ms

    @property
    def needs_snapshot(self) -> bool:
        """Whether only a new snapshot leads on."""

    def on_update(self, message: Any) -> Hole | None:
        """Take a message of the stream; return what is missing before it.

        Raises ValueError, LookupError or TypeError for a message that can't be read; nothing of
        it is applied then, and the next message shows the hole.
        """

    def reset(self) -> None:
        """Forget everything: the connection is a new one."""
