"""One WebSocket connection as Bybit v5 treats it: a state machine without a socket.

Feed it what the client sent and the time, and do what it returns. It follows
https://bybit-exchange.github.io/docs/v5/ws/connect and, where that is silent, what clients tell of
the exchange: a request with a topic that it refuses subscribes to nothing.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from feedd.embedded.market import Refused
from feedd.embedded.ws_session import GOING_AWAY, Reaction
from feedd.venues.bybit.topics import parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from feedd.venues.raw_streams import RawStream

SILENT_AT_MOST_S = 600.0
ARGS_AT_MOST = 21_000  # characters


class Connection:
    """The subscriptions of one connection, and when its client last said something.

    `check` raises KeyError for a symbol that isn't listed, and Refused for a topic that the market
    can't serve. Times are seconds of the exchange's clock.
    """

    combined = False

    def __init__(self, conn_id: str, check: Callable[[RawStream], None], now_s: float) -> None:
        self._conn_id = conn_id
        self._check = check
        self._topics: dict[str, RawStream] = {}
        self._heard_s = now_s

    def on_text(self, text: str, now_s: float) -> Reaction:
        """Take a request."""
        self._heard_s = now_s
        try:
            request = json.loads(text)
        except ValueError:
            return self._said("", "", refused="error:invalid json")
        if not isinstance(request, dict):
            return self._said("", "", refused="error:invalid request")
        op, args = request.get("op"), request.get("args")
        req_id = str(request.get("req_id", ""))
        if op == "ping":
            return self._said("ping", req_id, message="pong")
        if op not in {"subscribe", "unsubscribe"}:
            return self._said(str(op or ""), req_id, refused="error:invalid op")
        if not isinstance(args, list) or not args or not all(isinstance(a, str) for a in args):
            return self._said(op, req_id, refused="error:args must be a list of topics")
        if len(json.dumps(args, separators=(",", ":"))) > ARGS_AT_MOST:
            return self._said(op, req_id, refused=f"error:args are over {ARGS_AT_MOST} characters")
        if op == "unsubscribe":
            reaction = self._said(op, req_id)
            gone = [self._topics.pop(topic, None) for topic in args]
            reaction.unsubscribe = [stream for stream in gone if stream is not None]
            return reaction
        return self._subscribe(args, req_id)

    def on_ping(self, now_s: float) -> Reaction:
        """Take a ping of WebSocket; the shell answers it."""
        self._heard_s = now_s
        return Reaction()

    def on_pong(self, now_s: float) -> Reaction:
        """Take a pong, which nobody asked for."""
        self._heard_s = now_s
        return Reaction()

    def on_time(self, now_s: float) -> Reaction:
        """Look at the clock: close what has been silent for too long."""
        if now_s - self._heard_s >= SILENT_AT_MOST_S:
            return Reaction(close=(GOING_AWAY, "no ping within 10 min"))
        return Reaction()

    def streams(self) -> list[RawStream]:
        """Return what is being sent."""
        return list(self._topics.values())

    def _subscribe(self, topics: list[str], req_id: str) -> Reaction:
        found: dict[str, RawStream] = {}
        for topic in topics:
            if topic in self._topics or topic in found:
                return self._said(
                    "subscribe", req_id, refused=f"error:already subscribed,topic:{topic}"
                )
            stream = parse(topic)
            try:
                if stream is None:
                    raise KeyError(topic)
                self._check(stream)
            except (KeyError, Refused):
                return self._said(
                    "subscribe", req_id, refused=f"error:handler not found,topic:{topic}"
                )
            found[topic] = stream
        self._topics.update(found)
        reaction = self._said("subscribe", req_id)
        reaction.subscribe = list(found.values())
        return reaction

    def _said(
        self, op: str, req_id: str, *, message: str = "", refused: str | None = None
    ) -> Reaction:
        body: dict[str, Any] = {
            "success": refused is None,
            "ret_msg": message if refused is None else refused,
            "conn_id": self._conn_id,
            "req_id": req_id,
            "op": op,
        }
        return Reaction(reply=json.dumps(body, separators=(",", ":")))
