"""What the caller is told besides ticks, in the words of `feedd.client.events`, and what it knows.

Pure, like all of the protocol.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.client.events import Gap, NewSession, StateChange, Stopped, UpstreamGap
from feedd.client.topic_table import MOST_TOPICS

if TYPE_CHECKING:
    from feedd.client.decoding import Message
    from feedd.client.events import Event
    from feedd.client.topic_table import Feed, Topic


class Telling:
    """The events in their order; nothing is told twice in a row."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._history_away = False
        self._topics_refused = False

    def status(self, feed: Feed, status: Message) -> None:
        """Tell what is news in a feed's status; a snapshot's gap lies before the stream."""
        gap = status.gap
        if gap is not None and status.origin != "snapshot":
            self.events.append(
                UpstreamGap(feed.name, gap.channel, gap.from_id, gap.to_id, gap.reason)
            )
        if (status.state, status.reason) == feed.told:
            return
        if status.state == "stopped":
            feed.told = (status.state, status.reason)
            self.events.append(Stopped(feed.name, status.session, status.reason))
        else:
            self.state(feed, status.state, status.reason)

    def state(self, feed: Feed, state: str, reason: str | None) -> None:
        """Tell a feed's state."""
        feed.told = (state, reason)
        self.events.append(StateChange(feed.name, state, reason))

    def gap(self, topic: Topic, session: int, first: int, last: int, reason: str) -> None:
        """Tell what of a topic will not come."""
        self.events.append(Gap(topic.name, session, first, last, reason))

    def new_session(self, feed: Feed, old: int, new: int) -> None:
        """Tell that a worker was started anew."""
        self.events.append(NewSession(feed.name, old, new))

    def no_history(self, reason: str) -> None:
        """Tell that nothing is to be had from the history service."""
        if not self._history_away:
            self._history_away = True
            self.events.append(StateChange("", "no_history", reason))

    def history(self) -> None:
        """Tell that it answers, where it did not."""
        if self._history_away:
            self._history_away = False
            self.events.append(StateChange("", "history", "the history service answers again"))

    def topics_refused(self, count: int) -> None:
        """Tell, once, that there are more topics than are followed."""
        if count and not self._topics_refused:
            self._topics_refused = True
            reason = f"more than {MOST_TOPICS:,} topics, or too long: those are not followed"
            self.events.append(StateChange("", "behind", reason))
