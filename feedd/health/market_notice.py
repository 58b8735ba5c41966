"""Notice that a configuration's prices are not an exchange's."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from feedd.config.settings import Config

INVENTED = "invented prices: the embedded exchange generates them"
RECORDED = "recorded prices: the embedded exchange plays files; what they lack may be invented"
_HERE = frozenset({"127.0.0.1", "localhost", "::1"})


def market_notice(config: Config) -> str | None:
    """Return the notice if live feeds read from the embedded exchange; None if they do not."""
    exchange = config.embedded_exchange
    if exchange is None or all(feed.source == "replay" for feed in config.feeds()):
        return None
    if config.endpoint is not None:
        address = urlsplit(config.endpoint)
        if address.hostname not in _HERE or address.port != exchange.port:
            return None
    return RECORDED if exchange.recording else INVENTED
