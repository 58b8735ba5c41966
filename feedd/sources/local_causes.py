"""Refusals by an exchange because of this machine: its clock or its location. Pure."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime

from feedd.errors import ConfigError, FeeddError, RestrictedError, SourceError

UNAVAILABLE_FOR_LEGAL_REASONS = 451  # RFC 7725
# Sentences of Binance's answer, and of CloudFront's page in front of Bybit.
_PLACE = re.compile(r"restricted location|block access from your country", re.IGNORECASE)
_CLOCK = re.compile(r"recv_?window|server timestamp", re.IGNORECASE)
CLOCK_TOLERANCE_S = 3.0  # the date of an answer has whole seconds


def restricted(exchange: str, status: int, text: str) -> RestrictedError | None:
    """Return the error for an answer that refuses this machine's location, or None."""
    if status != UNAVAILABLE_FOR_LEGAL_REASONS and not _PLACE.search(text):
        return None
    return RestrictedError(
        f"{exchange} does not serve the location of this machine's address (HTTP {status}): a "
        "retry changes nothing"
    )


def refuses_clock(text: str) -> bool:
    """Whether an exchange refuses the time of a signed request."""
    return _CLOCK.search(text) is not None


def clock_error(exchange: str, text: str, date: str | None, now_s: float) -> FeeddError:
    """Return the error for a refused time; `date` is the answer's header `Date`.

    Without a difference of the clocks the request was on its way for too long, which may pass.
    """
    ahead_s = None
    if date is not None:
        try:
            ahead_s = now_s - parsedate_to_datetime(date).timestamp()
        except ValueError:
            ahead_s = None
    if ahead_s is not None and abs(ahead_s) <= CLOCK_TOLERANCE_S:
        return SourceError(f"{exchange}: a signed request took too long ({text})")
    differs = "differs from the exchange's"
    if ahead_s is not None:
        differs = f"is {abs(ahead_s):,.0f} s {'ahead of' if ahead_s > 0 else 'behind'} {exchange}'s"
    return ConfigError(
        f"this machine's clock {differs}, which refuses signed requests ({text}); set the clock, "
        "e.g. by NTP, or unset the API key: public data needs no key"
    )
