"""KuCoin's control messages: the welcome, answers to subscriptions, pongs and refusals.

https://www.kucoin.com/docs-new/websocket-api/base-info/introduction
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

# Of {"id":"1","type":"ack"}, and also of types `welcome`, `pong` and `error`.
CONTROL_KEYS = frozenset({"id", "code"})
CHANNEL_OF = {
    "/market/level2": "book", "/contractMarket/level2": "book", "/market/match": "trade",
    "/contractMarket/execution": "trade", "/market/snapshot": "ticker", "/market/ticker": "ticker",
    "/contractMarket/ticker": "ticker", "/spotMarket/level1": "quote",
    "/contractMarket/tickerV2": "quote", "/market/candles": "candle",
    "/contractMarket/limitCandle": "candle",
}  # fmt: skip


def channel_of(message: Any) -> str | None:
    """Return the channel of a message by its topic, such as `/market/level2:BTC-USDT`."""
    topic = message.get("topic") if isinstance(message, dict) else None
    if not isinstance(topic, str) or message.get("type") != "message":
        return None
    return CHANNEL_OF.get(topic.partition(":")[0])


def market_id_of(message: Any) -> str:
    """Return the market's id, which ends the topic."""
    return str(message.get("topic")).partition(":")[2]


def resubscribe(request: Any, new_id: Callable[[], int]) -> list[dict[str, Any]]:
    """Return the messages that end a subscription and begin it again.

    ::

        {"id":"1","type":"subscribe","topic":"/market/level2:BTC-USDT","response":true}
    """
    return [{**request, "id": str(new_id()), "type": how} for how in ("unsubscribe", "subscribe")]


def refusal(message: Any) -> str | None:
    """Return why a request is refused, which ccxt ignores.

    ::

        {"id":"1","type":"error","code":404,"data":"topic /market/match:X is not found"}
    """
    if isinstance(message, dict) and message.get("type") == "error":
        return f"refused: {message.get('data')} (code {message.get('code')})"
    return None


def refuses(message: Any, request: Any) -> bool:
    """Whether a refusal answers a request."""
    return refusal(message) is not None and str(message.get("id")) == str(request.get("id"))
