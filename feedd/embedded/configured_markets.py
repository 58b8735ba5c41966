"""The markets that a configuration has the embedded exchange serve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.clock import Clock
from feedd.embedded.binance.configured import binance_markets
from feedd.embedded.bybit.served import bybit
from feedd.embedded.generated import GeneratedBybitSpot, GeneratedInverse, GeneratedLinear
from feedd.embedded.played.configured import played_markets

if TYPE_CHECKING:
    from collections.abc import Iterable

    from feedd.config.settings import EmbeddedExchange, Feed
    from feedd.embedded.served_market import ServedMarket


def configured_markets(
    settings: EmbeddedExchange, feeds: Iterable[Feed] = ()
) -> tuple[ServedMarket, ...]:
    """Build the markets of a configuration with these feeds.

    Raises ConfigError for a recording that can't be played, or that lacks a feed.
    """
    feeds = tuple(feeds)
    played, settings = played_markets(settings, feeds)
    return (
        *played,
        *binance_markets(settings, feeds),
        *(
            bybit(market(Clock(), settings.seed, settings.rate, bursts=settings.bursts))
            for market in (GeneratedLinear, GeneratedInverse, GeneratedBybitSpot)
        ),
    )
