"""Kraken's control messages: answers to requests, refusals, heartbeats.

https://docs.kraken.com/api/docs/websocket-v2/heartbeat, …/status, …/ping::

    {"channel":"status","type":"update","data":[{"api_version":"v2","connection_id":
     13834774380200032777,"system":"online","version":"2.0.0"}]}
    {"channel":"heartbeat"}
    {"method":"pong","req_id":101,"time_in":"2023-09-24T14:10:23.799685Z",
     "time_out":"2023-09-24T14:10:23.799703Z"}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

# Heartbeats have no other key than `channel`; data is found by its value.
CONTROL_KEYS = frozenset({"method", "error", "channel"})
CHANNEL_OF = {"ticker": "ticker", "trade": "trade", "book": "book", "ohlc": "candle"}


def channel_of(message: Any) -> str | None:
    """Return the channel of a message.

    https://docs.kraken.com/api/docs/websocket-v2/ticker: a quote is a ticker whose subscription has
    the `event_trigger` `bbo` and not `trades`; it has a connection of its own.
    """
    kind = message.get("channel") if isinstance(message, dict) else None
    return CHANNEL_OF.get(kind) if isinstance(kind, str) else None


def symbol_of(message: Any) -> Any:
    """Return the symbol that a message is of."""
    return message["data"][0]["symbol"]


def resubscribe(request: Any, new_id: Callable[[], int]) -> list[dict[str, Any]]:
    """Return the messages that end a subscription and begin it again.

    ::

        {"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD"],"depth":25},
         "req_id":1}
    """
    return [{**request, "method": how, "req_id": new_id()} for how in ("unsubscribe", "subscribe")]


def refusal(message: Any) -> str | None:
    """Return why a request was refused.

    ::

        {"error":"Currency pair not supported FOO/BAR","method":"subscribe","req_id":1,
         "success":false,"symbol":"FOO/BAR","time_in":"2023-09-25T09:04:31.742599Z",
         "time_out":"2023-09-25T09:04:31.742648Z"}
    """
    if not isinstance(message, dict) or message.get("error") is None:
        return None
    return f"refused: {message['error']}"


def refuses(message: Any, request: Any) -> bool:
    """Whether a refusal answers a request; without `req_id`, by its method and symbol."""
    if not isinstance(message, dict):
        return False
    request_id = message.get("req_id")
    if request_id is not None:
        return bool(request_id == request.get("req_id"))
    return message.get("method") == request.get("method") and message.get("symbol") in request.get(
        "params", {}
    ).get("symbol", ())
