"""Prefixes of topics as people type them: which can match nothing, and what they probably mean."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from feedd.channels import CHANNEL_NAMES
from feedd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

HEADS = (*CHANNEL_NAMES, "status")
FORM = "a topic is <channel>.<exchange>.<symbol>."
# Other names of the channels, as exchanges and libraries use them.
_OTHER_NAMES = {
    "bbo": "quote", "bookticker": "quote", "bidask": "quote", "bidasks": "quote", "l1": "quote",
    "depth": "book", "l2": "book", "orderbook": "book", "order_book": "book", "ohlcv": "candle",
    "kline": "candle", "klines": "candle", "bar": "candle", "bars": "candle", "markprice": "mark",
    "forceorder": "liquidation", "aggtrade": "trade", "tick": "ticker", "ticks": "ticker",
}  # fmt: skip


def check_prefixes(prefixes: Iterable[object]) -> None:
    """Raise ConfigError for a prefix that no topic has, with the one that it probably means.

    A channel like none of this version's is accepted: a newer publisher may have it.
    """
    for prefix in prefixes:
        if not isinstance(prefix, str):
            raise ConfigError(f"{prefix!r} is not a prefix of topics: it is not text")
        if (fault := prefix_fault(prefix)) is not None:
            raise ConfigError(f"no topic begins with {prefix!r}: {fault}")


def prefix_fault(prefix: str) -> str | None:
    """Return why no topic begins with a prefix, and what to write; None where one may."""
    if prefix.strip() != prefix:
        return f"it has spaces around it; write {prefix.strip()!r}"
    if "*" in prefix or prefix.endswith("#"):
        return f"prefixes have no wildcards; write {re.split(r'[*#]', prefix)[0]!r}"
    head, dot, rest = prefix.partition(".")
    if not dot and any(name.startswith(head) for name in HEADS):
        return None
    if "/" in head or ":" in head:
        return f"{FORM}; write {f'quote.<exchange>.{prefix}'!r}, or another channel's name"
    if head not in HEADS:
        if (channel := _nearest(head)) is not None:
            return f"there is no channel {head}; is it {f'{channel}.{rest}'!r}?"
        if (second := rest.partition(".")[0]) in HEADS:
            swapped = ".".join((second, head, *rest.split(".")[1:]))
            return f"{FORM}; write {swapped!r}"
        return f"there is no channel {head}; {FORM}" if head != head.lower() else None
    exchange = rest.partition(".")[0]
    if "/" in exchange or ":" in exchange:
        return f"{FORM}; write {f'{head}.<exchange>.{rest}'!r}"
    if exchange != exchange.lower():
        lower = f"{head}.{exchange.lower()}{rest[len(exchange) :]}"
        return f"exchanges are in lower case; write {lower!r}"
    return None


def nearest_topic(prefix: str, topics: Iterable[str]) -> str | None:
    """Return the published topic that a prefix which none has is most like, or None."""
    found = difflib.get_close_matches(prefix, list(topics), n=1, cutoff=0.5)
    return found[0] if found else None


def _nearest(head: str) -> str | None:
    """Return the channel that an unknown one probably means."""
    lower = head.lower()
    if lower in HEADS:
        return lower
    if lower in _OTHER_NAMES:
        return _OTHER_NAMES[lower]
    found = difflib.get_close_matches(lower, HEADS, n=1, cutoff=0.7)
    return found[0] if found else None
