"""Bitget v2, as the ccxt source uses it: spot and contracts share a form and a host."""

from __future__ import annotations

from feedd.venues.bitget import book, control, parsers
from feedd.venues.bitget.limits import LIMITS
from feedd.venues.contract import (
    CheckedBook,
    ListedEntries,
    RawChannel,
    StreamedSnapshot,
    Venue,
)

VENUE = Venue(
    # Ids of trades skip numbers.
    checked={"book": "checksum", "quote": "whole", "ticker": "whole", "candle": "whole"},
    raw_channels={
        "ticker": RawChannel(parsers.tickers),
        "quote": RawChannel(parsers.quotes, carrier="ticker"),
        "trade": RawChannel(parsers.trades),
    },
    grows={"ticker": "timestamp", "quote": "timestamp"},
    book=CheckedBook(
        rules=book.rules,
        parse=book.to_depth,
        snapshot=StreamedSnapshot(),
        checked_levels=book.CHECKED,
        # At the end of a subscription, ccxt would refuse the one that follows.
        disabled_handlers=("handle_un_subscription_status",),
    ),
    control_keys=control.CONTROL_KEYS,
    market_id_of=lambda message: message["arg"]["instId"],
    channel_of=control.channel_of,
    resubscribe=control.resubscribe,
    refuses=control.refuses,
    entries=ListedEntries(
        id=lambda entry: str(entry.get("symbol", "")),
        fault=lambda _entry: None,
        status=lambda entry: entry.get("status") or entry.get("symbolStatus"),
    ),
    limits={"spot": LIMITS, "linear": LIMITS, "inverse": LIMITS},
)
