"""The origin of the tickers' bid and ask that a feed's source can serve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.channels import CHANNELS
from feedd.venues.checks import quote_origin
from feedd.venues.native import native_market
from feedd.venues.registry import market_type_on, venue

if TYPE_CHECKING:
    from feedd.config.settings import Feed
    from feedd.model import BidAsk


def served_bid_ask(
    wanted: BidAsk, feed: Feed, *, with_key: bool = False
) -> tuple[BidAsk, str | None]:
    """Return the origin of bid and ask, and one line where it is not the wanted one.

    Where the exchange has no such channel of its own, or none without an API key, bid and ask are
    those in its tickers. Raises ConfigError where the source does not serve the exchange or the
    symbol.
    """
    asked = "ticker" in feed.channels and feed.source != "replay" and wanted in {"quote", "book"}
    if not asked:
        return wanted, None
    lacks = not _has_its_own(wanted, feed)
    if not lacks and (with_key or not _needs_key(wanted, feed)):
        return wanted, None
    what = "quotes of its own" if wanted == "quote" else "book"
    without = "" if lacks else " without an API key"
    market = market_type_on(feed.exchange, feed.symbol)
    return "ticker", (
        f"{feed.exchange} ({market}) has no {what}{without}: its tickers keep their own bid and "
        f"ask (bid_ask: ticker)"
    )


def _needs_key(channel: str, feed: Feed) -> bool:
    # The native source does not load what describes a venue to the ccxt source.
    return feed.source == "ccxt" and channel in venue(feed.exchange, feed.symbol).needs_key


def _has_its_own(channel: str, feed: Feed) -> bool:
    if feed.source == "native":
        return channel in native_market(feed.exchange, feed.symbol).channels
    described = venue(feed.exchange, feed.symbol)
    if channel == "quote" and quote_origin(described) != "quote":
        return False
    from feedd.sources.ccxt.served_methods import served_methods  # noqa: PLC0415  it imports ccxt

    methods = served_methods(feed.exchange, feed.symbol)
    return bool(methods.get(CHANNELS[channel].ccxt_method or ""))
