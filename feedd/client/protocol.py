"""The client's protocol: frames in, events and requests out.

A state machine without a socket and a clock: pass it what came and when, in seconds of one
monotonic clock, and take its events and requests. It guarantees, for each topic and session, from
the first message on:

- ticks are strictly ascending by seq, without duplicates;
- each seq that is missing between them, or that a heartbeat shows to have been published after
  them, is in exactly one Gap;
- no message of an older session follows one of a newer session.

It guarantees no order between topics, not even between a feed's status and its ticks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.client.deployment_gate import DeploymentGate
from feedd.client.event_emitter import EventEmitter
from feedd.client.first_contact import FirstContact
from feedd.client.gap_repair import GapRepair
from feedd.client.history_requests import HistoryRequests
from feedd.client.history_responses import decode_response, published_names
from feedd.client.joining import Joining
from feedd.client.sequencer import Sequencer
from feedd.client.topic_table import TopicTable
from feedd.codec import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from feedd.client.decoding import Message
    from feedd.client.events import Notice
    from feedd.client.history_requests import HistoryRequest
    from feedd.client.topic_table import TopicState

STALE_S = 2.2  # two heartbeats and some jitter; with checks 0.2 s apart it is reported within 2.5 s
BUSY_S = 0.02  # until the next check, while a response or a missing range is pending
IDLE_S = 0.2
STALLED_S = 0.5  # a check this late means that the process stalled: that time does not count


class Protocol:
    """One stream. `prefixes` are of the topics that the caller wants.

    `histories` is the number of history services, `since_ns` the wall clock. With `published` it
    emits messages as published instead of ticks. `ends` maps each topic to where an earlier stream
    ended, its session and next seq: the stream resumes there without a snapshot, and what was
    published since is missing. With a `deployment` only its messages pass. `reports`: the caller
    gets notices; else `check` raises DeploymentError where only other deployments publish.
    """

    def __init__(
        self,
        prefixes: Iterable[str],
        histories: int,
        now_s: float,
        *,
        since_ns: int = 0,
        published: bool = False,
        ends: Mapping[str, tuple[int, int]] | None = None,
        deployment: str | None = None,
        reports: bool = True,
    ) -> None:
        self._table = TopicTable(prefixes, published=published)
        self._topics = self._table.topics
        self._requests = HistoryRequests(histories)
        wanted = self._table.subscriptions if published else self._table.prefixes
        self._emitter = EventEmitter(wanted)
        self._events = self._emitter.events
        self._sequencer = Sequencer(
            self._table, self._emitter, now_s, since_ns, repairs=histories > 0
        )
        self._repair = GapRepair(self._sequencer, self._requests, now_s)
        self._contact = FirstContact(self._emitter, now_s, STALE_S)
        self._clock_s = now_s
        self._stalled_s = 0.0
        self._checked_s = now_s
        self._reports = reports
        self._gate = None if deployment is None else DeploymentGate(deployment, self._emitter)
        self._joining: Joining | None = None
        self._sequencer.resume(ends or {})
        if histories:
            self._joining = Joining(
                self._table, self._sequencer, self._emitter, self._requests, now_s, self._gate
            )

    @property
    def subscriptions(self) -> list[str]:
        """The prefixes to subscribe to."""
        return self._table.subscriptions

    @property
    def wait_s(self) -> float:
        """How long the shell may wait for messages before it calls `check`."""
        return BUSY_S if self._sequencer.incomplete or self._joining else IDLE_S

    def clock(self, monotonic_s: float) -> float:
        """Return the protocol's time, which does not pass while this process is stalled.

        Call it once before each round of messages and `check`.
        """
        late_s = monotonic_s - self._stalled_s - self._clock_s
        if late_s > STALLED_S:
            self._stalled_s += late_s
        self._clock_s = monotonic_s - self._stalled_s
        return self._clock_s

    @property
    def awaits_endpoints(self) -> bool:
        """Whether some endpoint has not answered yet; `first_contact` is then to be called."""
        return self._contact.awaits_endpoints

    def first_contact(self, unanswered: Sequence[tuple[str, bool]], up: int, now_s: float) -> None:
        """Set which endpoints have not answered yet, and whether they accept connections."""
        self._contact.endpoints(unanswered, up, now_s)

    def endpoints(self, up: int) -> None:
        """Set how many endpoints are connected."""
        self._sequencer.endpoints_up = up

    def events(self) -> list[Message | Notice]:
        """Remove and return the events for the caller, in order."""
        events = list(self._events)
        self._events.clear()
        return events

    def requests(self) -> list[tuple[int, bytes]]:
        """Remove and return what to send: the number of the history, and the frame."""
        return self._requests.take()

    def message(self, frame: bytes, payload: bytes, now_s: float) -> None:
        """Receive a message from an endpoint."""
        topic = self._topics.get(frame) or self._table.get(frame)
        if topic is None:
            self._emitter.topics_rejected(self._table.rejected)
            return
        try:
            message = topic.decode(payload)
        except UNREADABLE:
            return  # its seq will be missing, and is reported so
        buffer = topic.buffer
        if (
            buffer is not None
            and message.seq == buffer.next > buffer.high
            and message.session == buffer.session
            and not topic.is_status
        ):
            buffer.high = message.seq
            buffer.next = message.seq + 1
            self._events.append(message)
        elif message.seq > 0 and self._gate is not None:
            for one in self._gate.admit(topic, message, now_s):
                self._take(*one)
        elif message.seq > 0:
            self._take(topic, message, now_s)

    def _take(self, topic: TopicState, message: Message, now_s: float) -> None:
        if self._joining is not None:
            self._joining.hold(topic, message, now_s)
        else:
            self._sequencer.receive(topic, message, now_s)

    def response(self, frame: bytes, now_s: float) -> None:
        """Receive a response of a history service."""
        try:
            response = decode_response(frame)
        except UNREADABLE:
            return  # the request will time out
        request = self._requests.completed(response.id)
        if request is None:
            return
        self._emitter.history_available()
        if request.topic is not None:
            self._repair.completed(request.topic, request, response, now_s)
        elif request.purpose == "join" and self._joining is not None:
            self._joining.completed(request, response, now_s)
            self._end_joining()
        elif request.purpose == "names":
            self._contact.unmatched(self._table.unmatched(), published_names(response))

    def check(self, now_s: float) -> None:
        """Do what is due; call it after each round of messages."""
        for request in self._requests.timed_out(now_s):
            self._timed_out(request, now_s)
        if self._joining is not None:
            self._joining.check(now_s)
            self._end_joining()
        if self._sequencer.urgent or now_s - self._checked_s >= BUSY_S:
            self._sequencer.urgent, self._checked_s = False, now_s
            self._check_all(now_s)

    def _check_all(self, now_s: float) -> None:
        """Check all missing ranges and feeds, which is too much for each message."""
        if self._gate is not None:
            self._gate.check(now_s)
            if not self._reports:
                self._gate.raise_if_alone(now_s)
        self._repair.check(now_s)
        if self._joining is None:
            self._repair.probe(now_s)
            if self._contact.awaits_topics and self._contact.topics_due(now_s):
                self._report_unmatched(now_s)
        for feed in self._table.feeds.values():
            silent = feed.heartbeat_s is not None and now_s - feed.heartbeat_s > STALE_S
            if silent and not feed.stopped and feed.reported is not None:
                feed.heartbeat_s = None
                self._emitter.state(feed, "stale", f"no heartbeat for {STALE_S} s")

    def _report_unmatched(self, now_s: float) -> None:
        """Report prefixes without a topic, once the history has listed the topics."""
        if self._table.unmatched() and self._requests.possible:
            self._requests.names(now_s)
        else:
            self._contact.unmatched(self._table.unmatched(), self._table.names())

    def _timed_out(self, request: HistoryRequest, now_s: float) -> None:
        if self._requests.all_unavailable and self._joining is None:
            self._emitter.history_unavailable(
                "the history service does not respond: gaps can't be repaired"
            )
        if request.topic is not None:
            request.topic.requested = False
        elif request.purpose == "join" and self._joining is not None:
            self._joining.timed_out(request, now_s)
        elif request.purpose == "names":
            self._contact.unmatched(self._table.unmatched(), self._table.names())

    def _end_joining(self) -> None:
        if self._joining is not None and self._joining.finished:
            self._joining = None
