"""Channels that have a connection of their own, as ccxt's clients show."""

from __future__ import annotations

import asyncio

import pytest

from feedd.channels import CHANNELS
from feedd.sources.ccxt.own_connections import with_own_connections
from feedd.sources.ccxt.tap import Subscribing, subscribing_to
from feedd.venues.contract import Venue

KNOWN = {"resubscribe": lambda _request, _new_id: [], "refuses": lambda _message, _request: False}


class Base:
    """ccxt's part."""

    def ws_dial_delay(self, url: str) -> str:
        return url


@pytest.mark.parametrize(
    ("venue", "own"),
    [
        (Venue(), set(CHANNELS)),
        (Venue(resubscribe=KNOWN["resubscribe"]), set(CHANNELS)),  # type: ignore[arg-type]
        (Venue(**KNOWN), set()),  # type: ignore[arg-type]
        (Venue(**KNOWN, own_connections=frozenset({"quote"})), {"quote"}),  # type: ignore[arg-type]
    ],
)
def test_a_channel_has_a_url_of_its_own_where_its_failures_would_harm_others(
    venue: Venue, own: set[str]
) -> None:
    exchange = with_own_connections(Base, venue)()
    url = "wss://x.example/ws?token=5"

    def urls(channel: str) -> tuple[str, str]:
        subscribing_to.set(Subscribing(channel, None))
        return exchange.own_url(url), exchange.ws_dial_delay(url)

    async def run() -> None:
        for channel in CHANNELS:
            expected = f"{url}#{channel}" if channel in own else url
            assert urls(channel) == (expected, expected)
            assert exchange.own_url(expected) == expected

    asyncio.run(run())
    assert exchange.own_url(url) == url  # of a request that belongs to no channel
