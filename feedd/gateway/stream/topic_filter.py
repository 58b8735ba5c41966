"""Topics that a client of `/stream` wants, by prefixes. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.client.events import Gap, UpstreamGap

if TYPE_CHECKING:
    from collections.abc import Iterable

    from feedd.client.events import Notice

STATUSES = "status."


class TopicFilter:
    """Prefixes of topics, as in `feedd.subscribe`: statuses only if a prefix names them."""

    def __init__(self, prefixes: Iterable[str] = ("",)) -> None:
        self._prefixes = tuple(prefixes)
        self._of_statuses = tuple(one for one in self._prefixes if one.startswith("status"))
        # The part after the channel's name; a prefix that ends within the name is of every feed.
        self._of_feeds = tuple({one.partition(".")[2] for one in self._prefixes})

    def wants(self, topic: str) -> bool:
        """Whether a topic begins with one of the prefixes."""
        if topic.startswith(STATUSES):
            return topic.startswith(self._of_statuses)
        return topic.startswith(self._prefixes)

    def wants_notice(self, notice: Notice) -> bool:
        """Whether a notice is of a wanted topic; other notices are of feeds that have one."""
        match notice:
            case Gap():
                return self.wants(notice.topic)
            case UpstreamGap():
                wants_statuses = self.wants(f"{STATUSES}{notice.feed}")
                return wants_statuses or self.wants(f"{notice.channel}.{notice.feed}")
        return not notice.feed or notice.feed.startswith(self._of_feeds)
