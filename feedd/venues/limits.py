"""An exchange's limits of one address, and the share of them that feedd uses.

Nine tenths of each limit are used: other programs may share the address, and a request that was
counted here arrives a little later there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct, field

if TYPE_CHECKING:
    import re

SHARE = 0.9
MINUTE_S = 60.0
# Seconds to pause after a refusal that gives no time, by HTTP status. 418 is a ban, 403 the answer
# of a firewall.
PAUSE_S = {429: 60.0, 418: 120.0, 403: 60.0}
# A longer pause is not believed: no venue documents a longer ban (see their `limits.py`).
PAUSE_AT_MOST_S = 3 * 24 * 3600.0


class RateLimit(NamedTuple):
    """At most `most` in any `window_s` seconds, counted in `slots` slots."""

    most: float
    window_s: float
    slots: int

    @property
    def slot_s(self) -> float:
        """The length of a slot."""
        return self.window_s / self.slots


class AddressLimits(Struct, frozen=True):
    """The limits that all processes of an address share.

    `weight` is the limit of REST requests; one unit of ccxt's cost is `per_cost` of it, and where
    that is None every request counts as one. `connects` is the limit of WebSocket handshakes; None:
    no limit is known. `used_header` is the header in which the exchange reports what it counted, on
    pages whose path contains `used_on`. `banned_until` finds the end of a ban in the text of a
    refusal, in ms since the epoch.
    """

    name: str
    weight: RateLimit
    per_cost: float | None = 1.0
    connects: RateLimit | None = None
    unit: str = "of request weight"
    used_header: str = ""
    used_on: str = ""
    pause_s: dict[int, float] = field(default_factory=lambda: PAUSE_S)  # by HTTP status
    banned_until: re.Pattern[str] | None = None


def share_of(most: float, window_s: float, slots: int) -> RateLimit:
    """Return the part of a limit that feedd uses."""
    return RateLimit(int(most * SHARE), window_s, slots)
