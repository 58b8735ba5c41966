"""Kraken spot, as the ccxt source uses it: WebSocket v2."""

from __future__ import annotations

from feedd.venues.contract import (
    CheckedBook,
    ContiguousTrades,
    ListedEntries,
    RawChannel,
    StreamedSnapshot,
    Venue,
)
from feedd.venues.kraken import book, control, parsers
from feedd.venues.kraken.limits import LIMITS

VENUE = Venue(
    checked={
        "ticker": "whole", "quote": "whole", "trade": "sequence", "book": "checksum",
        "candle": "whole",
    },
    # A ticker and a quote are subscriptions to `ticker`, of which a connection may have one.
    own_connections=frozenset({"quote"}),
    raw_channels={
        "ticker": RawChannel(parsers.tickers),
        "quote": RawChannel(parsers.quotes),
        "trade": RawChannel(parsers.trades),
        "candle": RawChannel(parsers.candles),
    },
    grows={"ticker": "timestamp", "quote": "timestamp"},
    book=CheckedBook(
        rules=book.rules,
        parse=book.to_depth,
        snapshot=StreamedSnapshot(),
        limits=book.LIMITS,
        checked_levels=book.CHECKED,
        reads_text=True,
    ),
    trades=ContiguousTrades(parsers.trades_request, parsers.rest_trade, parsers.trade_rows),
    control_keys=control.CONTROL_KEYS,
    refusal=control.refusal,
    refuses=control.refuses,
    channel_of=control.channel_of,
    resubscribe=control.resubscribe,
    market_id_of=control.symbol_of,
    market_key="symbol",
    entries=ListedEntries(
        id=lambda entry: str(entry.get("altname", "")),
        fault=lambda _entry: None,
        status=lambda entry: entry.get("status"),
    ),
    limits={"spot": LIMITS},
)  # fmt: skip
