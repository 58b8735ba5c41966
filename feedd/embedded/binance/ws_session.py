"""One WebSocket connection as Binance treats it: a state machine without a socket.

Feed it what the client sent and the time, and do what it returns. It follows
https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams/Live-Subscribing-Unsubscribing-to-streams
https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams
and, where that is silent, the exchange's observed behaviour: a stream on the wrong path, or of a
symbol that doesn't exist, is acknowledged and sends nothing.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from feedd.embedded.market import Refused
from feedd.embedded.rate_limits import MessageRate
from feedd.embedded.ws_session import GOING_AWAY, POLICY_VIOLATION, Reaction
from feedd.venues.binance.addresses import CATEGORIES, COMBINED, MODES, PUBLIC
from feedd.venues.binance.streams import COINM, SPOT, USDM, Speeds, category, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from feedd.venues.raw_streams import RawStream

MAX_AGE_S = 24 * 3600.0
MAX_STREAMS = 1024


class ConnectionRules(NamedTuple):
    """Limits that differ between the exchanges' connections."""

    ping_every_s: float
    pong_within_s: float
    messages_a_second: int  # PING, PONG and JSON count alike


_USDM_RULES = ConnectionRules(180.0, 600.0, 10)
_SPOT_RULES = ConnectionRules(20.0, 60.0, 5)
_WITHOUT_CATEGORIES = (SPOT, COINM)
_METHODS = "SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS, SET_PROPERTY, GET_PROPERTY"


class BinanceWsSession:
    """The subscriptions, the rights and the age of one connection.

    `category` is `public`, `market` or `private`; a path without one is like `public`. Spot and
    COIN-M, recognised by their `speeds`, have no categories: every path carries all streams.
    `check` raises Refused for a stream that the market can't serve, and KeyError for an unlisted
    symbol. Times are seconds of the exchange's clock.
    """

    def __init__(
        self,
        category: str,
        combined: bool,
        check: Callable[[RawStream], None],
        now_s: float,
        speeds: Speeds = USDM,
    ) -> None:
        self._category = category
        self._speeds = speeds
        self.combined = combined
        self._check = check
        self._names: dict[str, RawStream | None] = {}  # in the order of subscription
        self._rules = _SPOT_RULES if speeds is SPOT else _USDM_RULES
        self._rate = MessageRate(self._rules.messages_a_second)
        self._opened_s = self._pong_s = self._pinged_s = now_s

    def open(self, names: list[str]) -> Reaction:
        """Subscribe to the streams in the address."""
        reaction = Reaction()
        for name in names:
            try:
                self._subscribe(name, reaction)
            except Refused:
                continue  # an address gets no answer: the stream stays silent
        return reaction

    def on_text(self, text: str, now_s: float) -> Reaction:
        """Take a control message."""
        if not self._rate.allows(now_s):
            return Reaction(close=(POLICY_VIOLATION, "Too many requests"))
        try:
            request = json.loads(text)
        except ValueError as error:
            return _refusal(3, f"Invalid JSON: {error}", None)
        if not isinstance(request, dict):
            return _refusal(2, "Invalid request: request must be an object", None)
        request_id = request.get("id")
        if type(request_id) is not int or request_id < 0:
            return _refusal(2, "Invalid request: request ID must be an unsigned integer", None)
        return self._on_request(request, request_id)

    def on_ping(self, now_s: float) -> Reaction:
        """Take a ping; the server answers it unless the reaction is a close."""
        return self._counted(now_s)

    def on_pong(self, now_s: float) -> Reaction:
        """Take a pong, solicited or not."""
        self._pong_s = now_s
        return self._counted(now_s)

    def on_time(self, now_s: float) -> Reaction:
        """Ping, or close the connection if it is too old or too silent."""
        if now_s - self._opened_s >= MAX_AGE_S:
            return Reaction(close=(GOING_AWAY, "connection is 24 h old"))
        if now_s - self._pong_s >= self._rules.pong_within_s:
            return Reaction(close=(POLICY_VIOLATION, "Pong timeout"))
        if now_s - self._pinged_s >= self._rules.ping_every_s:
            self._pinged_s = now_s
            return Reaction(ping=True)
        return Reaction()

    def streams(self) -> list[RawStream]:
        """Return the streams being sent."""
        return [stream for stream in self._names.values() if stream is not None]

    def _counted(self, now_s: float) -> Reaction:
        if self._rate.allows(now_s):
            return Reaction()
        return Reaction(close=(POLICY_VIOLATION, "Too many requests"))

    def _on_request(self, request: dict[str, Any], request_id: int) -> Reaction:
        method, params = request.get("method"), request.get("params", [])
        if method in {"SUBSCRIBE", "UNSUBSCRIBE"}:
            if not isinstance(params, list) or not all(isinstance(p, str) for p in params):
                return _refusal(2, "Invalid request: params must be a list of streams", request_id)
            return self._on_streams(method, params, request_id)
        if method == "LIST_SUBSCRIPTIONS":
            return _result(list(self._names), request_id)
        if method in {"SET_PROPERTY", "GET_PROPERTY"}:
            return self._on_property(method, params, request_id)
        return _refusal(
            2, f"Invalid request: unknown variant {method}, expected one of {_METHODS}", request_id
        )

    def _on_streams(self, method: str, names: list[str], request_id: int) -> Reaction:
        reaction = _result(None, request_id)
        if method == "UNSUBSCRIBE":
            for name in names:
                stream = self._names.pop(name, None)
                if stream is not None:
                    reaction.unsubscribe.append(stream)
            return reaction
        if len(self._names.keys() | set(names)) > MAX_STREAMS:
            return _refusal(2, f"Invalid request: over {MAX_STREAMS} streams", request_id)
        for name in names:
            try:
                self._subscribe(name, reaction)
            except Refused as why:
                reaction.reply = _refusal(2, f"Invalid request: {why}", request_id).reply
        return reaction

    def _subscribe(self, name: str, reaction: Reaction) -> None:
        if name in self._names:
            return
        stream = parse(name, self._speeds)
        if stream is not None and not self._carries(stream):
            stream = None
        if stream is not None:
            try:
                self._check(stream)
            except KeyError:
                stream = None  # a symbol that isn't listed: acknowledged and silent
        self._names[name] = stream
        if stream is not None:
            reaction.subscribe.append(stream)

    def _carries(self, stream: RawStream) -> bool:
        return self._speeds in _WITHOUT_CATEGORIES or category(stream) == (self._category or PUBLIC)

    def _on_property(self, method: str, params: Any, request_id: int) -> Reaction:
        if not isinstance(params, list) or not params or params[0] != "combined":
            if params and isinstance(params, list) and isinstance(params[0], str):
                return _refusal(0, "Unknown property", request_id)
            return _refusal(2, "Invalid request: property name must be a string", request_id)
        if method == "GET_PROPERTY":
            return _result(self.combined, request_id)
        if len(params) != 2 or not isinstance(params[1], bool):
            return _refusal(1, "Invalid value type: expected Boolean", request_id)
        self.combined = params[1]
        return _result(None, request_id)


def connect(
    path: str,
    query: Mapping[str, str],
    check: Callable[[RawStream], None],
    now_s: float,
    speeds: Speeds,
) -> tuple[BinanceWsSession, Reaction] | None:
    """Return the connection that an address opens and its first reaction; None for a bad path."""
    parts = path.strip("/").split("/")
    category = parts.pop(0) if parts[0] in CATEGORIES and speeds is USDM else ""
    mode = parts.pop(0) if parts else ""
    if mode not in MODES:
        return None
    names = query.get("streams", "").split("/") if mode == COMBINED else parts
    connection = BinanceWsSession(category, mode == COMBINED, check, now_s, speeds)
    # `/ws/3` names no stream: clients number their connections like that.
    return connection, connection.open([name for name in names if "@" in name])


def _result(result: Any, request_id: int) -> Reaction:
    return Reaction(reply=json.dumps({"result": result, "id": request_id}, separators=(",", ":")))


def _refusal(code: int, message: str, request_id: int | None) -> Reaction:
    """Answer with the nested form, which is what clients of the live exchange have seen."""
    body: dict[str, Any] = {"error": {"code": code, "msg": message}}
    if request_id is not None:
        body["id"] = request_id
    return Reaction(reply=json.dumps(body, separators=(",", ":")))
