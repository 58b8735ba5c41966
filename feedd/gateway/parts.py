"""Parts of the gateway that its HTTP handlers share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from feedd.gateway.feeds import Feeds
from feedd.gateway.sources import Sources

if TYPE_CHECKING:
    from feedd.gateway.candles import Candles
    from feedd.gateway.health_poll import HealthPoll
    from feedd.gateway.intake import Intake
    from feedd.gateway.metrics.metrics import Metrics
    from feedd.gateway.stream.hub import StreamHub
    from feedd.gateway.trends import Trends
    from feedd.transport.history_client import HistoryClient


@dataclass(frozen=True, slots=True)
class Parts:
    """What the handlers read; none of them changes anything."""

    intake: Intake
    health: HealthPoll
    stream: StreamHub
    candles: Candles
    trends: Trends
    history: HistoryClient
    metrics: Metrics
    started_ms: int  # since the epoch

    @property
    def sources(self) -> Sources:
        """Return the proxies, the recorder and the limits, as polled with the health."""
        latest = self.health.latest
        return Sources() if latest is None else latest.sources

    @property
    def feeds(self) -> Feeds:
        """Return the feeds of the configuration, and those whose statuses have arrived."""
        configured = [(feed.exchange, feed.symbol) for feed in self.health.config.feeds()]
        arrived = [(s.event.exchange, s.event.symbol) for s in self.intake.market.statuses()]
        return Feeds([*configured, *arrived])


PARTS = web.AppKey("parts", Parts)
