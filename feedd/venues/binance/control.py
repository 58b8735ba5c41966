"""Binance's control messages: answers to subscriptions, and refusals.

https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams/Live-Subscribing-Unsubscribing-to-streams
"""

from __future__ import annotations

from typing import Any

CONTROL_KEYS = frozenset({"id", "result", "error", "code"})


def flat_refusal(message: Any) -> str | None:
    """Return why a subscription is refused, in the form of the documents, which ccxt ignores.

    ::

        {"code":2,"msg":"Invalid request: invalid stream","id":1}
    """
    if isinstance(message, dict) and "code" in message and "msg" in message and "e" not in message:
        return f"refused: {message['msg']} (code {message['code']})"
    return None
