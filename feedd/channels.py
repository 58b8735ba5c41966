"""The table of channels: one row for each, with everything about it that no exchange decides.

feedd derives from it the names that a configuration accepts, the staleness limits, the columns of
exported tables and the identity of events in an audit.
docs/adding-a-channel.md lists the steps around it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from feedd import model
from feedd.clock import NS_PER_HOUR, NS_PER_S

_QUOTE, _BASE, _MS = "quote currency", "base currency", "ms since 1970-01-01 UTC"
_LEVELS = "price, size: quote, base currency"


class SilenceLimits(NamedTuple):
    """Bounds, in ns, of the silence after which a channel is stale (`feedd.feed.staleness`).

    `first_ns` applies until the usual silences are known. From then on the limit follows them,
    between `floor_ns` and `ceiling_ns`.
    """

    floor_ns: int
    first_ns: int
    ceiling_ns: int


class ChannelSpec(NamedTuple):
    """One channel.

    `key` names the payload fields that identify an event, and `content` those that an audit
    compares exactly besides.
    """

    event: type[model.Tick]
    silence: SilenceLimits
    ccxt_method: str | None  # in an exchange's `has`; None: ccxt has no method for it
    key: tuple[str, ...]
    content: tuple[str, ...]
    units: dict[str, str]  # of the channel's own numeric fields
    sparse: bool = False  # silent while the market is: live from its subscription on
    derivatives_only: bool = False
    key_grows: bool = False  # on every exchange, the key is a number that grows
    key_repeats: bool = False  # two events may have the same key, one after the other
    is_state: bool = False  # a new session may publish the newest event again


# Where an exchange sends at fixed intervals, the floor is a few of them (a ticker
# every 2 s, a mark price every 1 or 3 s; a candle while there are trades).
_MARKET_DATA = SilenceLimits(10 * NS_PER_S, 30 * NS_PER_S, 300 * NS_PER_S)
_TRADED = SilenceLimits(60 * NS_PER_S, 600 * NS_PER_S, NS_PER_HOUR)

CHANNELS: dict[str, ChannelSpec] = {
    spec.event.channel: spec
    for spec in (
        ChannelSpec(
            model.Ticker,
            SilenceLimits(10 * NS_PER_S, 30 * NS_PER_S, 120 * NS_PER_S),
            "watchTicker",
            key=("timestamp", "last", "volume", "high", "low", "change_percent"),
            content=(),
            units={
                "bid": _QUOTE, "ask": _QUOTE, "last": _QUOTE, "volume": _BASE, "high": _QUOTE,
                "low": _QUOTE, "change_percent": "%", "spread": _QUOTE,
            },
            is_state=True,
        ),
        ChannelSpec(
            model.Quote,
            _MARKET_DATA,
            "watchBidsAsks",
            key=("id",),
            content=("bid", "bid_size", "ask", "ask_size"),
            units={"bid": _QUOTE, "bid_size": _BASE, "ask": _QUOTE, "ask_size": _BASE},
            key_grows=True,
            is_state=True,
        ),
        ChannelSpec(
            model.Trade,
            _TRADED,
            "watchTrades",
            key=("id",),
            content=("price", "size", "side"),
            units={"price": _QUOTE, "size": _BASE},
            sparse=True,
        ),
        ChannelSpec(
            model.Book,
            _MARKET_DATA,
            "watchOrderBook",
            key=("id",),
            content=(),  # an audit applies the exchange's updates itself and compares the levels
            units={"bids": _LEVELS, "asks": _LEVELS},
            key_grows=True,
            is_state=True,
        ),
        ChannelSpec(
            model.Candle,
            _TRADED,
            "watchOHLCV",
            key=("timestamp", "open_time", "closed"),
            content=("open", "high", "low", "close", "volume"),
            units={
                "open_time": _MS, "open": _QUOTE, "high": _QUOTE, "low": _QUOTE, "close": _QUOTE,
                "volume": _BASE,
            },
            sparse=True,
            is_state=True,
        ),
        ChannelSpec(
            model.Mark,
            SilenceLimits(15 * NS_PER_S, 30 * NS_PER_S, 120 * NS_PER_S),
            "watchMarkPrice",
            key=("timestamp",),
            content=("mark_price", "index_price", "funding_rate", "next_funding"),
            units={
                "mark_price": _QUOTE, "index_price": _QUOTE,
                "funding_rate": "fraction per funding interval", "next_funding": _MS,
            },
            derivatives_only=True,
            key_grows=True,
            is_state=True,
        ),
        ChannelSpec(
            model.Liquidation,
            SilenceLimits(24 * NS_PER_HOUR, 24 * NS_PER_HOUR, 7 * 24 * NS_PER_HOUR),
            "watchLiquidations",
            key=("timestamp", "side", "price", "size"),
            content=(),
            units={"price": _QUOTE, "size": _BASE},
            sparse=True,
            derivatives_only=True,
            key_repeats=True,
        ),
    )
}  # fmt: skip

CHANNEL_NAMES = tuple(CHANNELS)

if TYPE_CHECKING:  # a type checker can't read a Literal of names that are computed
    ChannelName = str
else:
    ChannelName = Literal[CHANNEL_NAMES]

_without_row = [
    event.__name__ for event in get_args(model.Tick) if event.channel not in CHANNELS
]  # fmt: skip
if _without_row:
    raise TypeError(f"feedd.channels has no row for {', '.join(_without_row)} of feedd.model.Tick")
