"""Replay of one symbol: publishes its recorded messages, as its worker did, until they end."""

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
from feedd.config.applied import worker_config
from feedd.config.environment import read_environment
from feedd.errors import ConfigError
from feedd.recordings.replay import common_start
from feedd.recordings.replay.availability import (
    check_available,
    feed_of,
    open_recordings,
    schedule_of,
    topics_of,
)
from feedd.recordings.replay.due_messages import due_messages, recorded_and, unplayable_text
from feedd.recordings.replay.player import Player
from feedd.recordings.replay.replay_status import EVERY_S, ReplayReports, status_path
from feedd.recordings.replay.time_shift import TimeShift
from feedd.recordings.replay.wait_reports import (
    connect_to_proxies,
    report_waits,
    reporting_wait,
)
from feedd.runtime.files import make_run_dir
from feedd.runtime.logs import setup as logs
from feedd.runtime.process import START_SECS, SUPERVISED, run, worker_arguments
from feedd.topics import file_name
from feedd.transport.replay_publisher import ReplayPublisher
from feedd.transport.sockets import LINGER_MS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from feedd.config.settings import Config, Feed
    from feedd.recordings.format.damage import Damage
    from feedd.recordings.format.recording_reader import RecordingReader
    from feedd.recordings.replay.schedule import Schedule

_log = structlog.get_logger()


async def main(arguments: argparse.Namespace, stop: asyncio.Event) -> None:
    """Play one feed until its end or a stop."""
    began_s = time.monotonic()
    settings, path = worker_config(arguments.config, read_environment(), applied=arguments.applied)
    feed = settings.select(arguments.name)[0]
    logs.bind(exchange=feed.exchange, symbol=feed.symbol)
    if feed.source != "replay":
        raise ConfigError(f"{path}: {feed.symbol} has source {feed.source}, not replay")
    check_available(settings, [feed])
    make_run_dir(Path(settings.run_dir))
    publisher = ReplayPublisher(lossless=settings.lossless)
    port = ports.assign(settings, path, remember=not arguments.applied)[feed.name]
    await publisher.bind(f"tcp://127.0.0.1:{port}")
    proxies = [proxy.workers for proxy in settings.proxy_programs().values()]
    connecting = asyncio.ensure_future(
        connect_to_proxies(publisher, proxies, lossless=settings.lossless)
    )
    await _wait_for_either(connecting, stop)
    if connecting.done():
        connecting.result()
    connecting.cancel()
    stopping = threading.Event()
    recording = open_recordings(settings)
    schedule = schedule_of(settings, recording)
    player = _player(settings, feed, recording, schedule, publisher, stopping)
    progress = ReplayReports(player, schedule, status_path(settings.run_dir, feed.name))
    if stop.is_set():
        stopping.set()
    playing = asyncio.get_running_loop().run_in_executor(None, player.run)
    reporting = asyncio.gather(report_waits(player), _report_progress(progress))
    await _wait_for_either(playing, stop)
    reporting.cancel()
    if stop.is_set():
        stopping.set()
    await playing
    _write(progress)
    over = reporting_wait(_flush_limit(settings, stop), _report_unread)
    whole = await asyncio.to_thread(publisher.close_when_sent, over)
    if stop.is_set():
        _log.info("stopped", sent=player.sent)
        return
    _log.info("all messages are played", sent=player.sent, taken=whole)
    if SUPERVISED in os.environ:  # to supervisord, a process that exits sooner did not start
        left_s = START_SECS + 0.3 - (time.monotonic() - began_s)
        await _wait_for_either(asyncio.ensure_future(asyncio.sleep(max(0.0, left_s))), stop)


def _player(
    settings: Config,
    feed: Feed,
    recording: RecordingReader,
    schedule: Schedule,
    publisher: ReplayPublisher,
    stopping: threading.Event,
) -> Player:
    replay = settings.replay
    if replay is None:
        raise ConfigError("`replay:` is missing")
    start = common_start.join(settings, schedule)
    wanted = topics_of(feed)
    joined_ns = max(0, time.monotonic_ns() - start.monotonic_ns) if replay.pace else 0
    _log.info("playing", **msgspec.to_builtins(replay), joined_s=joined_ns / NS_PER_S)
    due = due_messages(
        recording,
        schedule,
        recorded_and(lambda topic: feed_of(topic) == wanted, recording),
        _report_damage,
        loop=replay.loop,
        joined_ns=joined_ns,
    )
    shift = TimeShift(start.shift_ms(schedule)) if replay.timestamps == "now" else None
    gc.collect()
    gc.freeze()
    return Player(due, publisher, stopping, start.monotonic_ns, shift)


async def _report_progress(progress: ReplayReports) -> None:
    while True:
        _write(progress)
        await asyncio.sleep(EVERY_S)


def _write(progress: ReplayReports) -> None:
    try:
        progress.write()
    except ConfigError as error:  # a full disk ends no replay
        _log.warning("the progress can't be written", why=str(error))


def _report_damage(damage: Damage) -> None:
    _log.warning("a part of the recording can't be played", why=unplayable_text(damage))


def _report_unread() -> None:
    _log.warning("all messages are sent; waiting until subscribers have received them")


def _flush_limit(settings: Config, stop: asyncio.Event) -> Callable[[float], bool]:
    """Return what ends the sending of queued messages: only a stop if none may be lost."""
    ends_s = float("inf") if settings.lossless else time.monotonic() + LINGER_MS / 1000

    def stopped(seconds: float) -> bool:
        time.sleep(seconds)
        return stop.is_set() or time.monotonic() > ends_s

    return stopped


async def _wait_for_either(work: asyncio.Future[Any], stop: asyncio.Event) -> None:
    """Wait until the work is done, or for a stop."""
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()


if __name__ == "__main__":
    parser = worker_arguments(__doc__)
    parser.add_argument("name", help="program or symbol, e.g. BTC/USDT")
    given = parser.parse_args()
    sys.exit(run(lambda stop: main(given, stop), file_name(given.name), given.log_dir))
