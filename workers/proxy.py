"""Proxy: merges all workers into the one endpoint that subscribers connect to.

It also runs the history service of the messages that it forwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import structlog

from feedd.config.applied import worker_config
from feedd.config.environment import read_environment
from feedd.errors import ConfigError
from feedd.runtime.cpu_latency import cpus_awake
from feedd.runtime.files import make_run_dir
from feedd.runtime.process import raise_open_files, run, worker_arguments
from feedd.runtime.realtime import realtime_permitted
from feedd.transport.history_service import HistoryService
from feedd.transport.proxy import Proxy
from feedd.transport.proxy_status import ProxyReports, status_path

if TYPE_CHECKING:
    import argparse


CHECK_EVERY_S = 1.0


async def main(arguments: argparse.Namespace, stop: asyncio.Event) -> None:
    """Forward until a stop."""
    settings, _ = worker_config(arguments.config, read_environment(), applied=arguments.applied)
    raise_open_files()
    make_run_dir(Path(settings.run_dir))
    endpoints = settings.proxy_programs().get(arguments.name)
    if endpoints is None:
        raise ConfigError(f"{arguments.name} is not a proxy; `proxies` is {settings.proxies}")
    realtime = settings.realtime_proxies and realtime_permitted()
    proxy = Proxy(arguments.name, lossless=arguments.lossless, realtime=realtime)
    history = HistoryService(proxy)
    log = structlog.get_logger()
    try:
        await proxy.bind(endpoints)
        await history.bind(endpoints.history)
        history.start()
        proxy.start()
        reports = ProxyReports(
            proxy, history, status_path(settings.run_dir, arguments.name),
            lossless=arguments.lossless,
        )  # fmt: skip
        log.info(
            "forwarding",
            lossless=arguments.lossless,
            realtime=realtime,
            **msgspec.to_builtins(endpoints),
        )
        with cpus_awake() if settings.keep_cpus_awake else contextlib.nullcontext():
            await _forward(proxy, history, reports, stop)
    finally:
        history.stop()
        proxy.stop()
    log.info("stopped")


async def _forward(
    proxy: Proxy, history: HistoryService, reports: ProxyReports, stop: asyncio.Event
) -> None:
    """Check that all threads run, and report the status, until a stop."""
    loop = asyncio.get_running_loop()
    written: asyncio.Future[None] | None = None
    while not stop.is_set():
        if not proxy.forwards:
            raise RuntimeError("libzmq's proxy loop has ended")
        if not history.runs:
            raise RuntimeError("the history service has ended") from history.fault
        if not proxy.guard.runs:
            raise RuntimeError("the subscription guard has ended") from proxy.guard.fault
        if written is None or written.done():  # on a disk that hangs, the next one waits
            written = loop.run_in_executor(None, reports.write, reports.status())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), CHECK_EVERY_S)


if __name__ == "__main__":
    parser = worker_arguments(__doc__)
    parser.add_argument("name", nargs="?", default="proxy", help="program name: proxy or proxy-2")
    parser.add_argument("--lossless", action="store_true", help="wait for the slowest subscriber")
    given = parser.parse_args()
    sys.exit(run(lambda stop: main(given, stop), given.name, given.log_dir))
