"""One WebSocket connection as Bybit v5 treats it: a state machine without a socket.

Feed it what the client sent and the time, and do what it returns. It follows
https://bybit-exchange.github.io/docs/v5/ws/connect and, where that is silent, reports of
clients: a request with a refused topic subscribes to nothing.
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

MAX_SILENCE_S = 600.0
MAX_ARGS_CHARACTERS = 21_000  # characters


class BybitWsSession:
    """The subscriptions of one connection, and the time of its client's last message.

    `check` raises KeyError for a symbol that isn't listed, and Refused for a topic that the market
    can't serve. `args_at_most` are the topics in one request. Times are seconds of the exchange's
    clock.
    """

    combined = False

    def __init__(
        self,
        conn_id: str,
        check: Callable[[RawStream], None],
        now_s: float,
        args_at_most: int | None = None,
    ) -> None:
        self._args_at_most = args_at_most
        self._conn_id = conn_id
        self._check = check
        self._topics: dict[str, RawStream] = {}
        self._received_s = now_s

    def on_text(self, text: str, now_s: float) -> Reaction:
        """Take a request."""
        self._received_s = now_s
        try:
            request = json.loads(text)
        except ValueError:
            return self._reply("", "", refused="error:invalid json")
        if not isinstance(request, dict):
            return self._reply("", "", refused="error:invalid request")
        op, args = request.get("op"), request.get("args")
        req_id = str(request.get("req_id", ""))
        if op == "ping":
            return self._reply("ping", req_id, message="pong")
        if op not in {"subscribe", "unsubscribe"}:
            return self._reply(str(op or ""), req_id, refused="error:invalid op")
        if not isinstance(args, list) or not args or not all(isinstance(a, str) for a in args):
            return self._reply(op, req_id, refused="error:args must be a list of topics")
        if len(json.dumps(args, separators=(",", ":"))) > MAX_ARGS_CHARACTERS:
            return self._reply(
                op, req_id, refused=f"error:args are over {MAX_ARGS_CHARACTERS} characters"
            )
        if self._args_at_most is not None and len(args) > self._args_at_most:
            return self._reply(op, req_id, refused=f"error:args size >{self._args_at_most}")
        if op == "unsubscribe":
            reaction = self._reply(op, req_id)
            gone = [self._topics.pop(topic, None) for topic in args]
            reaction.unsubscribe = [stream for stream in gone if stream is not None]
            return reaction
        return self._subscribe(args, req_id)

    def on_ping(self, now_s: float) -> Reaction:
        """Take a WebSocket ping; the server answers it."""
        self._received_s = now_s
        return Reaction()

    def on_pong(self, now_s: float) -> Reaction:
        """Take an unsolicited pong."""
        self._received_s = now_s
        return Reaction()

    def on_time(self, now_s: float) -> Reaction:
        """Close the connection if it has been silent for too long."""
        if now_s - self._received_s >= MAX_SILENCE_S:
            return Reaction(close=(GOING_AWAY, "no ping within 10 min"))
        return Reaction()

    def streams(self) -> list[RawStream]:
        """Return the streams being sent."""
        return list(self._topics.values())

    def _subscribe(self, topics: list[str], req_id: str) -> Reaction:
        found: dict[str, RawStream] = {}
        for topic in topics:
            if topic in self._topics or topic in found:
                return self._reply(
                    "subscribe", req_id, refused=f"error:already subscribed,topic:{topic}"
                )
            stream = parse(topic)
            try:
                if stream is None:
                    raise KeyError(topic)
                self._check(stream)
            except (KeyError, Refused):
                return self._reply(
                    "subscribe", req_id, refused=f"error:handler not found,topic:{topic}"
                )
            found[topic] = stream
        self._topics.update(found)
        reaction = self._reply("subscribe", req_id)
        reaction.subscribe = list(found.values())
        return reaction

    def _reply(
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
