"""Event on its way to clients: encoded once for all of them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from feedd.gateway.stream.encoding import message_text, notice_text

if TYPE_CHECKING:
    from feedd.client.events import Notice, Status, Tick
    from feedd.gateway.journal import Entry


class Encoded(NamedTuple):
    """JSON of an event, and what identifies it; a notice has no topic, its `seq` is its number."""

    text: bytes
    topic: str
    session: int
    seq: int


class OutgoingMessage:
    """A tick or a status."""

    __slots__ = ("_texts", "event", "topic")

    def __init__(self, topic: str, event: Tick | Status) -> None:
        self.topic = topic
        self.event = event
        self._texts: list[Encoded | None] = [None, None]

    def encoded(self, *, strings: bool) -> Encoded:
        """Return its JSON, with wide integers as strings or as numbers."""
        found = self._texts[strings]
        if found is None:
            event = self.event
            text = message_text(self.topic, event, strings=strings)
            found = Encoded(text, self.topic, event.session, event.seq)
            self._texts[strings] = found
        return found


class OutgoingNotice:
    """A notice, with its entry in the journal; `origin` is `snapshot` in a snapshot."""

    __slots__ = ("_texts", "entry", "notice", "origin")

    def __init__(self, notice: Notice, entry: Entry, origin: str | None = None) -> None:
        self.notice = notice
        self.entry = entry
        self.origin = origin
        self._texts: list[Encoded | None] = [None, None]

    def encoded(self, *, strings: bool) -> Encoded:
        """Return its JSON, with wide integers as strings or as numbers."""
        found = self._texts[strings]
        if found is None:
            text = notice_text(self.notice, self.entry, strings=strings, origin=self.origin)
            found = Encoded(text, "", 0, self.entry.number)
            self._texts[strings] = found
        return found


Outgoing = OutgoingMessage | OutgoingNotice
