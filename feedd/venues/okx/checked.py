"""How OKX's streams are checked, in both sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from feedd.model import Checked

# Ids of trades are contiguous: an aggregated one names the last of its ids and their number. Of
# liquidations OKX sends one per contract and second
# (https://www.okx.com/docs-v5/en/#public-data-websocket-liquidation-orders-channel).
CHECKED: dict[str, Checked] = {
    "ticker": "whole", "quote": "whole", "trade": "sequence", "book": "sequence",
    "candle": "whole", "mark": "whole",
}  # fmt: skip
# Ids of quotes fall after a maintenance, times never.
GROWS: dict[str, Literal["id", "timestamp"]] = {
    "ticker": "timestamp", "quote": "timestamp", "mark": "timestamp",
}  # fmt: skip
