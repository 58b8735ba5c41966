"""How Hyperliquid's streams are checked, in both sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from feedd.model import Checked

# Each message is complete; ids of trades do not follow each other.
SPOT_CHECKED: dict[str, Checked] = {
    "ticker": "whole", "quote": "whole", "book": "whole", "candle": "whole",
}  # fmt: skip
CHECKED: dict[str, Checked] = {**SPOT_CHECKED, "mark": "whole"}
GROWS: dict[str, Literal["id", "timestamp"]] = {"quote": "timestamp"}
