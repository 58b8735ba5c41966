"""Collector of all families, as prometheus_client's registries take it. Pure: from readings."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from prometheus_client.registry import Collector

import feedd
from feedd.gateway.metrics import definitions as d
from feedd.gateway.metrics.families import NO_LABELS, Family, Labels
from feedd.gateway.metrics.feed_families import MS_PER_S, feed_families
from feedd.gateway.metrics.process_families import process_families
from feedd.gateway.metrics.readings import MAX_FEEDS
from feedd.gateway.metrics.source_families import source_families

if TYPE_CHECKING:
    from collections.abc import Iterator

    from feedd.gateway.metrics.readings import Readings

MAX_NAME = 200  # characters of a feed's exchange and symbol


class ReadingsCollector(Collector):
    """The families of one set of readings.

    The cardinality is bounded: series are written of MAX_FEEDS feeds of the configuration, of the
    known channels and states, and of fixed classes of reasons.
    """

    def __init__(self, readings: Readings) -> None:
        self._readings = readings

    def collect(self) -> Iterator[Family]:
        """Yield each family once."""
        readings = self._readings
        fitting = [f for f in readings.feeds if len(f.exchange) + len(f.symbol) <= MAX_NAME]
        feeds = fitting[:MAX_FEEDS]
        written = {feed.name for feed in feeds}
        left_out = {feed.name for feed in readings.feeds} - written
        yield _build_info()
        yield from feed_families(readings, feeds)
        yield from process_families(readings, left_out)
        if readings.fresh_report is not None:
            yield from source_families(readings.sources)
        yield from _gateway(readings, len(left_out))


def _build_info() -> Family:
    family = Family(d.BUILD_INFO)
    family.add(Labels(version=feedd.__version__, python=platform.python_version()), 1.0)
    return family


def _gateway(readings: Readings, omitted: int) -> Iterator[Family]:
    gateway = readings.gateway
    lost, scrapes = Family(d.GATEWAY_GAPS), Family(d.SCRAPES)
    for reason, count in sorted(gateway.lost.items()):
        lost.add(Labels(reason=reason), count)
    for result, count in sorted(gateway.scrapes.items()):
        scrapes.add(Labels(result=result), count)
    notifications = Family(d.NOTIFICATIONS)
    sent = gateway.notifications
    if sent is not None:
        notifications.add(Labels(result="delivered"), sent.delivered)
        notifications.add(Labels(result="undelivered"), sent.undelivered)
    yield from (lost, scrapes, notifications)
    for definition, value in (
        (d.GATEWAY_START, gateway.started_ms / MS_PER_S),
        (d.GATEWAY_BEHIND, None if gateway.behind_ms is None else gateway.behind_ms / MS_PER_S),
        (d.GATEWAY_TOPICS, gateway.topics),
        (d.STREAM_CLIENTS, gateway.stream_clients),
        (d.STREAM_WAITING, gateway.stream_waiting),
        (d.STREAM_MISSED, gateway.stream_missed),
        (d.NOTIFICATIONS_WAITING, gateway.notifications_waiting),
        (d.WEBHOOK_FAILURES, None if sent is None else sent.failed),
        (d.SCRAPE_DURATION, gateway.scrape_s),
        (d.OMITTED, omitted),
    ):
        family = Family(definition)
        if value is not None:
            family.add(NO_LABELS, value)
        yield family
