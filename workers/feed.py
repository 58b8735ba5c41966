"""One symbol's worker: builds the parts of a feed and runs them until stopped."""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from feedd.clock import NS_PER_MS, Clock
from feedd.config import ports
from feedd.config.applied import worker_config
from feedd.config.credentials import credentials, with_blanks_around
from feedd.config.environment import read_environment
from feedd.config.network import described, network_of
from feedd.embedded.identity import check_exchange
from feedd.feed.loop import FeedLoop
from feedd.feed.ticker import TOP_STALE_AFTER_NS, TickerMaker
from feedd.runtime.deployment import deployment_id
from feedd.runtime.files import next_session
from feedd.runtime.logs import setup as logs
from feedd.runtime.process import run, usage_meter, worker_arguments
from feedd.sources.base import Backoff
from feedd.sources.bid_ask import served_bid_ask
from feedd.sources.configured import make_source
from feedd.topics import file_name
from feedd.transport.publisher import Publisher
from feedd.venues.checks import unchecked_notice

if TYPE_CHECKING:
    import argparse
    import asyncio
    from collections.abc import Awaitable, Callable

    from feedd.config.settings import Config


_log = structlog.get_logger()


def _check_of(settings: Config, deployment: str) -> Callable[[], Awaitable[None]] | None:
    """Return the check that the embedded exchange, if there is one, is this project's."""
    if settings.endpoint is not None or settings.embedded_exchange is None:
        return None
    return functools.partial(check_exchange, settings.embedded_exchange.port, deployment)


async def main(arguments: argparse.Namespace, stop: asyncio.Event) -> None:
    """Build the named feed, or the first, and run it."""
    env = read_environment()
    settings, path = worker_config(arguments.config, env, applied=arguments.applied)
    feed = (settings.select(arguments.name) if arguments.name else settings.feeds())[0]
    logs.bind(exchange=feed.exchange, symbol=feed.symbol)
    clock = Clock()
    bid_ask, instead = served_bid_ask(
        settings.bid_ask, feed, with_key=credentials(feed.exchange, env) is not None
    )
    if instead is not None:
        _log.warning(instead)
    ticker_maker = TickerMaker(bid_ask, TOP_STALE_AFTER_NS)
    channels: tuple[str, ...] = feed.channels
    if "ticker" in channels and ticker_maker.needs and ticker_maker.needs not in channels:
        channels = (*channels, ticker_maker.needs)
    source = make_source(settings, feed, channels, env)
    for line in described(
        network_of(settings, env, feed.exchange, feed.symbol),
        settings.endpoint_of(feed.exchange, feed.symbol),
    ):
        _log.info(line)
    _log.info(
        "how a lost message shows", **{name: source.checked.get(name, "none") for name in channels}
    )
    compared_every_s = settings.compare_books_every_s if feed.source == "ccxt" else 0.0
    notice = unchecked_notice(feed.exchange, feed.channels, source.checked, compared_every_s)
    if notice is not None:
        _log.info(notice)
    for variable in with_blanks_around(feed.exchange, env):
        _log.warning("the value of a variable has spaces around it; used without", name=variable)
    session = next_session(
        Path(settings.run_dir, "sessions", feed.name), clock.now_ns() // NS_PER_MS
    )
    logs.bind(session=session)
    port = ports.assign(settings, path, remember=not arguments.applied)[feed.name]
    endpoint = f"tcp://127.0.0.1:{port}"
    if arguments.alone:
        endpoint = env.get("ZMQ_FEED_HANDLER_URL") or endpoint
    deployment = deployment_id(settings.run_dir)
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
        deployment=deployment,
        check=_check_of(settings, deployment),
    ).run(stop)


if __name__ == "__main__":
    parser = worker_arguments(__doc__)
    parser.add_argument("name", nargs="?", help="program or symbol, e.g. BTC/USDT")
    parser.add_argument("--alone", action="store_true", help="without a proxy")
    given = parser.parse_args()
    log_name = file_name(given.name or "feed")
    sys.exit(run(lambda stop: main(given, stop), log_name, given.log_dir))
