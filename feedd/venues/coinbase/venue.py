"""Coinbase Advanced Trade, as the ccxt source uses it."""

from __future__ import annotations

from feedd.books.ordered import OrderedBook
from feedd.venues.coinbase import book, control, parsers
from feedd.venues.coinbase.limits import LIMITS
from feedd.venues.contract import (
    CheckedBook,
    ContiguousTrades,
    ListedEntries,
    RawChannel,
    StreamedSnapshot,
    Venue,
)

VENUE = Venue(
    checked={"ticker": "sequence", "trade": "sequence", "book": "sequence"},
    raw_channels={
        "ticker": RawChannel(parsers.tickers),
        "quote": RawChannel(parsers.quotes, carrier="ticker"),
        "trade": RawChannel(parsers.trades),
    },
    grows={"ticker": "timestamp", "quote": "timestamp"},
    book=CheckedBook(
        rules=lambda _depth: OrderedBook(),
        parse=book.to_depth,
        snapshot=StreamedSnapshot(),
        # ccxt's relates each answer to a request of its own, which it did not send.
        disabled_handlers=("handle_subscription_status",),
    ),
    trades=ContiguousTrades(parsers.trades_request, parsers.rest_trade, parsers.trade_rows),
    opening=control.OPENING,
    control_keys=control.CONTROL_KEYS,
    refusal=control.refusal,
    refuses=control.refuses,
    channel_of=control.channel_of,
    connection_sequence=control.sequence_of,
    resubscribe=control.resubscribe,
    market_id_of=control.product_of,
    is_same_market=control.is_same_market,
    entries=ListedEntries(
        id=lambda entry: str(entry.get("product_id", "")),
        fault=lambda _entry: None,
        status=lambda entry: entry.get("status"),
    ),
    limits={"spot": LIMITS, "linear": LIMITS},
)
