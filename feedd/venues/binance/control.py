"""Binance's control messages: answers to subscriptions, and refusals.

https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams/Live-Subscribing-Unsubscribing-to-streams
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

CONTROL_KEYS = frozenset({"id", "result", "error", "code"})
CHANNEL_OF = {
    "bookTicker": "quote", "trade": "trade", "depthUpdate": "book", "24hrTicker": "ticker",
    "kline": "candle", "markPriceUpdate": "mark", "forceOrder": "liquidation",
}  # fmt: skip


def flat_refusal(message: Any) -> str | None:
    """Return why a subscription is refused, in the form of the documents, which ccxt ignores.

    ::

        {"code":2,"msg":"Invalid request: invalid stream","id":1}
    """
    if isinstance(message, dict) and "code" in message and "msg" in message and "e" not in message:
        return f"refused: {message['msg']} (code {message['code']})"
    return None


def channel_of(message: Any) -> str | None:
    """Return the channel of an event; spot's quotes have no type."""
    if not isinstance(message, dict):
        return None
    kind = message.get("e")
    if kind is None:
        return "quote" if "u" in message else None
    return CHANNEL_OF.get(kind) if isinstance(kind, str) else None


def resubscribe(request: Any, new_id: Callable[[], int]) -> list[dict[str, Any]]:
    """Return the messages that end a subscription and begin it again.

    ::

        {"method":"SUBSCRIBE","params":["btcusdt@depth"],"id":1}
    """
    return [{**request, "method": how, "id": new_id()} for how in ("UNSUBSCRIBE", "SUBSCRIBE")]


def refuses(message: Any, request: Any) -> bool:
    """Whether a refusal answers a request."""
    return isinstance(message, dict) and message.get("id") == request.get("id")


def announces_close(message: Any) -> bool:
    """Return whether the exchange announces that it will close the connection.

    ::

        {"e":"serverShutdown","E":1770123456789}
    """
    return isinstance(message, dict) and message.get("e") == "serverShutdown"
