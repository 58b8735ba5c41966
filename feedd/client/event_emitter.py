"""Events for the caller, in order. Reports each state and each condition once.

Pure: no clock and no socket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.client.decoding import StatusSummary
from feedd.client.events import Gap, NewSession, StateChange, Stopped, UpstreamGap
from feedd.client.topic_table import MAX_TOPICS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from feedd.client.decoding import Message, StatusMessage
    from feedd.client.events import Notice
    from feedd.client.topic_table import FeedState, TopicState


LOST_REPORT = "the status that reported it was lost"


class EventEmitter:
    """`events` has the messages and notices that the caller has not taken yet.

    `prefixes` are of the topics that the caller wants.
    """

    def __init__(self, prefixes: Iterable[str] = ("",)) -> None:
        self.events: list[Message | Notice] = []
        self._prefixes = tuple(prefixes)
        self._status_prefixes = tuple(one for one in self._prefixes if one.startswith("status"))
        self._history_unavailable = False
        self._topics_rejected = False

    def status(self, feed: FeedState, status: StatusMessage) -> None:
        """Report what is new in a feed's status. A gap in a snapshot precedes the stream."""
        gap = status.gap
        if gap is not None:
            feed.gaps[gap.channel] = feed.gaps.get(gap.channel, 0) + 1
            if status.origin != "snapshot" and self.wants(feed, gap.channel):
                self.events.append(
                    UpstreamGap(feed.name, gap.channel, gap.from_id, gap.to_id, gap.reason)
                )
        if isinstance(status, StatusSummary):
            self._count_gaps(feed, status)
        if (status.state, status.reason) == feed.reported:
            return
        if status.state == "stopped":
            feed.reported = (status.state, status.reason)
            self.events.append(Stopped(feed.name, status.session, status.reason))
        else:
            self.state(feed, status.state, status.reason)

    def _count_gaps(self, feed: FeedState, status: StatusSummary) -> None:
        """Report gaps that only lost statuses have reported: the counters show them."""
        counts = {name: channel.gaps for name, channel in status.channels.items()}
        if feed.lost_statuses:
            feed.lost_statuses = False
            for channel, count in counts.items():
                if count > feed.gaps.get(channel, 0) and self.wants(feed, channel):
                    self.events.append(UpstreamGap(feed.name, channel, None, None, LOST_REPORT))
            feed.gaps = counts
        elif not feed.counts_gaps:
            feed.gaps = counts
        feed.counts_gaps = True

    def wants(self, feed: FeedState, channel: str) -> bool:
        """Whether the caller wants gaps of a feed's channel: that channel, or the full statuses."""
        wants_statuses = f"status.{feed.name}".startswith(self._status_prefixes)
        return wants_statuses or f"{channel}.{feed.name}".startswith(self._prefixes)

    def state(self, feed: FeedState, state: str, reason: str | None) -> None:
        """Report a feed's state."""
        feed.reported = (state, reason)
        self.events.append(StateChange(feed.name, state, reason))

    def gap(self, topic: TopicState, session: int, first: int, last: int, reason: str) -> None:
        """Report lost messages of a topic, `first` to `last` inclusive.

        Of statuses that the caller does not want, only what they reported matters.
        """
        if not topic.wanted:
            topic.feed.lost_statuses = True
            return
        self.events.append(Gap(topic.name, session, first, last, reason))

    def new_session(self, feed: FeedState, old: int, new: int) -> None:
        """Report that a worker restarted; its counters begin at 0."""
        feed.gaps, feed.counts_gaps, feed.lost_statuses = {}, True, False
        self.events.append(NewSession(feed.name, old, new))

    def stream_state(self, state: str, reason: str) -> None:
        """Report a state of the stream itself."""
        self.events.append(StateChange("", state, reason))

    def history_unavailable(self, reason: str) -> None:
        """Report, once, that no history service can be used."""
        if not self._history_unavailable:
            self._history_unavailable = True
            self.events.append(StateChange("", "no_history", reason))

    def history_available(self) -> None:
        """Report that the history service responds again."""
        if self._history_unavailable:
            self._history_unavailable = False
            self.events.append(StateChange("", "history", "the history service responds again"))

    def foreign(self, reason: str) -> None:
        """Report that messages of another deployment arrive."""
        self.events.append(StateChange("", "foreign", reason))

    def topics_rejected(self, count: int) -> None:
        """Report, once, that some topics are not followed."""
        if count and not self._topics_rejected:
            self._topics_rejected = True
            reason = f"topics beyond {MAX_TOPICS:,}, or with too long a name, are not followed"
            self.events.append(StateChange("", "behind", reason))
