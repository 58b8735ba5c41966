"""Metrics: the readers that count, and the readings for a generation."""

from __future__ import annotations

import asyncio
import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from feedd.errors import ConfigError
from feedd.gateway.metrics.feed_totals import FeedTotals
from feedd.gateway.metrics.readings import GatewayReading, Readings, read_statuses
from feedd.gateway.metrics.saved_totals import FILE, read_saved, write_saved
from feedd.gateway.metrics.scrapes import Scrapes
from feedd.gateway.sources import Sources
from feedd.topics import topic

if TYPE_CHECKING:
    from concurrent.futures import Future

    from feedd.config.settings import Config
    from feedd.gateway.health_poll import HealthPoll, PolledHealth
    from feedd.gateway.intake import Intake
    from feedd.gateway.metrics.feed_totals import FollowedFeed, SavedFeed
    from feedd.gateway.notifications.webhook import Webhook
    from feedd.gateway.stream.hub import StreamHub


CHANGES_EVERY_S = 2.0
SAVE_EVERY_S = 60.0
LAST_SAVE_WITHIN_S = 1.0  # supervisord waits 3 s for the whole process

_log = structlog.get_logger()


class Metrics:
    """Counts that outlast the gateway's restarts; `scrapes` has the metrics."""

    def __init__(
        self,
        intake: Intake,
        health: HealthPoll,
        hub: StreamHub,
        started_ms: int,
        webhook: Webhook | None = None,
    ) -> None:
        self._file = Path(health.config.run_dir, FILE)
        self.totals = FeedTotals(read_saved(self._file))
        self.scrapes = Scrapes(self.read)
        self._intake = intake
        self._health = health
        self._hub = hub
        self._webhook = webhook
        self._started_ms = started_ms
        self._config: Config | None = None
        self._thread = ThreadPoolExecutor(1, "metrics-file")
        self._written = True  # a failure is logged once
        intake.readers.append(self.totals)
        health.readers.append(self._follow)
        self._follow()

    def read(self) -> Readings:
        """Return the readings of now."""
        polled = self._health.latest
        market, webhook = self._intake.market, self._webhook
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
                notifications=None if webhook is None else replace(webhook.counts),
                notifications_waiting=None if webhook is None else webhook.waiting,
            ),
            report=None if polled is None else polled.report,
            report_s=0.0 if polled is None else polled.at_s,
            sources=Sources() if polled is None else polled.sources,
        )

    async def keep(self) -> None:
        """Save the totals until cancelled: soon after a restart or a gap, else each minute."""
        saved_s = time.monotonic()
        try:
            while True:
                await asyncio.sleep(CHANGES_EVERY_S)
                changed = any(feed.changed for feed in self.totals.feeds.values())
                if changed or time.monotonic() - saved_s > SAVE_EVERY_S:
                    saved_s = time.monotonic()
                    await asyncio.wrap_future(self._save())
        finally:
            with contextlib.suppress(TimeoutError):
                self._save().result(LAST_SAVE_WITHIN_S)

    def _save(self) -> Future[None]:
        """Save the totals of now, in a thread and in the order of the calls."""
        for feed in self.totals.feeds.values():
            feed.changed = False
        feeds = {name: feed.copy() for name, feed in self.totals.feeds.items()}
        return self._thread.submit(self._write, feeds, dict(self.totals.earlier))

    def _write(self, feeds: dict[str, FollowedFeed], earlier: dict[str, SavedFeed]) -> None:
        try:
            write_saved(feeds, earlier, self._file)
        except ConfigError as error:
            if self._written:
                _log.warning("can't save the counters of the metrics", why=str(error))
            self._written = False
        else:
            self._written = True

    def _follow(self, _polled: PolledHealth | None = None) -> None:
        if self._config is not self._health.config:
            self._config = self._health.config
            feeds = self._config.feeds()
            self.totals.follow(topic("", feed.exchange, feed.symbol)[1:] for feed in feeds)
