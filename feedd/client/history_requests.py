"""Requests to the history services.

Pure: requests are frames for the shell to send, each with the number of its history.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from feedd.client.topic_table import TopicState

MAX_IN_FLIGHT = 2  # requests, over all topics
RESPONSE_TIMEOUT_S = 0.4  # a history that has not responded by then is unavailable

_encode = msgspec.msgpack.Encoder().encode


@dataclass(slots=True)
class HistoryRequest:
    """A request in flight; `topic` and the range are those of a repair."""

    id: int
    history: int
    sent_s: float
    purpose: Literal["join", "probe", "repair", "names"]
    topic: TopicState | None = None
    session: int = 0
    first: int = 0
    last: int = 0


class HistoryRequests:
    """Requests in flight to `histories` history services; there may be none."""

    def __init__(self, histories: int) -> None:
        self.histories = histories
        self.all_histories = (1 << histories) - 1  # a bit for each
        self.unavailable: set[int] = set()
        self._in_flight: dict[int, HistoryRequest] = {}
        self._outgoing: list[tuple[int, bytes]] = []
        self._last_id = 0

    @property
    def possible(self) -> bool:
        """Whether another request may be sent now."""
        return self.histories > 0 and len(self._in_flight) < MAX_IN_FLIGHT

    @property
    def all_unavailable(self) -> bool:
        """Whether no history responds."""
        return len(self.unavailable) == self.histories

    def replay(
        self, topic: TopicState, session: int, first: int, last: int, refused_by: int,
        now_s: float,
    ) -> None:  # fmt: skip
        """Request a range; `refused_by` has the bits of the histories to leave out."""
        others = [number for number in range(self.histories) if not refused_by >> number & 1]
        history = next((number for number in others if number not in self.unavailable), others[0])
        content = {
            "op": "replay", "topic": topic.name, "session": session, "from": first, "to": last,
        }  # fmt: skip
        request = self._send(history, "repair", content, now_s)
        request.topic, request.session = topic, session
        request.first, request.last = first, last

    def snapshot(
        self, prefixes: list[str], after: str | None, now_s: float, history: int = 0
    ) -> None:
        """Request the last message of every topic that begins with one of the prefixes."""
        content: dict[str, object] = {"op": "snapshot", "topics": prefixes}
        if after is not None:
            content["after"] = after
        self._send(history % self.histories, "join", content, now_s)

    def names(self, now_s: float) -> None:
        """Request all statuses, which name everything that is published."""
        self._send(0, "names", {"op": "snapshot", "topics": ["status."]}, now_s)

    def probe(self, history: int, now_s: float) -> None:
        """Request an empty snapshot, to find out whether a history responds again."""
        self._send(history, "probe", {"op": "snapshot", "topics": []}, now_s)

    def _send(
        self,
        history: int,
        purpose: Literal["join", "probe", "repair", "names"],
        content: dict[str, object],
        now_s: float,
    ) -> HistoryRequest:
        self._last_id += 1
        request = HistoryRequest(self._last_id, history, now_s, purpose)
        self._in_flight[request.id] = request
        self._outgoing.append((history, _encode({**content, "id": request.id})))
        return request

    def completed(self, request_id: int) -> HistoryRequest | None:
        """Return the request of a response; None where the request has timed out or is unknown."""
        request = self._in_flight.pop(request_id, None)
        if request is not None:
            self.unavailable.discard(request.history)
        return request

    def timed_out(self, now_s: float) -> list[HistoryRequest]:
        """Remove and return the requests whose response is overdue."""
        late = [one for one in self._in_flight.values() if now_s - one.sent_s > RESPONSE_TIMEOUT_S]
        for request in late:
            del self._in_flight[request.id]
            self.unavailable.add(request.history)
        return late

    def take(self) -> list[tuple[int, bytes]]:
        """Remove and return what to send: the number of the history, and the frame."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing
