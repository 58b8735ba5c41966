"""Bybit v5, as the ccxt source uses it.

A message of `publicTrade` has at most 1,024 trades
(https://bybit-exchange.github.io/docs/v5/websocket/public/trade).
"""

from __future__ import annotations

from msgspec.structs import replace

from feedd.books.streamed import StreamedBook
from feedd.venues.bybit import book, checked, control
from feedd.venues.bybit.limits import LIMITS
from feedd.venues.bybit.raw_channels import RAW_CHANNELS
from feedd.venues.contract import CheckedBook, ListedEntries, StreamedSnapshot, Venue

_ANY = Venue(
    checked=checked.CONTRACTS,
    one_market_type=True,
    # Without such markets: {"retCode":0,"retMsg":"OK","result":{"category":"spot","list":[]}}
    lists_nothing=lambda answer: answer["retCode"] == 0 and answer["result"]["list"] == [],
    # https://bybit-exchange.github.io/docs/v5/websocket/public/orderbook: `orderbook.1` repeats its
    # last message, with the same u, after 3 s without a change.
    quote_id=lambda message: message["data"]["u"],
    grows=checked.GROWS,
    raw_channels=RAW_CHANNELS,
    book=CheckedBook(
        rules=lambda _depth: StreamedBook(),
        parse=book.to_depth,
        snapshot=StreamedSnapshot(),
        limits=book.LIMITS,
    ),
    ticker_is_snapshot=lambda message: message.get("type") == "snapshot",
    control_keys=control.CONTROL_KEYS,
    channel_of=control.channel_of,
    resubscribe=control.resubscribe,
    refuses=control.refuses,
    market_id_of=lambda message: str(message.get("topic")).rpartition(".")[2],
    entries=ListedEntries(
        id=lambda entry: str(entry.get("symbol", "")),
        fault=lambda _entry: None,
        status=lambda entry: entry.get("status"),
    ),
    limits={"spot": LIMITS, "linear": LIMITS, "inverse": LIMITS},
)
VENUES = {
    "spot": replace(_ANY, checked=checked.SPOT, grows=checked.SPOT_GROWS),
    "linear": _ANY,
    "inverse": _ANY,
}
