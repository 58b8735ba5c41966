"""HTX's control messages: answers to subscriptions and requests, pings, and refusals.

https://www.htx.com/en-us/opend/newApiPages/?id=662 (spot), https://www.htx.com/en-us/opend/newApiPages/
?id=28c33ab2-77ae-11ed-9966-0242ac110003 (linear swaps)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

CONTROL_KEYS = frozenset({"id", "status", "ping", "op", "action"})
CHANNEL_OF = {
    "mbp": "book", "depth": "book", "trade": "trade", "detail": "ticker", "bbo": "quote",
    "kline": "candle",
}  # fmt: skip


def channel_of(message: Any) -> str | None:
    """Return the channel of an event, or of the answer to the request of a book.

    ::

        {"ch":"market.btcusdt.mbp.150","ts":1583472025885,"tick":{}}
        {"id":"4","rep":"market.btcusdt.mbp.150","status":"ok","data":{}}
    """
    parts = _topic(message).split(".")
    return CHANNEL_OF.get(parts[2]) if parts[0] == "market" and len(parts) > 2 else None


def market_id_of(message: Any) -> str:
    """Return the market's id: `market.btcusdt.mbp.150`, `market.BTC-USDT.trade.detail`."""
    return _topic(message).split(".")[1]


def resubscribe(request: Any, new_id: Callable[[], int]) -> list[dict[str, Any]]:
    """Return the messages that end a subscription and begin it again.

    ::

        {"sub":"market.BTC-USDT.depth.size_150.high_freq","data_type":"incremental","id":"3"}
        {"unsub":"market.BTC-USDT.depth.size_150.high_freq","id":"4"}

    An `unsub` is its own request, where the last one could not be sent.
    """
    topic = request["sub"] if "sub" in request else request["unsub"]
    terms = {key: value for key, value in request.items() if key not in {"sub", "unsub", "id"}}
    return [{"unsub": topic, "id": str(new_id())}, {"sub": topic, **terms, "id": str(new_id())}]


def refusal(message: Any) -> str | None:
    """Return why a request is refused, which ccxt reads of its own requests only.

    ::

        {"id":"2","status":"error","err-code":"bad-request","err-msg":"invalid symbol x",
         "ts":1586323747018}
    """
    if isinstance(message, dict) and message.get("status") == "error":
        return f"refused: {message.get('err-msg')} ({message.get('err-code')})"
    return None


def refuses(message: Any, request: Any) -> bool:
    """Whether a refusal answers a request."""
    return refusal(message) is not None and str(message.get("id")) == str(request.get("id"))


def _topic(message: Any) -> str:
    if not isinstance(message, dict):
        return ""
    topic = message.get("ch", message.get("rep"))
    return topic if isinstance(topic, str) else ""
