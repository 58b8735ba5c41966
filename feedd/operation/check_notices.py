"""Notices of the channels in which a lost message would not show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.venues.checks import checks, unchecked_notice
from feedd.venues.native import native_market
from feedd.venues.registry import venue

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from feedd.config.settings import Feed
    from feedd.model import Checked


def check_notices(feeds: Iterable[Feed]) -> list[str]:
    """Return a line for each exchange and set of channels that live feeds receive unchecked."""
    notices = (
        unchecked_notice(feed.exchange, feed.channels, _checks_of(feed))
        for feed in feeds
        if feed.source != "replay"
    )
    return list(dict.fromkeys(notice for notice in notices if notice is not None))


def _checks_of(feed: Feed) -> Mapping[str, Checked]:
    if feed.source == "native":
        return native_market(feed.exchange, feed.symbol).checked
    return checks(venue(feed.exchange, feed.symbol))
