"""The watchdog: a supervisord event listener that restarts processes which deliver nothing."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import structlog

from feedd.runtime.process import run, worker_arguments
from feedd.supervision.daemon import Daemon, DaemonError
from feedd.supervision.listener import events
from feedd.supervision.restarts import STARTING
from feedd.supervision.watchdog_loop import WatchdogLoop

STOPPING = "SUPERVISOR_STATE_CHANGE_STOPPING"
STARTED = "PROCESS_STATE_RUNNING"


async def main(stop: asyncio.Event) -> None:
    """Check at every tick until `stop` is set or supervisord stops; watch new processes at once."""
    watchdog = WatchdogLoop(Daemon(Path.cwd()))
    watching = asyncio.ensure_future(_watch(watchdog))
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({watching, stopping}, return_when=asyncio.FIRST_COMPLETED)
    watching.cancel()
    stopping.cancel()
    watchdog.close()
    if not watching.cancelled() and watching.done():
        watching.result()


async def _watch(watchdog: WatchdogLoop) -> None:
    log = structlog.get_logger()
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    log.info("watching")
    async for event in events(reader, lambda data: os.write(1, data)):
        if event.name == STOPPING:
            log.info("supervisord is stopping; stopping all that it runs")
            watchdog.stop_all()
            return
        if event.name == STARTING:
            watchdog.count_start(event)
            continue
        if event.name == STARTED:
            watchdog.watch_soon()
            continue
        try:
            watchdog.check()
        except DaemonError as error:
            log.warning("supervisord does not answer", why=str(error))


if __name__ == "__main__":
    given = worker_arguments(__doc__).parse_args()
    sys.exit(run(main, "watchdog", given.log_dir))
