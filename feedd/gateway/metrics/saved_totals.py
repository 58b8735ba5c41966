"""Totals of the feeds in a file: a restart of the gateway resets no counter.

Without it the sessions before a worker's restart would be missing after one of the gateway, and
Prometheus would take the lower number for a reset, and count all of it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import structlog
from msgspec import Struct

from feedd.gateway.metrics.feed_totals import SavedFeed  # noqa: TC001  msgspec reads it
from feedd.model import LATENCY_BOUNDS_US
from feedd.runtime.files import replace_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from feedd.gateway.metrics.feed_totals import Buckets, FollowedFeed

FILE = "metrics.json"  # below run_dir
MAX_BYTES = 50_000_000  # 1000 feeds take less than a tenth

_log = structlog.get_logger()


class SavedTotals(Struct, frozen=True):
    """Content of the file: the bounds of the latencies, and feeds by their names."""

    bounds_us: tuple[int, ...]
    feeds: dict[str, SavedFeed]


def write_saved(
    feeds: Mapping[str, FollowedFeed], earlier: Mapping[str, SavedFeed], path: Path
) -> None:
    """Replace the file atomically; raise ConfigError if it can't be written."""
    all_feeds = {**earlier, **{name: feed.saved() for name, feed in feeds.items()}}
    replace_atomically(path, msgspec.json.encode(SavedTotals(LATENCY_BOUNDS_US, all_feeds)))


def read_saved(path: Path) -> dict[str, SavedFeed]:
    """Return the feeds of a file; none if it is missing, damaged or of another version."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise msgspec.ValidationError("it is too large")
        saved = msgspec.json.decode(path.read_bytes(), type=SavedTotals)
        if saved.bounds_us != LATENCY_BOUNDS_US or not all(
            len(one.counts) == len(LATENCY_BOUNDS_US) + 1 for one in _buckets(saved)
        ):
            raise msgspec.ValidationError("its latencies have other bounds")
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.MsgspecError) as error:
        _log.warning("the counters of the metrics begin again", file=str(path), why=str(error))
        return {}
    return saved.feeds


def _buckets(saved: SavedTotals) -> Iterator[Buckets]:
    for feed in saved.feeds.values():
        for totals in (feed.before, feed.total):
            latencies = [channel.latency for channel in totals.channels.values()]
            yield from (one for one in (*latencies, totals.exchange_latency) if one is not None)
