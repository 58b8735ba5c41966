"""Hyperliquid's control messages: answers to subscriptions, and refusals.

https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/websocket/subscriptions
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from feedd.venues.every_market import EVERY_MARKET

if TYPE_CHECKING:
    from collections.abc import Callable

# What is neither of these nor data has the key of a channel too; the first is sent on connecting.
GREETING = "Websocket connection established."
CONTROL_KEYS = frozenset({"channel", GREETING})
CHANNEL_OF = {
    "activeAssetCtx": "ticker", "activeSpotAssetCtx": "ticker", "bbo": "quote", "trades": "trade",
    "l2Book": "book", "candle": "candle",
}  # fmt: skip


def channel_of(message: Any) -> str | None:
    """Return the channel of a message: `{"channel":"l2Book","data":{"coin":"BTC",…}}`."""
    name = message.get("channel") if isinstance(message, dict) else None
    return CHANNEL_OF.get(name) if isinstance(name, str) else None


def coin_of(message: dict[str, Any]) -> Any:
    """Return the venue's name of the market; a candle has it as `s`.

    All trades of a message are of one market; a market without any has an empty list.
    """
    data = message["data"]
    if isinstance(data, list):
        if not data:
            return EVERY_MARKET
        data = data[0]
    return data.get("coin", data.get("s"))


def resubscribe(request: Any, _new_id: Callable[[], int]) -> list[dict[str, Any]]:
    """Return the messages that end a subscription and begin it again.

    ::

        {"method":"subscribe","subscription":{"type":"l2Book","coin":"BTC"}}
    """
    return [{**request, "method": how} for how in ("unsubscribe", "subscribe")]


def refuses(message: Any, request: Any) -> bool:
    r"""Whether a refusal answers a request: its text repeats the subscription.

    ::

        {"channel":"error","data":"Invalid subscription {\"type\":\"trades\",\"coin\":\"X\"}"}
        {"channel":"error","data":"Already unsubscribed: {\"type\":\"trades\",\"coin\":\"X\"}"}
    """
    if not isinstance(message, dict) or message.get("channel") != "error":
        return False
    words, brace, rest = str(message.get("data")).partition("{")
    try:
        subscription = json.loads(brace + rest)
    except ValueError:
        return False
    ends = "unsubscribe" in words.lower()
    return (
        isinstance(subscription, dict)
        and ends == (request.get("method") == "unsubscribe")
        and request.get("subscription", {}).items() <= subscription.items()
    )
