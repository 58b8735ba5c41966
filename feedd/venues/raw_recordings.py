"""What a venue knows of recordings of its own raw messages, so that any file can be read by line.

A venue whose recordings can be read has a module `feedd/venues/<venue>/raw_recording.py` with these
functions. All are pure.
"""

from __future__ import annotations

from typing import Protocol


class RawRecording(Protocol):
    """The venue's part of reading a recording."""

    def read_frame(self, text: str) -> tuple[str, str] | None:
        """Return a frame's stream and its message; None for another text."""

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
