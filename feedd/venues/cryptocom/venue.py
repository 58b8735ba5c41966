"""Crypto.com Exchange, as the ccxt source uses it."""

from __future__ import annotations

from feedd.books.streamed import StreamedBook
from feedd.venues.contract import (
    CheckedBook,
    ListedEntries,
    RawChannel,
    StreamedSnapshot,
    Venue,
)
from feedd.venues.cryptocom import book, control, parsers
from feedd.venues.cryptocom.limits import LIMITS

_ANY = Venue(
    # Ids of trades skip numbers.
    checked={"book": "sequence", "quote": "whole", "ticker": "whole", "candle": "whole"},
    requests={"book": control.book_request},
    raw_channels={
        "ticker": RawChannel(parsers.tickers),
        "quote": RawChannel(parsers.quotes, carrier="ticker"),
        "trade": RawChannel(parsers.trades),
    },
    grows={"ticker": "timestamp", "quote": "timestamp"},
    book=CheckedBook(
        rules=lambda depth: StreamedBook(
            next((limit for limit in book.LIMITS if limit >= depth), book.LIMITS[-1])
        ),
        parse=book.to_depth,
        snapshot=StreamedSnapshot(),
        limits=book.LIMITS,
    ),
    control_keys=control.CONTROL_KEYS,
    market_id_of=lambda message: message["result"]["instrument_name"],
    channel_of=control.channel_of,
    resubscribe=control.resubscribe,
    refuses=control.refuses,
    entries=ListedEntries(
        id=lambda entry: str(entry.get("symbol", "")),
        fault=lambda _entry: None,
        status=lambda _entry: None,
    ),
    limits={"spot": LIMITS, "linear": LIMITS},
)
# It has no inverse contracts.
VENUES = {"spot": _ANY, "linear": _ANY}
