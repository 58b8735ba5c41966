"""Metrics: the readers that count, and the readings for a generation."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from feedd.gateway.metrics.feed_totals import FeedTotals
from feedd.gateway.metrics.readings import GatewayReading, Readings, read_statuses
from feedd.gateway.metrics.scrapes import Scrapes
from feedd.gateway.sources import Sources
from feedd.topics import topic

if TYPE_CHECKING:
    from feedd.config.settings import Config
    from feedd.gateway.health_poll import HealthPoll, PolledHealth
    from feedd.gateway.intake import Intake
    from feedd.gateway.stream.hub import StreamHub


class Metrics:
    """Counts from the gateway's start on; `scrapes` has the metrics."""

    def __init__(self, intake: Intake, health: HealthPoll, hub: StreamHub, started_ms: int) -> None:
        self.totals = FeedTotals()
        self.scrapes = Scrapes(self.read)
        self._intake = intake
        self._health = health
        self._hub = hub
        self._started_ms = started_ms
        self._config: Config | None = None
        intake.readers.append(self.totals)
        health.readers.append(self._follow)
        self._follow()

    def read(self) -> Readings:
        """Return the readings of now."""
        polled = self._health.latest
        market = self._intake.market
        now_s = time.monotonic()
        return Readings(
            now_s=now_s,
            feeds=self._health.config.feeds(),
            statuses=read_statuses(self.totals, market),
            gateway=GatewayReading(
                started_ms=self._started_ms,
                behind_ms=self._hub.behind_ms(now_s, time.time_ns()),
                stream_clients=len(self._hub.clients),
                stream_waiting=self._hub.waiting,
                stream_missed=self._hub.missed,
                topics=len(market.topics),
                lost=dict(self.totals.lost),
                scrapes=dict(self.scrapes.results),
                scrape_s=self.scrapes.took_s,
            ),
            report=None if polled is None else polled.report,
            report_s=0.0 if polled is None else polled.at_s,
            sources=Sources() if polled is None else polled.sources,
        )

    def _follow(self, _polled: PolledHealth | None = None) -> None:
        if self._config is not self._health.config:
            self._config = self._health.config
            feeds = self._config.feeds()
            self.totals.follow(topic("", feed.exchange, feed.symbol)[1:] for feed in feeds)
