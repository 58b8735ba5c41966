"""Bitfinex v2, as the ccxt source uses it."""

from __future__ import annotations

from feedd.venues.bitfinex import book, control, parsers
from feedd.venues.bitfinex.limits import LIMITS
from feedd.venues.contract import CheckedBook, RawChannel, StreamedSnapshot, Venue

_ANY = Venue(
    # Every message of a connection has its number; a book also has a checksum.
    checked={"book": "checksum", "trade": "sequence", "ticker": "sequence", "candle": "sequence"},
    # The sizes in a ticker are sums of 25 levels.
    quote_from="book",
    ccxt_options={"checksum": False},  # ccxt would change the flags of `opening`
    raw_channels={
        "ticker": RawChannel(parsers.tickers),
        "trade": RawChannel(parsers.trades),
        "candle": RawChannel(parsers.candles),
    },
    book=CheckedBook(
        rules=book.rules,
        parse=book.to_depth,
        snapshot=StreamedSnapshot(),
        limits=book.LIMITS,
        checked_levels=book.CHECKED,
        # ccxt's fails where it did not end the subscription itself.
        disabled_handlers=("handle_unsubscription_status",),
        reads_text=True,
    ),
    opening=control.OPENING,
    control_keys=control.CONTROL_KEYS,
    refusal=control.refusal,
    router=control.Router,
    connection_sequence=control.sequence_of,
    # Without an answer to the subscription there is no chanId to end it by.
    resubscribe=lambda request, new_id: control.Router().resubscribe(request, new_id),
    refuses=control.refuses,
    limits={"spot": LIMITS, "linear": LIMITS},
)
# It has no inverse contracts.
VENUES = {"spot": _ANY, "linear": _ANY}
