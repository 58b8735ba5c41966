"""What an exchange allows one address, and how much of it feedd takes. ccxt is not imported.

Of each limit nine tenths are used: other programs may share the address, and a request that was
counted here arrives a little later there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from feedd.sources.limits.window import Limit
from feedd.venues.dialects import market_type

SHARE = 0.9
MINUTE_S = 60.0
# Seconds to keep away for after a refusal that doesn't say how long, by HTTP status.
# https://developers.binance.com/docs/binance-spot-api-docs/rest-api/limits: a ban begins with 2
# minutes. Its 403 comes from a firewall.
AWAY_S = {429: 60.0, 418: 120.0, 403: 60.0}


@dataclass(frozen=True)
class AddressLimits:
    """The limits that all processes of an address share.

    `weight` is of REST; one unit of ccxt's cost is `per_cost` of it, and where that is None every
    request counts as one. `connects` is of WebSocket handshakes; None: no limit is known.
    `used_header` tells what the exchange counted on pages whose path contains `used_on`.
    """

    name: str
    weight: Limit
    per_cost: float | None = 1.0
    connects: Limit | None = None
    unit: str = "of request weight"
    used_header: str = ""
    used_on: str = ""
    away_s: dict[int, float] = field(default_factory=lambda: AWAY_S)


def _limit(most: float, window_s: float, slots: int) -> Limit:
    return Limit(int(most * SHARE), window_s, slots)


# https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams: 300 connections
# "per attempt every 5 minutes per IP". The futures' pages are silent; it is kept there too.
_BINANCE_CONNECTS = _limit(300, 300.0, 60)
_BINANCE_USED = "X-MBX-USED-WEIGHT-1M"
_BINANCE = {
    # https://developers.binance.com/docs/derivatives/usds-margined-futures/general-info: 2,400 a
    # minute, and ccxt's costs are these weights. Two of 4.5.90's are too low, this one's v3/account
    # (1, not 5) and spot's trades (10, not 25): the answer's header makes up for it.
    "linear": AddressLimits(
        "binance-linear", _limit(2400, MINUTE_S, 12), connects=_BINANCE_CONNECTS,
        used_header=_BINANCE_USED, used_on="/fapi/",
    ),
    "inverse": AddressLimits(
        "binance-inverse", _limit(2400, MINUTE_S, 12), connects=_BINANCE_CONNECTS,
        used_header=_BINANCE_USED, used_on="/dapi/",
    ),
    # 6,000 a minute, and ccxt's costs are a fifth of the weights.
    "spot": AddressLimits(
        "binance-spot", _limit(6000, MINUTE_S, 12), per_cost=5.0, connects=_BINANCE_CONNECTS,
        used_header=_BINANCE_USED, used_on="/api/",
    ),
}  # fmt: skip
# https://bybit-exchange.github.io/docs/v5/rate-limit: 600 requests in 5 s, and after a 403 "wait
# for at least 10 minutes". https://bybit-exchange.github.io/docs/v5/ws/connect: 500 connections
# in 5 minutes.
_BYBIT = AddressLimits(
    "bybit", _limit(600, 5.0, 10), per_cost=None, connects=_limit(500, 300.0, 60),
    unit="requests", away_s={**AWAY_S, 403: 600.0},
)  # fmt: skip


def address_limits(exchange: str, symbol: str, rate_limit_ms: float) -> AddressLimits:
    """Return the limits that a feed shares; those of other exchanges are as ccxt calibrates them.

    `rate_limit_ms` is ccxt's `rateLimit`: the time that a cost of 1 takes.
    """
    if exchange in {"binance", "binanceusdm", "binancecoinm"}:
        return _BINANCE[market_type(symbol)]
    if exchange == "bybit":
        return _BYBIT
    most = MINUTE_S * 1000.0 / max(rate_limit_ms, 1.0)
    return AddressLimits(exchange, _limit(most, MINUTE_S, 12), unit="of ccxt's cost")


def place(endpoint: str | None) -> str:
    """Return an endpoint as the end of a file's name: `-127.0.0.1-8765-spot`, or "" for none."""
    if endpoint is None:
        return ""
    parts = urlsplit(endpoint)  # without what stands before an @
    where = f"{parts.hostname}:{parts.port or ''}{parts.path}"
    return "-" + re.sub(r"[^A-Za-z0-9.]+", "-", where).strip("-")


def away_s(
    limits: AddressLimits, status: int, headers: dict[str, str], body: str, now_s: float
) -> float:
    """Return for how many seconds a refusal asks to keep away; `now_s` is since the epoch.

    Binance's ban says it in its text too: "IP(1.2.3.4) banned until 1615183669840".
    """
    told = {name.lower(): value for name, value in headers.items()}.get("retry-after", "")
    if re.fullmatch(r"\d{1,9}(\.\d+)?", told):
        return max(1.0, float(told))
    if (until := re.search(r"banned until (\d{13})\b", body)) is not None:
        return max(1.0, int(until[1]) / 1000 - now_s)
    return limits.away_s[status]
