"""Gate for the messages of one deployment: it passes them on, and reports those of others.

Only statuses name their deployment. A tick is attributed by its session: the one of a status of the
same feed. Until the first status of a session, at most a second, its ticks are held.

Pure: no clock and no socket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.client.decoding import STATUS_TYPES
from feedd.errors import DeploymentError

if TYPE_CHECKING:
    from feedd.client.decoding import Message
    from feedd.client.event_emitter import EventEmitter
    from feedd.client.topic_table import FeedState, TopicState

    Held = tuple[TopicState, Message, float]  # with the time of receipt

HELD_S = 5.0  # a worker publishes its status once a second
MAX_HELD = 20_000  # messages
MAX_SESSIONS = 16  # of a feed, whose deployment is remembered
MAX_REPORTS = 1000


class DeploymentGate:
    """Admits the messages of the deployment `required`."""

    def __init__(self, required: str, emitter: EventEmitter) -> None:
        self._required = required
        self._passed = False  # any message
        self._foreign: str | None = None  # text on the first message of another deployment
        self._alone_since_s: float | None = None
        self._emitter = emitter
        self._ours: dict[FeedState, dict[int, bool]] = {}  # by session
        self._held: list[Held] = []
        self._reported: set[tuple[str, str | None]] = set()

    def admit(self, topic: TopicState, message: Message, now_s: float) -> list[Held]:
        """Return what may pass now, in the order of receipt; hold a tick of an unknown session."""
        if isinstance(message, STATUS_TYPES):
            known = self._learn(topic.feed, message.session, message.deployment)
            released = self._release(topic.feed, message.session)
            return [*released, (topic, message, now_s)] if known else []
        verdict = self._ours.get(topic.feed, {}).get(message.session)
        if verdict is None and len(self._held) < MAX_HELD:
            self._held.append((topic, message, now_s))
        # One that finds no room is missing, and is requested or reported as a gap.
        return [(topic, message, now_s)] if verdict else []

    def admits(self, topic: TopicState, message: Message) -> bool:
        """Whether a message of a snapshot passes; pass all statuses of the snapshot first."""
        if isinstance(message, STATUS_TYPES):
            return self._learn(topic.feed, message.session, message.deployment)
        return self._ours.get(topic.feed, {}).get(message.session, False)

    def release(self) -> list[Held]:
        """Return the held messages of known sessions; drop those of other deployments."""
        released, kept = [], []
        for one in self._held:
            verdict = self._ours.get(one[0].feed, {}).get(one[1].session)
            if verdict is None:
                kept.append(one)
            elif verdict:
                released.append(one)
        self._held = kept
        return released

    def check(self, now_s: float) -> None:
        """Drop and report messages of sessions whose status did not arrive."""
        while self._held and now_s - self._held[0][2] > HELD_S:
            feed = self._held[0][0].feed
            self._held = [one for one in self._held if one[0].feed is not feed]
            self._report(feed, None, f"no status names the deployment of {feed.name}")

    def raise_if_alone(self, now_s: float) -> None:
        """Raise DeploymentError where for some seconds only other deployments have published."""
        if self._passed or self._foreign is None:
            return
        if self._alone_since_s is None:
            self._alone_since_s = now_s
        elif now_s - self._alone_since_s > HELD_S:
            raise DeploymentError(self._foreign)

    def _learn(self, feed: FeedState, session: int, deployment: str | None) -> bool:
        ours = deployment == self._required
        sessions = self._ours.setdefault(feed, {})
        sessions[session] = ours
        if len(sessions) > MAX_SESSIONS:
            del sessions[next(iter(sessions))]
        if ours:
            self._passed = True
        else:
            named = "an unknown deployment" if deployment is None else f"deployment {deployment}"
            self._report(feed, deployment, f"{feed.name} is of {named}")
        return ours

    def _release(self, feed: FeedState, session: int) -> list[Held]:
        if not any(one[0].feed is feed and one[1].session == session for one in self._held):
            return []
        return self.release()

    def _report(self, feed: FeedState, deployment: str | None, what: str) -> None:
        """Report a feed of another deployment, once."""
        key = (feed.name, deployment)
        if key in self._reported or len(self._reported) >= MAX_REPORTS:
            return
        self._reported.add(key)
        text = f"{what}, and {self._required} is required: its messages are not passed on"
        self._foreign = self._foreign or text
        self._emitter.foreign(text)
