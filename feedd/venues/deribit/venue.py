"""Deribit, as the ccxt source uses it: instruments of every type share one connection."""

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
from feedd.venues.deribit import book, control, parsers
from feedd.venues.deribit.limits import LIMITS

VENUE = Venue(
    # A quote and a ticker are complete; a lost candle is repeated while its interval runs.
    checked={
        "book": "sequence",
        "trade": "sequence",
        "quote": "whole",
        "ticker": "whole",
        "candle": "whole",
    },
    raw_channels={
        "ticker": RawChannel(parsers.tickers),
        "quote": RawChannel(parsers.quotes),
        "trade": RawChannel(parsers.trades),
    },
    grows={"ticker": "timestamp", "quote": "timestamp"},
    book=CheckedBook(
        rules=lambda _depth: StreamedBook(), parse=book.to_depth, snapshot=StreamedSnapshot()
    ),
    trades=ContiguousTrades(parsers.trades_request, parsers.requested_trade, parsers.trades_of),
    control_keys=control.CONTROL_KEYS,
    refusal=control.refusal,
    market_id_of=control.market_id_of,
    channel_of=control.channel_of,
    resubscribe=control.resubscribe,
    refuses=control.refuses,
    entries=ListedEntries(
        id=lambda entry: str(entry.get("instrument_name", "")),
        fault=lambda _entry: None,
        status=lambda entry: entry.get("state"),
    ),
    limits={"spot": LIMITS, "linear": LIMITS, "inverse": LIMITS},
)
