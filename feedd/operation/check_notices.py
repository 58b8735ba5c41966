"""Notices of what an exchange lacks: checks of its channels, quotes for its tickers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.config.credentials import credentials
from feedd.sources.bid_ask import served_bid_ask
from feedd.venues.checks import checks, shallow_notice, unchecked_notice
from feedd.venues.native import native_market
from feedd.venues.registry import venue

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from feedd.config.settings import Config, Feed
    from feedd.model import Checked


def check_notices(
    settings: Config, feeds: Iterable[Feed], environment: Mapping[str, str]
) -> list[str]:
    """Return lines on the channels that live feeds receive unchecked, and on replaced settings.

    Feeds of the same exchange and channels share them.
    """
    notices: dict[str | None, None] = {}
    for feed in feeds:
        if feed.source != "replay":
            with_key = credentials(feed.exchange, environment) is not None
            notices[served_bid_ask(settings.bid_ask, feed, with_key=with_key)[1]] = None
            every_s = settings.compare_books_every_s if feed.source == "ccxt" else 0.0
            notice = unchecked_notice(feed.exchange, feed.channels, _checks_of(feed), every_s)
            notices[notice] = None
            if feed.source == "ccxt":
                described = venue(feed.exchange, feed.symbol)
                notices[
                    shallow_notice(feed.exchange, feed.channels, described, settings.book_depth)
                ] = None
    return [notice for notice in notices if notice is not None]


def _checks_of(feed: Feed) -> Mapping[str, Checked]:
    if feed.source == "native":
        return native_market(feed.exchange, feed.symbol).checked
    return checks(venue(feed.exchange, feed.symbol))
