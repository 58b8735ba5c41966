"""The source of a feed, as its configuration describes it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from feedd.clock import Clock
from feedd.config.credentials import credentials
from feedd.config.network import network_of
from feedd.errors import ConfigError

if TYPE_CHECKING:
    from feedd.config.settings import Config, Feed
    from feedd.sources.base import Source


def make_source(
    settings: Config,
    feed: Feed,
    channels: tuple[str, ...],
    env: dict[str, str],
    run_dir: Path | None = None,
) -> Source:
    """Return the feed's source; only its own module is imported.

    `run_dir` is the folder of the shared limits; None: the configuration's.
    """
    endpoint = settings.endpoint_of(feed.exchange, feed.symbol)
    network = network_of(settings, env, feed.exchange, feed.symbol)
    given: dict[str, Any] = {
        "endpoint": endpoint,
        "credentials": credentials(feed.exchange, env),
        "book_depth": settings.book_depth,
        "timeframe": settings.timeframe,
        "run_dir": run_dir or Path(settings.run_dir),
        "network": network,
    }
    if feed.source == "native":
        from feedd.sources.native.source import NativeSource  # noqa: PLC0415

        exchange = settings.embedded_exchange if settings.endpoint is None else None
        clock = Clock(1.0 if exchange is None else exchange.clock_scale)
        return NativeSource(
            feed.exchange, feed.symbol, channels, connections=settings.connections,
            compression=settings.compression, clock=clock, **given,
        )  # fmt: skip
    if feed.source == "replay":
        raise ConfigError(
            f"{feed.name} is configured as a replay since it was started: feedd start"
        )
    from feedd.sources.ccxt.source import CcxtSource  # noqa: PLC0415

    return CcxtSource(
        feed.exchange, feed.symbol, channels,
        compare_books_every_s=settings.compare_books_every_s, **given,
    )  # fmt: skip
