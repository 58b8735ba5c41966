"""One symbol's worker: builds the parts of a feed and runs them until stopped."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from feedd.clock import NS_PER_MS, Clock
from feedd.config import ports
from feedd.config.credentials import credentials, with_blanks_around
from feedd.config.environment import config_path, read_environment
from feedd.config.load import load_config
from feedd.errors import ConfigError
from feedd.feed.loop import FeedLoop
from feedd.feed.ticker import TOP_STALE_AFTER_NS, TickerMaker
from feedd.runtime.files import next_session
from feedd.runtime.logs import setup as logs
from feedd.runtime.process import run, usage_meter, worker_arguments
from feedd.sources.base import Backoff
from feedd.topics import file_name
from feedd.transport.publisher import Publisher

if TYPE_CHECKING:
    import argparse
    import asyncio

    from feedd.config.settings import Config, Feed
    from feedd.sources.base import Source


_log = structlog.get_logger()


def make_source(
    settings: Config, feed: Feed, channels: tuple[str, ...], env: dict[str, str]
) -> Source:
    """Return the feed's source; only its own module is imported."""
    given: dict[str, Any] = {
        "endpoint": settings.endpoint_of(feed.exchange, feed.symbol),
        "credentials": credentials(feed.exchange, env),
        "book_depth": settings.book_depth,
        "timeframe": settings.timeframe,
        "run_dir": Path(settings.run_dir),
    }
    if feed.source == "native":
        from feedd.sources.native.source import NativeSource  # noqa: PLC0415

        exchange = settings.embedded_exchange if settings.endpoint is None else None
        clock = Clock(1.0 if exchange is None else exchange.clock_scale)
        return NativeSource(
            feed.exchange, feed.symbol, channels, connections=settings.connections, clock=clock,
            **given,
        )  # fmt: skip
    if feed.source == "replay":
        raise ConfigError(
            f"{feed.name} is configured as a replay since it was started: feedd start"
        )
    from feedd.sources.ccxt.source import CcxtSource  # noqa: PLC0415

    return CcxtSource(feed.exchange, feed.symbol, channels, **given)


async def main(arguments: argparse.Namespace, stop: asyncio.Event) -> None:
    """Build the named feed, or the first, and run it."""
    env = read_environment()
    path = config_path(arguments.config, env)
    settings = load_config(path)
    feed = (settings.select(arguments.name) if arguments.name else settings.feeds())[0]
    logs.bind(exchange=feed.exchange, symbol=feed.symbol)
    clock = Clock()
    ticker_maker = TickerMaker(settings.bid_ask, TOP_STALE_AFTER_NS)
    channels: tuple[str, ...] = feed.channels
    if "ticker" in channels and ticker_maker.needs and ticker_maker.needs not in channels:
        channels = (*channels, ticker_maker.needs)
    source = make_source(settings, feed, channels, env)
    for variable in with_blanks_around(feed.exchange, env):
        _log.warning("the value of a variable has blanks around it; used without", name=variable)
    session = next_session(
        Path(settings.run_dir, "sessions", feed.name), clock.now_ns() // NS_PER_MS
    )
    logs.bind(session=session)
    port = ports.assign(settings, path)[feed.name]
    endpoint = f"tcp://127.0.0.1:{port}"
    if arguments.alone:
        endpoint = env.get("ZMQ_FEED_HANDLER_URL") or endpoint
    await FeedLoop(
        exchange=feed.exchange,
        symbol=feed.symbol,
        session_number=session,
        channels=feed.channels,
        source=source,
        source_channels=channels,
        publisher=Publisher(feed.exchange, feed.symbol, feed.channels),
        endpoint=endpoint,
        proxies=[] if arguments.alone else [p.workers for p in settings.proxy_programs().values()],
        ticker_maker=ticker_maker,
        backoff=Backoff(),
        clock=clock,
        usage=usage_meter(),
    ).run(stop)


if __name__ == "__main__":
    parser = worker_arguments(__doc__)
    parser.add_argument("name", nargs="?", help="program or symbol, e.g. BTC/USDT")
    parser.add_argument("--alone", action="store_true", help="without a proxy")
    given = parser.parse_args()
    log_name = file_name(given.name or "feed")
    sys.exit(run(lambda stop: main(given, stop), log_name, given.log_dir))
