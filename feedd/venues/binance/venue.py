"""Binance spot, USD-M and COIN-M, as the ccxt source uses them."""

from __future__ import annotations

from operator import itemgetter

from msgspec.structs import replace

from feedd.books.diff import DiffBook
from feedd.venues.binance import book, control, listing, parsers
from feedd.venues.binance.checked import CHECKED
from feedd.venues.binance.limits import LIMITS, ROTATE_AFTER_S
from feedd.venues.binance.raw_channels import COINM_CHANNELS, RAW_CHANNELS, market_id_of
from feedd.venues.contract import (
    CheckedBook,
    ContiguousTrades,
    ListedEntries,
    RequestedSnapshot,
    Venue,
)

_ANY = Venue(
    ccxt_options={
        "fetchCurrencies": False,  # with a key, load_markets would request two signed pages first
        # One connection each for /public and /market: every call would open its own.
        "streamLimits": {"spot": 1, "margin": 1, "linear": 1, "inverse": 1},
    },
    watch_params={"ticker": {"name": "ticker"}},  # default: miniTicker, without change_percent
    one_market_type=True,
    rotate_after_s=ROTATE_AFTER_S,
    announces_close=control.announces_close,
    quote_id=itemgetter("u"),
    raw_channels=RAW_CHANNELS,
    checked=CHECKED,
    book=CheckedBook(
        rules=DiffBook,
        parse=book.to_update,
        snapshot=RequestedSnapshot(book.snapshot_request, book.to_snapshot),
        # ccxt would fetch a snapshot of its own at every acknowledgement.
        disabled_handlers=("handle_order_book_subscription",),
    ),
    trades=ContiguousTrades(parsers.trades_request, parsers.rest_trade_with_id),
    control_keys=control.CONTROL_KEYS,
    refusal=control.flat_refusal,
    market_id_of=market_id_of,
    channel_of=control.channel_of,
    resubscribe=control.resubscribe,
    refuses=control.refuses,
    entries=ListedEntries(listing.entry_id, listing.entry_fault, listing.entry_status),
    limits=LIMITS,
)
VENUES = {
    "spot": _ANY,
    "linear": _ANY,
    "inverse": replace(_ANY, raw_channels=COINM_CHANNELS),
}
