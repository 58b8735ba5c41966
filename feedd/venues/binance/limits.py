"""Binance's limits of one address."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from feedd.venues.limits import MINUTE_S, AddressLimits, share_of

if TYPE_CHECKING:
    from feedd.venues.market_type import MarketType

# https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams: 300 connections
# "per attempt every 5 minutes per IP". The futures' pages do not mention it; it is kept there too.
CONNECTS = share_of(300, 300.0, 60)
ROTATE_AFTER_S = 23 * 3600.0  # Binance closes a connection after 24 h
USED_HEADER = "X-MBX-USED-WEIGHT-1M"
# https://developers.binance.com/docs/binance-spot-api-docs/rest-api/limits: the first ban takes 2
# minutes, the longest 3 days (`PAUSE_AT_MOST_S`), and its text names the end: "IP(1.2.3.4) banned
# until 1615183669840". A 403 is the answer of a firewall.
BANNED_UNTIL = re.compile(r"banned until (\d{13})\b")

LIMITS: dict[MarketType, AddressLimits] = {
    # https://developers.binance.com/docs/derivatives/usds-margined-futures/general-info: 2,400 a
    # minute, and ccxt's costs are these weights. Two of 4.5.90's are too low, this one's v3/account
    # (1, not 5) and spot's trades (10, not 25): the answer's header corrects them.
    "linear": AddressLimits(
        "binance-linear", share_of(2400, MINUTE_S, 12), connects=CONNECTS,
        used_header=USED_HEADER, used_on="/fapi/", banned_until=BANNED_UNTIL,
    ),
    "inverse": AddressLimits(
        "binance-inverse", share_of(2400, MINUTE_S, 12), connects=CONNECTS,
        used_header=USED_HEADER, used_on="/dapi/", banned_until=BANNED_UNTIL,
    ),
    # 6,000 a minute, and ccxt's costs are a fifth of the weights.
    "spot": AddressLimits(
        "binance-spot", share_of(6000, MINUTE_S, 12), per_cost=5.0, connects=CONNECTS,
        used_header=USED_HEADER, used_on="/api/", banned_until=BANNED_UNTIL,
    ),
}  # fmt: skip
