"""What a venue knows of recordings of its own raw messages, so that any file can be read by line.

A venue whose recordings can be read has a module `feedd/venues/<venue>/raw_recording.py` with these
functions. All are pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from feedd.venues.market_type import MarketType


class RawMessage(NamedTuple):
    """A message; `stream` is empty for a book snapshot and for an answer to another request.

    `symbol` is the venue's id in a snapshot, empty where the snapshot does not name it.
    """

    stream: str
    data: str
    symbol: str = ""
    is_answer: bool = False


class RawRecording(Protocol):
    """The venue's part of reading a recording."""

    def read_frame(self, text: str) -> tuple[str, str] | None:
        """Return a frame's stream and its message; None for another text."""

    def read_message(self, text: str) -> RawMessage | None:
        """Return the message in any JSON of it; None for other JSON.

        Raises msgspec.DecodeError for text that is not JSON.
        """

    def exchange_of(self, stream: str, data: str) -> str | None:
        """Return the exchange that a message must be of; None where it could be any.

        Raises msgspec.DecodeError.
        """

    def market_of(self, exchange: str) -> MarketType:
        """Return the type of the markets whose messages are recorded under an exchange's name."""

    def split_stream(self, stream: str) -> tuple[str, str]:
        """Return the venue's id of the symbol, and the stream's name without it."""

    def is_snapshot(self, text: str) -> bool:
        """Return whether a text is a book snapshot, as REST answers it."""

    def snapshot_symbol(self, url: str) -> str | None:
        """Return the symbol of a snapshot's URL, "" if it names none; None for another URL."""

    def event_time_ms(self, data: str) -> int | None:
        """Return the event time of a message, or None if it has none."""

    def prices(self, data: str) -> set[str]:
        """Return the prices in a message, as written; they need not be all."""

    def sizes(self, data: str) -> set[str]:
        """Return the sizes in a message, as written; they need not be all."""

    def currencies(self, id_: str) -> tuple[str, str]:
        """Return base and quote currency of the venue's id; an unknown quote is empty."""
