"""Whether a stream reaches what it was created for: its endpoints, and topics with its prefixes.

Each is reported once, when it has had the time of two heartbeats. Pure: no socket and no clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.topic_prefixes import nearest_topic

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from feedd.client.event_emitter import EventEmitter

NO_PUBLISHER = "the port answers, but publishes no topics; is it the history's port?"
NO_ANSWER = "nothing answers there"


class FirstContact:
    """State of one stream's first seconds; `within_s` is the time until it reports."""

    def __init__(self, emitter: EventEmitter, now_s: float, within_s: float) -> None:
        self._emitter = emitter
        self._within_s = within_s
        self._began_s = now_s
        self._connected_s: float | None = None
        self._reported: frozenset[str] = frozenset()
        self.awaits_endpoints = True
        self.awaits_topics = True

    def endpoints(self, unanswered: Sequence[tuple[str, bool]], up: int, now_s: float) -> None:
        """Note the endpoints without an answer yet, and how many are connected."""
        if up and self._connected_s is None:
            self._connected_s = now_s
        if not unanswered:
            self.awaits_endpoints = False
        if now_s - self._began_s < self._within_s:
            return
        silent = frozenset(endpoint for endpoint, _ in unanswered)
        if new := [one for one in unanswered if one[0] not in self._reported]:
            texts = [f"{end}: {NO_PUBLISHER if reached else NO_ANSWER}" for end, reached in new]
            self._emitter.stream_state("no_endpoint", f"{'; '.join(texts)}; the stream retries")
        if came := sorted(self._reported - silent):
            self._emitter.stream_state("endpoint", f"{', '.join(came)} answers")
        self._reported = silent

    def topics_due(self, now_s: float) -> bool:
        """Return, once, whether each running feed has had the time for a status."""
        due = self._connected_s is not None and now_s - self._connected_s >= self._within_s
        if self.awaits_topics and due:
            self.awaits_topics = False
            return True
        return False

    def unmatched(self, prefixes: Iterable[str], published: Iterable[str]) -> None:
        """Report prefixes that no published topic has, with the nearest of those."""
        known = sorted(published)
        for prefix in prefixes:
            nearest = nearest_topic(prefix, known)
            channels = sorted({name.partition(".")[0] + "." for name in known})
            what = f"the nearest is {nearest!r}" if nearest else f"there is {', '.join(channels)}"
            self._emitter.stream_state(
                "no_topic",
                f"nothing that begins with {prefix!r} is published so far"
                + (f"; {what}" if known else ", nor anything else"),
            )
