"""Joining: what comes is held until the history service has told the last message of each topic.

Pure, like all of the protocol.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from feedd.client.decoding import Message
    from feedd.client.topic_table import Topic

JOIN_S = 2.0  # without a snapshot after so long, the stream begins without
MOST_HELD = 50_000  # messages


@dataclass(slots=True)
class Joining:
    """The messages held, with the times of their coming, and the snapshot as far as it goes."""

    until_s: float
    held: list[tuple[Topic, Message, float]] = field(default_factory=list)
    snapshot: list[tuple[bytes, bytes]] = field(default_factory=list)
    history: int = 0  # the one that is asked

    def first_held(self) -> dict[tuple[Topic, int], int]:
        """Return the lowest seq that is held, by topic and session."""
        lowest: dict[tuple[Topic, int], int] = {}
        for topic, message, _ in self.held:
            key = (topic, message.session)
            lowest[key] = min(message.seq, lowest.get(key, message.seq))
        return lowest

    @property
    def full(self) -> bool:
        """Whether no more may be held."""
        return len(self.held) >= MOST_HELD
