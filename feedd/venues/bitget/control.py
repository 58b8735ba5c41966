"""Bitget's messages by their channel, and the answers to subscriptions.

https://www.bitget.com/api-doc/common/websocket-intro
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

CONTROL_KEYS = frozenset({"event", "pong", "code"})
CHANNEL_OF = {"ticker": "ticker", "trade": "trade", "books": "book"}


def channel_of(message: Any) -> str | None:
    """Return the channel of a message with an action; an answer has an event instead.

    ::

        {"action":"update","arg":{"instType":"SPOT","channel":"books","instId":"BTCUSDT"},"data":…}
        {"event":"unsubscribe","arg":{"instType":"SPOT","channel":"books","instId":"BTCUSDT"}}
    """
    if not isinstance(message, dict) or "action" not in message:
        return None
    arg = message.get("arg")
    name = arg.get("channel") if isinstance(arg, dict) else None
    if not isinstance(name, str):
        return None
    return "candle" if name.startswith("candle") else CHANNEL_OF.get(name)


def resubscribe(request: Any, _new_id: Callable[[], int]) -> list[dict[str, Any]]:
    """Return the messages that end a subscription and begin it again.

    ::

        {"op":"subscribe","args":[{"instType":"SPOT","channel":"books","instId":"BTCUSDT"}]}
    """
    return [{**request, "op": how} for how in ("unsubscribe", "subscribe")]


def refuses(message: Any, request: Any) -> bool:
    """Whether a refusal answers a request: it has its argument, or names it in its text.

    ::

        {"event":"error","arg":{"instType":"SPOT","channel":"books","instId":"X"},"code":30001,
         "msg":"instType:SPOT,channel:books,instId:X doesn't exist","op":"subscribe"}
    """
    if not isinstance(message, dict) or message.get("event") != "error":
        return False
    asked = request.get("args", ())
    if message.get("arg"):
        return message["arg"] in asked
    text = str(message.get("msg", ""))
    return any(
        f"channel:{one.get('channel')},instId:{one.get('instId')} " in f"{text} " for one in asked
    )
