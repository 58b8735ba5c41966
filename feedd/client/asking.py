"""What the history services are asked, and which of them answer.

Pure: requests are frames for the shell to send, with the number of the history they go to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

MOST_AT_ONCE = 2  # requests in flight, over all topics
ANSWER_S = 0.4  # without an answer for so long, a history is away

_encode = msgspec.msgpack.Encoder().encode


@dataclass(slots=True)
class Request:
    """A request in flight; `subject` is what it was asked for."""

    id: int
    history: int
    sent_s: float
    subject: Any = None
    session: int = 0
    first: int = 0
    last: int = 0


class Asking:
    """Requests in flight to a number of histories; 0: there is nobody to ask."""

    def __init__(self, histories: int) -> None:
        self.histories = histories
        self.everyone = (1 << histories) - 1
        self.away: set[int] = set()
        self._in_flight: dict[int, Request] = {}
        self._outgoing: list[tuple[int, bytes]] = []
        self._last_id = 0

    @property
    def possible(self) -> bool:
        """Whether one request more may be sent now."""
        return self.histories > 0 and len(self._in_flight) < MOST_AT_ONCE

    @property
    def all_away(self) -> bool:
        """Whether no history answers."""
        return len(self.away) == self.histories

    def replay(
        self, subject: Any, topic: str, session: int, first: int, last: int, refused: int,
        now_s: float,
    ) -> None:  # fmt: skip
        """Ask for a range; `refused` has the bits of those that need not be asked."""
        others = [number for number in range(self.histories) if not refused >> number & 1]
        history = next((number for number in others if number not in self.away), others[0])
        request = self._send(
            history,
            {"op": "replay", "topic": topic, "session": session, "from": first, "to": last},
            now_s,
        )
        request.subject, request.session = subject, session
        request.first, request.last = first, last

    def snapshot(
        self, subject: Any, prefixes: list[str], after: str | None, now_s: float, history: int = 0
    ) -> None:
        """Ask for the last message of every topic that begins with one of the prefixes."""
        content: dict[str, Any] = {"op": "snapshot", "topics": prefixes}
        if after is not None:
            content["after"] = after
        self._send(history % self.histories, content, now_s).subject = subject

    def _send(self, history: int, content: dict[str, Any], now_s: float) -> Request:
        self._last_id += 1
        request = Request(self._last_id, history, now_s)
        self._in_flight[request.id] = request
        self._outgoing.append((history, _encode({**content, "id": request.id})))
        return request

    def answered(self, request_id: int) -> Request | None:
        """Return the request, or None for an answer that nobody waits for any more."""
        request = self._in_flight.pop(request_id, None)
        if request is not None:
            self.away.discard(request.history)
        return request

    def unanswered(self, now_s: float) -> list[Request]:
        """Return the requests to which no answer will be waited for any more."""
        late = [one for one in self._in_flight.values() if now_s - one.sent_s > ANSWER_S]
        for request in late:
            del self._in_flight[request.id]
            self.away.add(request.history)
        return late

    def take(self) -> list[tuple[int, bytes]]:
        """Return what is to be sent: the number of the history, and the frame."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing
