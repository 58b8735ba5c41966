"""Bybit's control messages: answers to subscriptions, and refusals.

https://bybit-exchange.github.io/docs/v5/ws/connect
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

CONTROL_KEYS = frozenset({"op", "success", "ret_msg", "pong"})
CHANNEL_OF = {
    "tickers": "ticker", "publicTrade": "trade", "kline": "candle", "allLiquidation": "liquidation",
}  # fmt: skip


def channel_of(message: Any) -> str | None:
    """Return the channel of a message by its topic; `orderbook.1` is the quotes'."""
    topic = str(message.get("topic", "")) if isinstance(message, dict) else ""
    kind, _, rest = topic.partition(".")
    if kind == "orderbook":
        return "quote" if rest.startswith("1.") else "book"
    return CHANNEL_OF.get(kind)


def resubscribe(request: Any, new_id: Callable[[], int]) -> list[dict[str, Any]]:
    """Return the messages that end a subscription and begin it again.

    ::

        {"req_id":"10001","op":"subscribe","args":["orderbook.50.BTCUSDT"]}
    """
    return [
        {"op": how, "req_id": str(new_id()), "args": request["args"]}
        for how in ("unsubscribe", "subscribe")
    ]


def refuses(message: Any, request: Any) -> bool:
    """Whether a refusal answers a request; without `req_id` its text may name the topic.

    ::

        {"success":false,"ret_msg":"error:handler not found,topic:publicTrade.X","op":"subscribe"}
    """
    if not isinstance(message, dict):
        return False
    request_id = message.get("req_id")
    if request_id is not None:
        return str(request_id) == str(request.get("req_id"))
    text = str(message.get("ret_msg", ""))
    return any(text.endswith(f"topic:{topic}") for topic in request.get("args", ()))
