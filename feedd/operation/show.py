"""Messages as text, one line each."""

from __future__ import annotations

import time
from typing import Any

from feedd.clock import NS_PER_S
from feedd.prices import plain


def tick_line(number: int, payload: dict[str, Any]) -> str:
    """Return a ticker as `[1] BTC/USDT:USDT Price: $50,123.45 | Bid: … | Ask: … | Volume: …`."""
    return (
        f"[{number}] {payload.get('symbol')} Price: {price(payload.get('last'))}"
        f" | Bid: {price(payload.get('bid'))} | Ask: {price(payload.get('ask'))}"
        f" | Volume: {amount(payload.get('volume'))}"
    )


def price(value: float | None) -> str:
    """Return dollars with all digits, and with at least 2, 4 or 6 decimals."""
    if value is None:
        return "N/A"
    return f"${plain(value, 2 if abs(value) >= 1000 else 4 if abs(value) >= 1 else 6)}"


def amount(value: float | None) -> str:
    """Return a size with all digits, and at least three decimals."""
    return "N/A" if value is None else plain(value, 3)


def message_line(topic: str, payload: dict[str, Any]) -> str:
    """Return any message as one line: time, topic, seq and payload."""
    at = time.strftime("%H:%M:%S", time.localtime(payload["published_ns"] / NS_PER_S))
    envelope = {"symbol", "exchange", "received_ns", "published_ns", "session", "seq",
                "timestamp", "datetime", "next_seq"}  # fmt: skip
    rest = " ".join(f"{k}={v}" for k, v in payload.items() if k not in envelope and v is not None)
    return f"{at} {topic} seq={payload['seq']} {rest}"
