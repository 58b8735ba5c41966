"""How Binance's streams are checked, in both sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from feedd.model import Checked

# A lost quote, ticker, candle or mark price makes no later one wrong: each is complete. Of
# liquidations Binance sends a sample.
CHECKED: dict[str, Checked] = {
    "quote": "whole", "trade": "sequence", "book": "sequence", "ticker": "whole",
    "candle": "whole", "mark": "whole",
}  # fmt: skip
