"""Coinbase's control messages: answers to subscriptions, refusals, heartbeats.

https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/websocket/websocket-channels::

    {"channel":"subscriptions","timestamp":"2026-08-09T21:05:48.228846629Z","sequence_num":2,
     "events":[{"subscriptions":{"market_trades":["BTC-USD","ETH-USD"]}}]}
    {"channel":"heartbeats","timestamp":"2026-08-09T21:05:48.856364007Z","sequence_num":35,
     "events":[{"current_time":"2026-08-09 21:05:48.854840045 +0000 UTC m=+41691.260485341",
     "heartbeat_counter":41691}]}

`sequence_num` counts every message of a connection, of all channels, from 0 on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from feedd.numbers import integer

if TYPE_CHECKING:
    from collections.abc import Callable

# A heartbeat each second shows a lost message although nothing else follows, and keeps the
# connection: Coinbase closes one on which nothing is sent for 60 to 90 s.
OPENING = ({"type": "subscribe", "product_ids": [], "channel": "heartbeats"},)
# An answer and a heartbeat have the keys of data; data is found by its channel.
CONTROL_KEYS = frozenset({"type", "channel"})
CHANNEL_OF = {"ticker": "ticker", "market_trades": "trade", "l2_data": "book"}
REQUESTED_AS = {"level2": "l2_data"}


def channel_of(message: Any) -> str | None:
    """Return the channel of a message."""
    kind = message.get("channel") if isinstance(message, dict) else None
    return CHANNEL_OF.get(kind) if isinstance(kind, str) else None


def sequence_of(message: Any) -> int | None:
    """Return the number of a message; a refusal has none."""
    found = message.get("sequence_num") if isinstance(message, dict) else None
    return None if found is None else integer(found)


def product_of(message: Any) -> Any:
    """Return the product that a message is of; None where it contains nothing."""
    for event in message["events"]:
        for row in (event, *event.get("tickers", ()), *event.get("trades", ())):
            if "product_id" in row:
                return row["product_id"]
    return None


def is_same_market(asked: Any, sent: Any) -> bool:
    """Return whether a product stands for another: those in USD and in USDC share one book.

    A subscription to `BTC-USDC` brings messages of `BTC-USD`.
    """
    return sent is None or f"{sent}C" == asked


def resubscribe(request: Any, _new_id: Callable[[], int]) -> list[dict[str, Any]]:
    """Return the messages that end a subscription and begin it again.

    ::

        {"type":"subscribe","product_ids":["BTC-USD"],"channel":"level2"}
    """
    return [{**request, "type": how} for how in ("unsubscribe", "subscribe")]


def refusal(message: Any) -> str | None:
    """Return why a request was refused.

    ::

        {"type":"error","message":"failure to subscribe","reason":"BTC-USD is not a valid product"}
    """
    if not isinstance(message, dict) or message.get("type") != "error":
        return None
    parts = (message.get("message"), message.get("reason"))
    return "refused: " + ": ".join(str(part) for part in parts if part)


def refuses(message: Any, request: Any) -> bool:
    """Whether a refusal names the channel of a request; most name none."""
    return isinstance(message, dict) and message.get("channel") == request.get("channel")
