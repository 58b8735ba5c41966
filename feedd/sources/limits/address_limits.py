"""The limits that a feed shares with all processes of the machine, by exchange and endpoint."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from feedd.venues.limits import MINUTE_S, AddressLimits, share_of
from feedd.venues.registry import market_type_on, venue


def address_limits(exchange: str, symbol: str, rate_limit_ms: float) -> AddressLimits:
    """Return the limits that a feed shares; those of other exchanges are as ccxt calibrates them.

    `rate_limit_ms` is ccxt's `rateLimit`: the time that a cost of 1 takes.
    """
    known = venue(exchange, symbol).limits.get(market_type_on(exchange, symbol))
    if known is not None:
        return known
    most = MINUTE_S * 1000.0 / max(rate_limit_ms, 1.0)
    return AddressLimits(exchange, share_of(most, MINUTE_S, 12), unit="of ccxt's cost")


def place(endpoint: str | None) -> str:
    """Return an endpoint as the end of a file's name: `-127.0.0.1-8765-spot`, or "" for none."""
    if endpoint is None:
        return ""
    parts = urlsplit(endpoint)  # without the credentials before an @
    where = f"{parts.hostname}:{parts.port or ''}{parts.path}"
    return "-" + re.sub(r"[^A-Za-z0-9.]+", "-", where).strip("-")


def requested_pause_s(
    limits: AddressLimits, status: int, headers: dict[str, str], body: str, now_s: float
) -> float:
    """Return the pause in seconds that a refusal requests; `now_s` is since the epoch."""
    retry_after = {name.lower(): value for name, value in headers.items()}.get("retry-after", "")
    if re.fullmatch(r"\d{1,9}(\.\d+)?", retry_after):
        return max(1.0, float(retry_after))
    until = None if limits.banned_until is None else limits.banned_until.search(body)
    if until is not None:
        return max(1.0, int(until[1]) / 1000 - now_s)
    return limits.pause_s[status]
