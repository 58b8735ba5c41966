"""Queues of one client: of every message, or of the latest of each topic. Pure and bounded."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

from feedd.gateway.stream.encoding import missed_text, with_conflated
from feedd.gateway.stream.missed import MissedReports
from feedd.gateway.stream.outgoing import OutgoingMessage

if TYPE_CHECKING:
    from feedd.gateway.stream.outgoing import Encoded, Outgoing

MAX_MESSAGES = 10_000
MAX_BYTES = 4 << 20  # of JSON
MAX_CONFLATED = 100_000  # topics and notices that wait


class ClientQueue(Protocol):
    """What waits for one client."""

    def __bool__(self) -> bool:
        """Whether something waits."""

    def __len__(self) -> int:
        """Return the number of messages that wait."""

    @property
    def missed(self) -> int:
        """Number of messages and notices that the client ever missed."""

    def add(self, outgoing: Outgoing) -> None:
        """Add an event."""

    def take(self, max_bytes: int) -> list[bytes]:
        """Return what waits, in order, up to about a size; at least one text if any waits."""


class EveryMessage:
    """Every message. A full queue drops its oldest, and reports them before the rest.

    All clients share the texts, so stalled ones, which all keep the newest, take the memory of one.
    """

    def __init__(
        self, *, strings: bool, max_messages: int = MAX_MESSAGES, max_bytes: int = MAX_BYTES
    ) -> None:
        self._strings = strings
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._waiting: deque[Encoded] = deque()
        self._bytes = 0
        self._missed = MissedReports()

    def __bool__(self) -> bool:
        return bool(self._waiting) or bool(self._missed)

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def missed(self) -> int:
        """Number of messages and notices that the client ever missed."""
        return self._missed.total

    def add(self, outgoing: Outgoing) -> None:
        """Add an event; drop the oldest where there are too many, or too many bytes."""
        encoded = outgoing.encoded(strings=self._strings)
        self._waiting.append(encoded)
        self._bytes += len(encoded.text)
        while self._bytes > self._max_bytes or len(self._waiting) > self._max_messages:
            text, topic, session, seq = self._waiting.popleft()
            self._bytes -= len(text)
            if topic:
                self._missed.add(topic, session, seq)
            else:
                self._missed.add_notice(seq)

    def take(self, max_bytes: int) -> list[bytes]:
        """Return what was missed, and what waits, up to about a size."""
        texts = [missed_text(one, strings=self._strings) for one in self._missed.take()]
        size = sum(map(len, texts))
        while self._waiting and size < max_bytes:
            text = self._waiting.popleft().text
            self._bytes -= len(text)
            size += len(text)
            texts.append(text)
        return texts


class LatestOfEach:
    """The latest message of each topic, and every notice, in the order of arrival.

    Each message has `conflated`, the number of those before it that were left out. A topic or a
    notice beyond the bound is missed.
    """

    def __init__(self, *, strings: bool, max_waiting: int = MAX_CONFLATED) -> None:
        self._strings = strings
        self._max_waiting = max_waiting
        self._waiting: dict[str | int, tuple[Outgoing, int]] = {}  # by topic, or number of a notice
        self._missed = MissedReports()

    def __bool__(self) -> bool:
        return bool(self._waiting) or bool(self._missed)

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def missed(self) -> int:
        """Number of messages and notices that the client ever missed."""
        return self._missed.total

    def add(self, outgoing: Outgoing) -> None:
        """Add an event in place of the one of its topic that waits."""
        of_topic = isinstance(outgoing, OutgoingMessage)
        key = outgoing.topic if of_topic else outgoing.entry.number  # type: ignore[union-attr]
        replaced = self._waiting.pop(key, None)
        if replaced is not None:
            self._waiting[key] = (outgoing, replaced[1] + 1)
        elif len(self._waiting) < self._max_waiting:
            self._waiting[key] = (outgoing, 0)
        elif isinstance(outgoing, OutgoingMessage):
            event = outgoing.event
            self._missed.add(outgoing.topic, event.session, event.seq)
        else:
            self._missed.add_notice(outgoing.entry.number)

    def take(self, max_bytes: int) -> list[bytes]:
        """Return what waits, up to about a size, then what was missed meanwhile."""
        texts: list[bytes] = []
        size = 0
        while self._waiting and size < max_bytes:
            key = next(iter(self._waiting))
            outgoing, left_out = self._waiting.pop(key)
            text = outgoing.encoded(strings=self._strings).text
            if isinstance(outgoing, OutgoingMessage):
                text = with_conflated(text, left_out)
            size += len(text)
            texts.append(text)
        if not self._waiting:
            texts += [missed_text(one, strings=self._strings) for one in self._missed.take()]
        return texts
