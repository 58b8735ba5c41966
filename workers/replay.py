"""One symbol's replay: publishes what was recorded of it, as its worker did, until that ends."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from feedd.clock import NS_PER_S
from feedd.config import ports
from feedd.config.environment import config_path, read_environment
from feedd.config.load import load_config
from feedd.errors import ConfigError
from feedd.recordings.replay import availability as symbols
from feedd.recordings.replay import common_start
from feedd.recordings.replay import wait_reports as waiting
from feedd.recordings.replay.due_messages import frames, tell
from feedd.recordings.replay.player import Player
from feedd.recordings.replay.time_shift import Mover
from feedd.runtime.files import make_run_dir
from feedd.runtime.logs import setup as logs
from feedd.runtime.process import START_SECS, SUPERVISED, run, worker_arguments
from feedd.topics import file_name
from feedd.transport.replay_publisher import VerbatimPublisher
from feedd.transport.sockets import LINGER_MS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from feedd.config.settings import Config, Feed
    from feedd.recordings.format.segment_reader import Damage

_log = structlog.get_logger()


async def main(arguments: argparse.Namespace, stop: asyncio.Event) -> None:
    """Play the feed that is named, to its end or until told to stop."""
    began_s = time.monotonic()
    path = config_path(arguments.config, read_environment())
    settings = load_config(path)
    feed = settings.select(arguments.name)[0]
    logs.bind(exchange=feed.exchange, symbol=feed.symbol)
    if feed.source != "replay":
        raise ConfigError(f"{path}: {feed.symbol} is of source {feed.source}; it is not replayed")
    symbols.check(settings, [feed])
    make_run_dir(Path(settings.run_dir))
    publisher = VerbatimPublisher(lossless=settings.lossless)
    await publisher.bind(f"tcp://127.0.0.1:{ports.assign(settings, path)[feed.name]}")
    proxies = [proxy.workers for proxy in settings.proxy_programs().values()]
    connecting = asyncio.ensure_future(
        waiting.connect(publisher, proxies, lossless=settings.lossless)
    )
    await _either(connecting, stop)
    if connecting.done():
        connecting.result()
    connecting.cancel()
    stopping = threading.Event()
    player = _player(settings, feed, publisher, stopping)
    if stop.is_set():
        stopping.set()
    playing = asyncio.get_running_loop().run_in_executor(None, player.run)
    telling = asyncio.ensure_future(waiting.tell_waits(player))
    await _either(playing, stop)
    telling.cancel()
    if stop.is_set():
        stopping.set()
    await playing
    over = waiting.telling(_waits(settings, stop), _tell_unread)
    whole = await asyncio.to_thread(publisher.close_when_sent, over)
    if stop.is_set():
        _log.info("stopped", sent=player.sent)
        return
    _log.info("all is played", sent=player.sent, taken=whole)
    if SUPERVISED in os.environ:  # who ends sooner did not start, to supervisord
        left_s = START_SECS + 0.3 - (time.monotonic() - began_s)
        await _either(asyncio.ensure_future(asyncio.sleep(max(0.0, left_s))), stop)


def _player(
    settings: Config, feed: Feed, publisher: VerbatimPublisher, stopping: threading.Event
) -> Player:
    replay = settings.replay
    if replay is None:
        raise ConfigError("`replay:` is missing")
    recording = symbols.open_recordings(settings)
    schedule = symbols.schedule_of(settings, recording)
    start = common_start.join(settings, schedule)
    wanted = symbols.topics_of(feed)
    joined_ns = max(0, time.monotonic_ns() - start.monotonic_ns) if replay.pace else 0
    _log.info("playing", **msgspec.to_builtins(replay), joined_s=joined_ns / NS_PER_S)
    due = frames(
        recording,
        schedule,
        lambda topic: symbols.feed_of(topic) == wanted,
        _tell,
        loop=replay.loop,
        joined_ns=joined_ns,
    )
    mover = Mover(start.shift_ms(schedule)) if replay.timestamps == "now" else None
    gc.collect()
    gc.freeze()
    return Player(due, publisher, stopping, start.monotonic_ns, mover)


def _tell(damage: Damage) -> None:
    _log.warning("a part of the recording can't be played", why=tell(damage))


def _tell_unread() -> None:
    _log.warning("all is sent; waiting until it is taken")


def _waits(settings: Config, stop: asyncio.Event) -> Callable[[float], bool]:
    """Return what ends the sending of the rest: only the stop where nothing may be lost."""
    ends_s = float("inf") if settings.lossless else time.monotonic() + LINGER_MS / 1000

    def stopped(seconds: float) -> bool:
        time.sleep(seconds)
        return stop.is_set() or time.monotonic() > ends_s

    return stopped


async def _either(work: asyncio.Future[Any], stop: asyncio.Event) -> None:
    """Wait until the work is done, or until told to stop."""
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()


if __name__ == "__main__":
    parser = worker_arguments(__doc__)
    parser.add_argument("name", help="program or symbol, e.g. BTC/USDT")
    given = parser.parse_args()
    sys.exit(run(lambda stop: main(given, stop), file_name(given.name), given.log_dir))
