"""Snapshot for one client: the last message of each topic, then `ready`. Pure.

It keeps events, not their JSON: a client that is slow from the beginning takes no memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.gateway.stream.encoding import message_text, ready_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from feedd.client.events import Status, Tick
    from feedd.gateway.stream.outgoing import OutgoingNotice


class Snapshot:
    """Texts of a snapshot, made as they are taken."""

    def __init__(
        self,
        messages: Iterable[tuple[str, Tick | Status]],
        notices: Iterable[OutgoingNotice],
        *,
        strings: bool,
    ) -> None:
        self._texts: Iterator[bytes] | None = self._make(list(messages), list(notices), strings)

    def __bool__(self) -> bool:
        """Whether something is left."""
        return self._texts is not None

    def take(self, max_bytes: int) -> list[bytes]:
        """Return the next texts, up to a size; at least one."""
        texts: list[bytes] = []
        size = 0
        while self._texts is not None and size < max_bytes:
            text = next(self._texts, None)
            if text is None:
                self._texts = None
            else:
                texts.append(text)
                size += len(text)
        return texts

    @staticmethod
    def _make(
        messages: list[tuple[str, Tick | Status]], notices: list[OutgoingNotice], strings: bool
    ) -> Iterator[bytes]:
        count = len(messages)
        for notice in notices:
            yield notice.encoded(strings=strings).text
        messages.reverse()
        while messages:  # what is sent is not kept
            topic, event = messages.pop()
            yield message_text(topic, event, strings=strings, origin="snapshot")
        yield ready_text(count)
