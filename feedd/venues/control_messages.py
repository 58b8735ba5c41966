"""Which messages of an exchange are no data: answers, pongs and refusals. Pure.

What is neither data nor one of these can't be read, and may have been an event.
"""

from __future__ import annotations

from typing import Any

# Binance: https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams/Live-Subscribing-Unsubscribing-to-streams
BINANCE = frozenset({"id", "result", "error", "code"})
# Bybit: https://bybit-exchange.github.io/docs/v5/ws/connect
BYBIT = frozenset({"op", "success", "ret_msg", "pong"})


def is_control(message: Any, keys: frozenset[str]) -> bool:
    """Return whether a message has one of the keys that only answers have."""
    return isinstance(message, dict) and not keys.isdisjoint(message)


def flat_refusal(message: Any) -> str | None:
    """Return why Binance refuses, in the form that its documents give and ccxt doesn't heed.

    ::

        {"code":2,"msg":"Invalid request: invalid stream","id":1}
    """
    if isinstance(message, dict) and "code" in message and "msg" in message and "e" not in message:
        return f"refused: {message['msg']} (code {message['code']})"
    return None
