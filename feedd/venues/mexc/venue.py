"""MEXC spot, as the ccxt source uses it: feedd decodes the binary frames itself.

Its contracts are served on another host, in JSON; what ccxt makes of them stays as it is.
"""

from __future__ import annotations

from feedd.books.diff import DiffBook
from feedd.venues.contract import (
    CheckedBook,
    ListedEntries,
    RawChannel,
    RequestedSnapshot,
    Venue,
)
from feedd.venues.mexc import book, control, parsers, wire
from feedd.venues.mexc.limits import CONTRACT_LIMITS, LIMITS

SPOT = Venue(
    # Trades have no ids.
    checked={"book": "sequence", "quote": "whole", "ticker": "whole", "candle": "whole"},
    requests={"ticker": control.ticker_request},
    raw_channels={
        "ticker": RawChannel(parsers.tickers),
        "quote": RawChannel(parsers.quotes),
        "trade": RawChannel(parsers.trades),
        "candle": RawChannel(parsers.candles),
    },
    grows={"ticker": "timestamp", "quote": "timestamp"},
    book=CheckedBook(
        rules=DiffBook,
        parse=book.to_update,
        snapshot=RequestedSnapshot(book.snapshot_request, book.to_snapshot),
    ),
    decode=wire.decode,
    control_keys=control.CONTROL_KEYS,
    refusal=control.refusal,
    market_id_of=lambda message: message["symbol"],
    channel_of=control.channel_of,
    resubscribe=control.resubscribe,
    refuses=control.refuses,
    entries=ListedEntries(
        id=lambda entry: str(entry.get("symbol", "")),
        fault=lambda _entry: None,
        status=lambda entry: entry.get("status"),
    ),
    limits={"spot": LIMITS},
)
_CONTRACTS = Venue(limits={"linear": CONTRACT_LIMITS, "inverse": CONTRACT_LIMITS})
VENUES = {"spot": SPOT, "linear": _CONTRACTS, "inverse": _CONTRACTS}
