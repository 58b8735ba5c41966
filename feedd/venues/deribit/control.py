"""Deribit's messages by their channel, and the answers to subscriptions.

https://docs.deribit.com/#subscriptions. Deribit sends heartbeats and `test_request` only after
`public/set_heartbeat`, which ccxt does not send; ccxt's pings are WebSocket's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

CONTROL_KEYS = frozenset({"id", "result", "error"})
CHANNEL_OF = {
    "ticker": "ticker", "quote": "quote", "trades": "trade", "book": "book", "chart": "candle",
}  # fmt: skip


def channel_of(message: Any) -> str | None:
    """Return the channel of a notification by the first word of its channel's name.

    ::

        {"jsonrpc":"2.0","method":"subscription","params":{"channel":"quote.BTC_USDT","data":{…}}}
    """
    params = message.get("params") if isinstance(message, dict) else None
    name = params.get("channel") if isinstance(params, dict) else None
    return CHANNEL_OF.get(name.partition(".")[0]) if isinstance(name, str) else None


def market_id_of(message: Any) -> Any:
    """Return the instrument's name; several trades of one message are of one instrument."""
    data = message["params"]["data"]
    return (data[0] if isinstance(data, list) else data)["instrument_name"]


def resubscribe(request: Any, new_id: Callable[[], int]) -> list[dict[str, Any]]:
    """Return the messages that end a subscription and begin it again.

    ::

        {"jsonrpc":"2.0","method":"public/subscribe",
         "params":{"channels":["book.BTC-PERPETUAL.100ms"]},"id":1}
    """
    return [
        {**request, "method": method, "id": new_id()}
        for method in ("public/unsubscribe", "public/subscribe")
    ]


def refusal(message: Any) -> str | None:
    """Return why a subscription is refused: the answer names the channels that were subscribed to.

    ::

        {"jsonrpc":"2.0","id":2,"result":["ticker.BTC_USDC-PERPETUAL.100ms"],"usIn":…}
        {"jsonrpc":"2.0","id":1,"error":{"message":"Invalid params","code":-32602}}
    """
    error = message.get("error")
    if isinstance(error, dict):
        data = error.get("data")
        why = f" ({data['reason']})" if isinstance(data, dict) and "reason" in data else ""
        return f"refused: {error.get('message')}{why} (code {error.get('code')})"
    if message.get("result") == []:
        return "refused: there is no such channel"
    return None


def refuses(message: Any, request: Any) -> bool:
    """Whether a refusal answers a request."""
    return isinstance(message, dict) and message.get("id") == request.get("id")
