"""The topics and feeds that a stream has to do with, and which of them the caller wants."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from feedd.client.decoding import decoder, frame_decoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from feedd.client.decoding import Message
    from feedd.client.order import Order

MOST_TOPICS = 20_000
LONGEST_KEPT = 0xFFFF  # bytes of a topic in a recording


@dataclass(slots=True, eq=False)
class Feed:
    """One symbol of one exchange.

    `whole`: its session began while we listened, so that every topic of it begins with seq 1; None
    until a status tells. `told` is the state and the reason that the caller knows. `resumed`: the
    stream goes on where an earlier one ended, and nothing was heard of the feed yet.
    """

    name: str
    session: int | None = None
    whole: bool | None = None
    heard_s: float | None = None  # its last heartbeat
    stopped: bool = False
    resumed: bool = False
    told: tuple[str, str | None] | None = None
    topics: list[Topic] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Topic:
    """One topic; `order` is None until its first message, or a status, says where it begins."""

    name: str
    feed: Feed
    is_status: bool
    wanted: bool
    decode: Callable[[bytes], Message]
    order: Order | None = None
    asked: bool = False  # a request for it is in flight


class TopicTable:
    """Topics by their frame; prefixes are the caller's.

    `frames`: messages are to be handed on as they were published, statuses in any case.
    """

    def __init__(self, prefixes: Iterable[str], *, frames: bool = False) -> None:
        self._frames = frames
        self.prefixes = tuple(prefixes)
        self.feeds: dict[str, Feed] = {}
        self.topics: dict[bytes, Topic] = {}
        self.refused = 0  # topics beyond the most, or too long
        named = tuple(prefix for prefix in self.prefixes if prefix.startswith("status"))
        self._statuses = named
        self.subscriptions = subscriptions(self.prefixes)
        self._all = tuple(self.subscriptions)

    def get(self, frame: bytes) -> Topic | None:
        """Return a topic, a new one if need be; None for what is no topic, or one too many."""
        found = self.topics.get(frame)
        if found is not None:
            return found
        try:
            name = frame.decode("ascii")
        except UnicodeDecodeError:
            return None
        channel, dot, feed_name = name.partition(".")
        if not dot or not name.startswith(self._all):
            return None
        if len(self.topics) >= MOST_TOPICS or (self._frames and len(frame) > LONGEST_KEPT):
            self.refused += 1
            return None
        feed = self.feeds.setdefault(feed_name, Feed(feed_name))
        is_status = channel == "status"
        full = is_status and name.startswith(self._statuses)
        wanted = full or not is_status or self._frames
        if self._frames:
            decode: Callable[[bytes], Message] = frame_decoder(frame, is_status=is_status)
        else:
            decode = decoder(channel, full_status=full)
        topic = Topic(name, feed, is_status, wanted, decode)
        feed.topics.append(topic)
        self.topics[frame] = topic
        return topic


def subscriptions(prefixes: Iterable[str]) -> list[str]:
    """Return the prefixes and those of their feeds' statuses, without what others cover.

    `quote.bybit.` needs `status.bybit.` too; `quo` needs `status.`, and `` covers all.
    """
    wanted = set()
    for prefix in prefixes:
        rest = prefix.partition(".")[2]
        wanted |= {prefix, f"status.{rest}"}
    return sorted(
        one for one in wanted
        if not any(one != other and one.startswith(other) for other in wanted)
    )  # fmt: skip
