"""Kraken Futures, linear and inverse, as the ccxt source uses it."""

from __future__ import annotations

from feedd.books.streamed import StreamedBook
from feedd.venues.contract import (
    CheckedBook,
    ContiguousTrades,
    ListedEntries,
    RawChannel,
    StreamedSnapshot,
    Venue,
)
from feedd.venues.krakenfutures import book, control, parsers
from feedd.venues.krakenfutures.limits import LIMITS

VENUE = Venue(
    checked={"ticker": "whole", "quote": "whole", "trade": "sequence", "book": "sequence"},
    raw_channels={
        "ticker": RawChannel(parsers.tickers),
        "quote": RawChannel(parsers.quotes),
        "trade": RawChannel(parsers.trades),
    },
    grows={"ticker": "timestamp"},
    book=CheckedBook(
        rules=lambda _depth: StreamedBook(),
        parse=book.to_depth,
        snapshot=StreamedSnapshot(),
    ),
    # REST has no `seq`; a new subscription begins with the last 100 trades, which have it.
    trades=ContiguousTrades(),
    control_keys=control.CONTROL_KEYS,
    refusal=control.refusal,
    refuses=control.refuses,
    channel_of=control.channel_of,
    resubscribe=control.resubscribe,
    market_id_of=lambda message: message.get("product_id"),
    is_same_market=control.is_same_market,
    entries=ListedEntries(
        id=lambda entry: str(entry.get("symbol", "")),
        fault=lambda _entry: None,
        status=lambda _entry: None,
    ),
    limits={"linear": LIMITS, "inverse": LIMITS},
)
