"""OKX's control messages: answers to subscriptions, and refusals.

https://www.okx.com/docs-v5/en/#overview-websocket-subscribe
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

CONTROL_KEYS = frozenset({"event", "op", "pong"})
CHANNEL_OF = {
    "tickers": "ticker", "bbo-tbt": "quote", "trades": "trade", "books": "book",
    "mark-price": "mark", "liquidation-orders": "liquidation",
}  # fmt: skip
_NAMED = re.compile(r"channel:([^,\s]+),instId:([^,\s]+)")


def channel_of(message: Any) -> str | None:
    """Return the channel of a message with data; an answer repeats `arg` without them.

    ::

        {"arg":{"channel":"bbo-tbt","instId":"BTC-USDT"},"data":[…]}
        {"event":"subscribe","arg":{"channel":"books","instId":"BTC-USDT"},"connId":"a4d3ae55"}
    """
    if not isinstance(message, dict) or "data" not in message:
        return None
    arg = message.get("arg")
    name = arg.get("channel") if isinstance(arg, dict) else None
    if not isinstance(name, str):
        return None
    return "candle" if name.startswith("candle") else CHANNEL_OF.get(name)


def market_id_of(message: dict[str, Any]) -> Any:
    """Return the venue's id of the market that a message with data is of."""
    return message["arg"].get("instId")


def resubscribe(request: Any, new_id: Callable[[], int]) -> list[dict[str, Any]]:
    """Return the messages that end a subscription and begin it again.

    ::

        {"id":"1512","op":"subscribe","args":[{"channel":"books","instId":"BTC-USDT"}]}
    """
    return [
        {"id": str(new_id()), "op": how, "args": request["args"]}
        for how in ("unsubscribe", "subscribe")
    ]


def refuses(message: Any, request: Any) -> bool:
    r"""Whether a refusal answers a request: by its `id`, else by what its text names.

    ::

        {"event":"error","code":"60018","connId":"a4d3ae55","msg":"Wrong URL or
         channel:books,instId:BTC-X doesn't exist. Please use the correct URL, channel and
         parameters referring to API document."}
        {"event":"error","code":"60012","connId":"a4d3ae55","msg":"Invalid request:
         {\"op\": \"subscribe\", \"args\":[{ \"channel\" : \"books\"}]}"}
    """
    if not isinstance(message, dict) or message.get("event") != "error":
        return False
    if message.get("id") is not None:
        return bool(message["id"] == request.get("id"))
    text, args = str(message.get("msg", "")), request.get("args", ())
    named = _NAMED.search(text)
    if named is not None:
        return any((arg.get("channel"), arg.get("instId")) == named.groups() for arg in args)
    words = set(re.findall(r"[\w-]+", text))
    return any(all(str(value) in words for value in arg.values()) for arg in args)
