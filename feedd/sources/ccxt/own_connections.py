"""ccxt's class with a connection of its own for each of some channels.

ccxt has one client for each URL, with its hashes of messages. With a fragment, which is not sent,
a URL is another one: channels with one hash do not disturb each other, and a connection can be
replaced without a loss for others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from feedd.channels import CHANNELS
from feedd.sources.ccxt.tap import subscribing_to

if TYPE_CHECKING:
    from feedd.venues.contract import Venue


def with_own_connections(base: Any, venue: Venue) -> Any:
    """Return ccxt's class that adds a channel to the URL that it is subscribed to on.

    These are the venue's `own_connections`; all channels, where its messages for subscribing again
    are not known, or which of the channels it refuses.
    """
    alone = venue.resubscribe is None or venue.refuses is None
    own = frozenset(CHANNELS) if alone else venue.own_connections

    class Owning(base):  # type: ignore[misc]
        def own_url(self, url: str) -> str:
            subscribing = subscribing_to.get()
            if subscribing is None or subscribing.channel not in own or "#" in url:
                return url
            return f"{url}#{subscribing.channel}"

        def ws_dial_delay(self, url: str) -> Any:
            return super().ws_dial_delay(self.own_url(url))

    return Owning
