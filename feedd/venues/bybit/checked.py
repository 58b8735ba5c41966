"""How Bybit's channels are checked.

A ticker of spot is complete; one of linear or inverse is a change of the last, and a lost one does
not show. Trades have no number: a lost message does not show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from feedd.model import Checked

CONTRACTS: dict[str, Checked] = {"quote": "whole", "book": "sequence", "candle": "whole"}
SPOT: dict[str, Checked] = {**CONTRACTS, "ticker": "whole"}
