"""State of the topics and feeds of a stream, and which topics the caller wants."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from feedd.client.decoding import decoder, published_decoder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from feedd.client.decoding import Decode
    from feedd.client.reorder_buffer import ReorderBuffer

MAX_TOPICS = 20_000
MAX_RECORDED_TOPIC_BYTES = 0xFFFF


@dataclass(slots=True, eq=False)
class FeedState:
    """One symbol of one exchange.

    `complete`: its session began after the stream, so every topic begins with seq 1; None until a
    status shows it. `reported` is the last state and reason that the caller got. `resumed`: the
    stream resumes an earlier one, and nothing of the feed came yet. `gaps` counts the gaps on the
    exchange's side that were reported in the session, by channel, once `counts_gaps`.
    `lost_statuses`: some were lost since the last one.
    """

    name: str
    session: int | None = None
    complete: bool | None = None
    heartbeat_s: float | None = None  # time of the last one
    stopped: bool = False
    resumed: bool = False
    reported: tuple[str, str | None] | None = None
    topics: list[TopicState] = field(default_factory=list)
    gaps: dict[str, int] = field(default_factory=dict)
    counts_gaps: bool = False
    lost_statuses: bool = False


@dataclass(slots=True, eq=False)
class TopicState:
    """One topic; `buffer` is None until its first message or a status shows where it begins."""

    name: str
    feed: FeedState
    is_status: bool
    wanted: bool
    decode: Decode
    buffer: ReorderBuffer | None = None
    requested: bool = False  # a request for it is in flight


class TopicTable:
    """Topics by their frame; `prefixes` are the caller's.

    `published`: decode to published messages, and hand on statuses in any case.
    """

    def __init__(self, prefixes: Iterable[str], *, published: bool = False) -> None:
        self._published = published
        self.prefixes = tuple(prefixes)
        self.feeds: dict[str, FeedState] = {}
        self.topics: dict[bytes, TopicState] = {}
        self.rejected = 0  # topics beyond the limit, or with too long a name
        self._status_prefixes = tuple(
            prefix for prefix in self.prefixes if prefix.startswith("status")
        )
        self.subscriptions = subscriptions(self.prefixes)
        self._subscribed = tuple(self.subscriptions)

    def get(self, frame: bytes) -> TopicState | None:
        """Return a topic, and add it if it is new; None if it is invalid or not followed."""
        found = self.topics.get(frame)
        if found is not None:
            return found
        try:
            name = frame.decode()
        except UnicodeDecodeError:
            return None
        channel, dot, feed_name = name.partition(".")
        if not dot or not name.startswith(self._subscribed):
            return None
        if len(self.topics) >= MAX_TOPICS or (
            self._published and len(frame) > MAX_RECORDED_TOPIC_BYTES
        ):
            self.rejected += 1
            return None
        feed = self.feeds.setdefault(feed_name, FeedState(feed_name))
        is_status = channel == "status"
        full_status = is_status and name.startswith(self._status_prefixes)
        wanted = full_status or not is_status or self._published
        decode = (
            published_decoder(frame, is_status=is_status)
            if self._published
            else decoder(channel, full_status=full_status)
        )
        topic = TopicState(name, feed, is_status, wanted, decode)
        feed.topics.append(topic)
        self.topics[frame] = topic
        return topic

    def names(self) -> list[str]:
        """Return the topics known so far."""
        return [topic.name for topic in self.topics.values()]

    def unmatched(self) -> list[str]:
        """Return the caller's prefixes that no topic known so far has."""
        names = self.names()
        return [
            prefix for prefix in self.prefixes if not any(name.startswith(prefix) for name in names)
        ]


def subscriptions(prefixes: Iterable[str]) -> list[str]:
    """Return the prefixes and those of their feeds' statuses, without prefixes of other prefixes.

    `quote.<exchange>.` also needs `status.<exchange>.`; `quo` needs `status.`;
    `` covers everything.
    """
    needed = set()
    for prefix in prefixes:
        rest = prefix.partition(".")[2]
        needed |= {prefix, f"status.{rest}"}
    return sorted(
        one for one in needed
        if not any(one != other and one.startswith(other) for other in needed)
    )  # fmt: skip
