"""OKX's spot, swap, future and option markets, as the ccxt source uses them.

ccxt also makes quotes of the tickers' messages, which are older than those of `bbo-tbt`; feedd
reads every message itself, so that each channel has its own only.
"""

from __future__ import annotations

from feedd.venues.contract import (
    CheckedBook,
    ContiguousTrades,
    ListedEntries,
    RawChannel,
    StreamedSnapshot,
    Venue,
)
from feedd.venues.okx import book, control, listing, parsers
from feedd.venues.okx.checked import CHECKED, GROWS
from feedd.venues.okx.limits import LIMITS
from feedd.venues.okx.market_ids import listed_type

VENUE = Venue(
    checked=CHECKED,
    needs_currencies=lambda _symbol: False,
    one_market_type=True,
    market_lists=("spot", "swap", "future", "option"),
    market_list=listed_type,
    lists_nothing=listing.lists_nothing,
    # https://www.okx.com/docs-v5/en/#order-book-trading-market-data-ws-order-book-channel: `books`
    # has 400 levels; the channels with other numbers have no ids, or need a VIP level.
    watch_params={"quote": {"channel": "bbo-tbt"}, "book": {"depth": "books"}},
    grows=GROWS,
    raw_channels={
        "ticker": RawChannel(parsers.tickers),
        "quote": RawChannel(parsers.quotes),
        "trade": RawChannel(parsers.trades),
        "candle": RawChannel(parsers.candles),
        "mark": RawChannel(parsers.marks),
        "liquidation": RawChannel(parsers.liquidations, select=parsers.liquidations_of),
    },
    book=CheckedBook(
        rules=lambda _depth: book.OkxBook(),
        parse=book.to_depth,
        snapshot=StreamedSnapshot(),
        # At an unsubscription, ccxt would reject the call that is waiting for its own book.
        disabled_handlers=("handle_unsubscription",),
    ),
    trades=ContiguousTrades(
        parsers.trades_request, parsers.rest_trade_with_id, lambda answer: answer["data"]
    ),
    control_keys=control.CONTROL_KEYS,
    market_id_of=control.market_id_of,
    channel_of=control.channel_of,
    resubscribe=control.resubscribe,
    refuses=control.refuses,
    entries=ListedEntries(listing.entry_id, listing.entry_fault, listing.entry_status),
    limits={"spot": LIMITS, "linear": LIMITS, "inverse": LIMITS},
)
