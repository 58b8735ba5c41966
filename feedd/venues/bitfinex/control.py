"""Bitfinex's messages by their channel, which the answer to its subscription numbers.

https://docs.bitfinex.com/docs/ws-general: data are arrays, `[chanId, …]`, answers have an `event`.

With the flags of `OPENING` every array ends with its number on the connection, and each change of a
book is followed by the book's checksum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

SEQ_ALL, OB_CHECKSUM = 65536, 131072
OPENING = ({"event": "conf", "flags": SEQ_ALL + OB_CHECKSUM},)
CONTROL_KEYS = frozenset({"event"})
CHANNEL_OF = {"ticker": "ticker", "trades": "trade", "book": "book", "candles": "candle"}
NAMED = ("te", "tu", "cs", "fte", "ftu")  # the second value of arrays whose third is the content
RECONNECT = {
    20051: "the exchange restarts its server",
    20061: "the exchange ended its maintenance",
}


class Router:
    """Names the channel of each message of one connection."""

    def __init__(self) -> None:
        self._channels: dict[int, str | None] = {}  # by chanId
        self._ids: dict[tuple[Any, ...], int] = {}  # chanId of each subscription

    def __call__(self, message: Any) -> str | None:
        """Return the channel of a message; remember what an answer numbers.

        ::

            {"event":"subscribed","channel":"book","chanId":225206,"symbol":"tDOGUSD","prec":"P0",
             "freq":"F0","len":"100","pair":"DOGUSD"}
            {"event":"unsubscribed","status":"OK","chanId":225206}
            [225206,[215350,0,1],18]
            [225206,"hb",20]
        """
        if isinstance(message, list):
            return self._channels.get(message[0]) if message else None
        if isinstance(message, dict):
            event = message.get("event")
            if event == "subscribed":
                self._channels[message["chanId"]] = CHANNEL_OF.get(message.get("channel", ""))
                self._ids[_subscription(message)] = message["chanId"]
            elif event == "unsubscribed":
                self._channels.pop(message.get("chanId", -1), None)
        return None

    def resubscribe(self, request: Any, _new_id: Callable[[], int]) -> list[Any]:
        """Return the messages that end a subscription, by its chanId, and begin it again."""
        chan_id = self._ids.pop(_subscription(request), None)
        ends = [] if chan_id is None else [{"event": "unsubscribe", "chanId": chan_id}]
        return [*ends, {**request, "event": "subscribe"}]


def sequence_of(message: Any) -> int | None:
    """Return the number of an array on its connection, which only the flag SEQ_ALL adds."""
    if not isinstance(message, list) or len(message) < 3:
        return None
    at = 3 if message[1] in NAMED else 2
    return message[at] if len(message) > at and type(message[at]) is int else None


def refusal(message: Any) -> str | None:
    """Return why a subscription is refused, or why all have to be renewed.

    ::

        {"event":"error","msg":"symbol: invalid","code":10300,"channel":"trades","symbol":"tX"}
        {"event":"info","code":20051,"msg":"Stopping. Please try to reconnect"}
        {"event":"info","version":2,"serverId":"…","platform":{"status":0}}
    """
    event = message.get("event")
    if event == "error":
        return f"refused: {message.get('msg')} (code {message.get('code')})"
    if event == "info" and message.get("platform") == {"status": 0}:
        return "the exchange is in maintenance"
    return RECONNECT.get(message.get("code")) if event == "info" else None


def refuses(message: Any, request: Any) -> bool:
    """Whether a refusal answers a request: it repeats its channel and its symbol or key."""
    return (
        isinstance(message, dict)
        and message.get("event") == "error"
        and _subscription(message) == _subscription(request)
    )


def _subscription(message: Any) -> tuple[Any, ...]:
    return message.get("channel"), message.get("symbol"), message.get("key")
