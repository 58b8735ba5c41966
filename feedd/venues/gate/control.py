"""Gate's control messages: answers to subscriptions, and refusals.

https://www.gate.com/docs/developers/apiv4/ws/en/#system-api
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

CHANNEL_OF = {
    "spot.obu": "book", "futures.order_book_update": "book", "spot.trades": "trade",
    "futures.trades": "trade", "spot.tickers": "ticker", "futures.tickers": "ticker",
    "spot.book_ticker": "quote", "futures.book_ticker": "quote", "spot.candlesticks": "candle",
    "futures.candlesticks": "candle",
}  # fmt: skip


def channel_of(message: Any) -> str | None:
    """Return the channel of an event; an answer to a subscription has the same `channel`."""
    if not isinstance(message, dict) or message.get("event") != "update":
        return None
    channel = message.get("channel")
    return CHANNEL_OF.get(channel) if isinstance(channel, str) else None


def market_id_of(message: Any) -> str | None:
    """Return the market's id: `s` is `ob.BTC_USDT.50` in `spot.obu`, and the id elsewhere."""
    result = message.get("result")
    one = result[0] if isinstance(result, list) and result else result
    if not isinstance(one, dict):
        return None
    found = one.get("s") or one.get("currency_pair") or one.get("contract")
    if not isinstance(found, str):
        return None
    return found.removeprefix("ob.").partition(".")[0]


def resubscribe(request: Any, new_id: Callable[[], int]) -> list[dict[str, Any]]:
    """Return the messages that end a subscription and begin it again.

    ::

        {"id":3,"time":1777275365,"channel":"spot.obu","event":"subscribe","payload":["ob.BTC_USDT.50"]}

    `time` is the request's, in s.
    """
    return [
        {**request, "id": new_id(), "time": int(time.time()), "event": how}
        for how in ("unsubscribe", "subscribe")
    ]


def refuses(message: Any, request: Any) -> bool:
    """Whether a refusal answers a request; without its id, it names the same subscription.

    ::

        {"time":1739853211,"id":1,"channel":"spot.trades","event":"subscribe","payload":["X_USDT"],
         "error":{"code":2,"message":"unknown currency pair: X_USDT"},"result":{"status":"fail"}}
    """
    if not isinstance(message, dict) or not message.get("error"):
        return False
    if message.get("id") is not None:
        return str(message["id"]) == str(request.get("id"))
    named = {key: message.get(key) for key in ("channel", "event", "payload")}
    return all(value is None or value == request.get(key) for key, value in named.items())
