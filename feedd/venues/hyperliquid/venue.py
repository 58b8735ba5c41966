"""Hyperliquid's perpetual and spot markets, as the ccxt source uses them.

ccxt has no method for its quotes, which have a stream of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from feedd.books.whole import WholeBook
from feedd.venues.contract import (
    CheckedBook,
    ListedEntries,
    OwnSubscription,
    RawChannel,
    StreamedSnapshot,
    Venue,
)
from feedd.venues.hyperliquid import book, control, listing, parsers
from feedd.venues.hyperliquid.checked import CHECKED, GROWS, SPOT_CHECKED
from feedd.venues.hyperliquid.limits import LIMITS
from feedd.venues.hyperliquid.market_ids import listed_type

if TYPE_CHECKING:
    from collections.abc import Mapping


def _quotes(market: Mapping[str, Any]) -> dict[str, Any]:
    """Return `{"method":"subscribe","subscription":{"type":"bbo","coin":"BTC"}}`."""
    coin = market["baseName"] if market["swap"] else market["id"]
    return {"method": "subscribe", "subscription": {"type": "bbo", "coin": coin}}


SPOT = Venue(
    checked=SPOT_CHECKED,
    one_market_type=True,
    market_lists=("swap", "spot", "hip3"),
    market_list=listed_type,
    # Perpetuals of other operators are quoted in a currency that only that list names.
    needs_currencies=lambda symbol: listed_type(symbol) == "hip3",
    own_subscriptions={"quote": OwnSubscription(("ws", "public"), _quotes)},
    grows=GROWS,
    raw_channels={
        "ticker": RawChannel(parsers.tickers),
        "quote": RawChannel(parsers.quotes),
        "trade": RawChannel(parsers.trades),
        "candle": RawChannel(parsers.candles),
    },
    book=CheckedBook(
        rules=lambda _depth: WholeBook(),
        parse=book.to_depth,
        snapshot=StreamedSnapshot(),
        # At an unsubscription, ccxt would reject the call that is waiting for its own book.
        disabled_handlers=("handle_subscription_response",),
    ),
    control_keys=control.CONTROL_KEYS,
    market_id_of=control.coin_of,
    channel_of=control.channel_of,
    resubscribe=control.resubscribe,
    refuses=control.refuses,
    entries=ListedEntries(listing.entry_id, listing.entry_fault, listing.entry_status),
    limits={"spot": LIMITS, "linear": LIMITS, "inverse": LIMITS},
)
LINEAR = replace(
    SPOT,
    checked=CHECKED,
    raw_channels={**SPOT.raw_channels, "mark": RawChannel(parsers.marks, carrier="ticker")},
    market_key="baseName",
)
VENUES = {"spot": SPOT, "linear": LINEAR}
