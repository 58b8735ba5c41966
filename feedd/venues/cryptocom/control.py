"""Crypto.com's messages by their channel, and the answers to subscriptions.

https://exchange-docs.crypto.com/exchange/v1/rest-ws/index.html#websocket-subscriptions.
`public/heartbeat` is of no channel, so that ccxt answers it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

CONTROL_KEYS = frozenset({"id", "code", "method"})
CHANNEL_OF = {
    "ticker": "ticker", "trade": "trade", "book": "book", "book.update": "book",
    "candlestick": "candle",
}  # fmt: skip


def channel_of(message: Any) -> str | None:
    """Return the channel of a message with a result.

    ::

        {"id":-1,"code":0,"method":"subscribe","result":{"instrument_name":"BTC_USDT",
         "subscription":"ticker.BTC_USDT","channel":"ticker","data":[{…}]}}
    """
    result = message.get("result") if isinstance(message, dict) else None
    name = result.get("channel") if isinstance(result, dict) else None
    return CHANNEL_OF.get(name) if isinstance(name, str) else None


def book_request(request: Any) -> Any:
    """Return the subscription to a snapshot and its changes, by the parameter's documented name.

    Without it, whole books would come every 500 ms. ccxt's name of it is `bookSubscriptionType`::

        {"method":"subscribe","params":{"channels":["book.BTCUSD-PERP.10"],
         "book_subscription_type":"SNAPSHOT_AND_UPDATE"}}
    """
    params = {**request["params"], "book_subscription_type": "SNAPSHOT_AND_UPDATE"}
    return {**request, "params": params}


def resubscribe(request: Any, new_id: Callable[[], int]) -> list[dict[str, Any]]:
    """Return the messages that end a subscription and begin it again; ccxt's has no `id`.

    ::

        {"method":"subscribe","params":{"channels":["book.BTC_USDT.50"],
         "bookSubscriptionType":"SNAPSHOT_AND_UPDATE"},"nonce":1764075600000}
    """
    return [{**request, "method": how, "id": new_id()} for how in ("unsubscribe", "subscribe")]


def refuses(message: Any, request: Any) -> bool:
    r"""Whether a refusal answers a request; one without an id may be named by its channel.

    ::

        {"id":0,"code":10004,"method":"subscribe",
         "message":"invalid channel {\"channels\":[\"trade.BTCUSD-PERP\"]}"}
    """
    if not isinstance(message, dict):
        return False
    if request.get("id") is not None:
        return bool(message.get("id") == request["id"])
    text = str(message.get("message", ""))
    channels = request.get("params", {}).get("channels", ())
    return any(re.search(rf"(?<![\w.-]){re.escape(one)}(?![\w.-])", text) for one in channels)
