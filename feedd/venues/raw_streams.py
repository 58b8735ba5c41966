"""A stream of a venue's WebSocket in feedd's terms; each venue's folder parses its own names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from feedd.channels import ChannelName

# The channels, and what a venue offers beside them.
StreamContent = ChannelName | Literal["aggregate_trade", "partial_book", "mini_ticker"]


@dataclass(frozen=True, slots=True)
class RawStream:
    """A stream that the venue has, whether or not it lists the symbol."""

    name: str
    symbol: str  # the venue's id, e.g. BTCUSDT
    content: StreamContent
    period_ms: int  # 0: sent as it happens
    levels: int = 0
    interval: str = ""
