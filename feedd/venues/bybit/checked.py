"""How Bybit's channels are checked.

A ticker of spot is complete; one of linear or inverse is a change of the last, and a lost one does
not show. Trades have no number: a lost message does not show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from feedd.model import Checked

CONTRACTS: dict[str, Checked] = {"quote": "whole", "book": "sequence", "candle": "whole"}
SPOT: dict[str, Checked] = {**CONTRACTS, "ticker": "whole"}
# Ids of quotes fall to 1 when the exchange restarts its service, times never. A contract's ticker
# is only a change: of two in a wrong order the last one is not known.
GROWS: dict[str, Literal["id", "timestamp"]] = {"quote": "timestamp"}
SPOT_GROWS: dict[str, Literal["id", "timestamp"]] = {**GROWS, "ticker": "timestamp"}
