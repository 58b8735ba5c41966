"""MEXC's messages by their channel, and the answers to subscriptions, which are JSON.

https://www.mexc.com/api-docs/spot-v3/websocket-market-streams
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

CONTROL_KEYS = frozenset({"id", "code", "msg"})
CHANNEL_OF = {
    "public.aggre.depth.v3.api.pb": "book",
    "public.aggre.deals.v3.api.pb": "trade",
    "public.aggre.bookTicker.v3.api.pb": "quote",
    "public.miniTicker.v3.api.pb": "ticker",
    "public.kline.v3.api.pb": "candle",
}
REFUSED = "Not Subscribed"


def channel_of(message: Any) -> str | None:
    """Return the channel of a decoded frame: `spot@public.aggre.depth.v3.api.pb@100ms@BTCUSDT`."""
    name = message.get("channel") if isinstance(message, dict) else None
    if not isinstance(name, str):
        return None
    _, _, rest = name.partition("@")
    return CHANNEL_OF.get(rest.partition("@")[0])


def ticker_request(request: Any) -> Any:
    """Return the subscription to the summary of 24 h; ccxt subscribes to the best bid and ask.

    ::

        {"method":"SUBSCRIPTION","params":["spot@public.aggre.bookTicker.v3.api.pb@100ms@BTCUSDT"]}
    """
    market_id = request["params"][0].rpartition("@")[2]
    return {**request, "params": [f"spot@public.miniTicker.v3.api.pb@{market_id}@24H"]}


def resubscribe(request: Any, _new_id: Callable[[], int]) -> list[dict[str, Any]]:
    """Return the messages that end a subscription and begin it again."""
    return [{**request, "method": how} for how in ("UNSUBSCRIPTION", "SUBSCRIPTION")]


def refusal(message: Any) -> str | None:
    """Return why a subscription is refused; an accepted one's text is its channel.

    ::

        {"id":0,"code":0,"msg":"spot@public.aggre.deals.v3.api.pb@100ms@BTCUSDT"}
        {"id":0,"code":0,"msg":"Not Subscribed successfully! [spot@public.x@X].  Reason: Blocked!"}
    """
    text = str(message.get("msg", ""))
    return f"refused: {text}" if message.get("code") or text.startswith(REFUSED) else None


def refuses(message: Any, request: Any) -> bool:
    """Whether a refusal answers a request: its text names the channel."""
    if not isinstance(message, dict) or refusal(message) is None:
        return False
    text = str(message.get("msg", ""))
    return any(
        re.search(rf"{re.escape(one)}(?![\w@+-])", text) for one in request.get("params", ())
    )
