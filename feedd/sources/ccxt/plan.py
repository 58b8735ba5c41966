"""The channels that a feed subscribes to, and those that are made of their messages. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from feedd.channels import CHANNELS
from feedd.errors import ConfigError, CredentialsError
from feedd.venues.market_type import market_type

if TYPE_CHECKING:
    from feedd.venues.contract import Venue


class Plan(NamedTuple):
    """What a feed publishes and subscribes to; `made_from` names the carrier of a channel."""

    published: tuple[str, ...]
    subscribed: tuple[str, ...]
    made_from: dict[str, str]

    @property
    def quotes_of_book(self) -> bool:
        """Whether quotes are the first level of the book."""
        return self.made_from.get("quote") == "book"


def plan(has: dict[str, Any], symbol: str, venue: Venue, channels: tuple[str, ...]) -> Plan:
    """Return what the channels are made of; `has` is ccxt's map of an exchange's methods."""
    made_from = {}
    for channel in channels:
        carrier = carrier_of(has, symbol, venue, channel)
        if carrier is not None:
            made_from[channel] = carrier
    subscribed = dict.fromkeys(made_from.get(channel, channel) for channel in channels)
    return Plan(channels, tuple(subscribed), made_from)


def carrier_of(has: dict[str, Any], symbol: str, venue: Venue, channel: str) -> str | None:
    """Return the channel whose messages contain a channel; None: it has messages of its own."""
    raw = venue.raw_channels.get(channel)
    if raw is not None:
        return raw.carrier
    if channel != "quote" or channel in venue.own_subscriptions:
        return None
    own = has.get(CHANNELS["quote"].ccxt_method or "")
    return (
        "book" if venue.quote_from == "book" or (not own and _serves(has, symbol, "book")) else None
    )


def lacking(
    has: dict[str, Any], symbol: str, channels: tuple[str, ...], venue: Venue
) -> tuple[str, list[str]]:
    """Return the first channel that can't be served, or "", and all that can."""
    served = [
        name
        for name in CHANNELS
        if name in venue.own_subscriptions
        or _serves(has, symbol, carrier_of(has, symbol, venue, name) or name)
    ]
    return next((channel for channel in channels if channel not in served), ""), served


def check_channels(
    exchange: str,
    has: dict[str, Any],
    symbol: str,
    channels: tuple[str, ...],
    venue: Venue,
    *,
    with_key: bool = True,
) -> None:
    """Raise ConfigError for a channel that an exchange lacks, with those that it has.

    Raises CredentialsError for one that needs an API key, where there is none.
    """
    channel, served = lacking(has, symbol, channels, venue)
    if channel:
        raise ConfigError(
            f"{exchange} has no {channel} of {symbol} in ccxt.pro; it has {', '.join(served)}"
        )
    for name in channels:
        if name in venue.needs_key and not with_key:
            raise CredentialsError(needs_key_text(exchange, name))


def needs_key_text(exchange: str, channel: str) -> str:
    """Return the text for a channel that is served with an API key only."""
    return f"{exchange} serves {channel} with an API key only, and none is set"


def _serves(has: dict[str, Any], symbol: str, channel: str) -> bool:
    spec = CHANNELS[channel]
    if spec.derivatives_only and market_type(symbol) == "spot":
        return False
    return bool(has.get(spec.ccxt_method or ""))
