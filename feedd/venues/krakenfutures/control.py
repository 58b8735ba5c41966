"""Kraken Futures' control messages: answers to requests, refusals, notices.

https://docs.kraken.com/api/docs/futures-api/websocket/ticker::

    {"event":"info","version":1}
    {"event":"subscribed","feed":"book","product_ids":["PI_XBTUSD"]}
    {"event":"unsubscribed","feed":"book","product_ids":["PI_XBTUSD"]}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

CONTROL_KEYS = frozenset({"event"})
REFUSALS = frozenset({"error", "alert", "subscribed_failed", "unsubscribed_failed"})
CHANNEL_OF = {
    "ticker": "ticker", "ticker_lite": "quote", "trade": "trade", "trade_snapshot": "trade",
    "book": "book", "book_snapshot": "book",
}  # fmt: skip


def channel_of(message: Any) -> str | None:
    """Return the channel of a message by its feed; answers to requests have an event too."""
    if not isinstance(message, dict) or "event" in message:
        return None
    feed = message.get("feed")
    return CHANNEL_OF.get(feed) if isinstance(feed, str) else None


def is_same_market(asked: Any, sent: Any) -> bool:
    """Return whether two ids name one market.

    `/instruments` has listed ids in small letters, while messages have capitals: `pi_xbtusd` is
    answered as `PI_XBTUSD`.
    """
    return isinstance(sent, str) and sent.upper() == asked.upper()


def resubscribe(request: Any, _new_id: Callable[[], int]) -> list[dict[str, Any]]:
    """Return the messages that end a subscription and begin it again.

    ::

        {"event":"subscribe","feed":"book","product_ids":["PI_XBTUSD"]}
    """
    return [{**request, "event": how} for how in ("unsubscribe", "subscribe")]


def refusal(message: Any) -> str | None:
    """Return why a request was refused; which one, the message does not contain.

    ::

        {"event":"error","message":"Invalid product id"}
        {"event":"alert","message":"Already subscribed to feed, re-requesting"}

    The second is none: the first subscription goes on, and its snapshot comes again.
    """
    if not isinstance(message, dict) or message.get("event") not in REFUSALS:
        return None
    why = str(message.get("message", message["event"]))
    return None if why.startswith("Already subscribed") else f"refused: {why}"


def refuses(message: Any, request: Any) -> bool:
    """Whether a refusal names the feed and the market of a request."""
    if not isinstance(message, dict) or message.get("feed") != request.get("feed"):
        return False
    asked, named = request.get("product_ids"), message.get("product_ids")
    return (
        isinstance(named, list)
        and len(named) == len(asked)
        and all(map(is_same_market, asked, named))
    )
