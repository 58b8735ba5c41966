"""Coinbase Exchange, as the ccxt source uses it.

https://docs.cdp.coinbase.com/exchange/websocket-feed/overview: `level2` needs an API key.
https://docs.cdp.coinbase.com/exchange/rest-api/rate-limits: 10 public requests a second.
"""

from __future__ import annotations

from feedd.venues.coinbaseexchange import messages
from feedd.venues.contract import ContiguousTrades, ListedEntries, RawChannel, Venue
from feedd.venues.limits import AddressLimits, share_of

VENUE = Venue(
    checked={"ticker": "whole", "trade": "sequence"},
    needs_key=frozenset({"book"}),
    raw_channels={
        "ticker": RawChannel(messages.tickers),
        "quote": RawChannel(messages.quotes, carrier="ticker"),
        "trade": RawChannel(messages.trades),
    },
    grows={"ticker": "timestamp", "quote": "timestamp"},
    trades=ContiguousTrades(messages.trades_request, messages.rest_trade),
    control_keys=messages.CONTROL_KEYS,
    refusal=messages.refusal,
    channel_of=messages.channel_of,
    resubscribe=messages.resubscribe,
    market_id_of=lambda message: message.get("product_id"),
    entries=ListedEntries(
        id=lambda entry: str(entry.get("id", "")),
        fault=lambda _entry: None,
        status=lambda entry: entry.get("status"),
    ),
    limits={
        "spot": AddressLimits(
            "coinbaseexchange", share_of(10, 1.0, 10), per_cost=None, unit="requests"
        )
    },
)
