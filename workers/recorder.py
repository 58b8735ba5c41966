"""Recorder: records all messages of the proxies, as configured by `recorder`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from feedd.config.applied import worker_config
from feedd.config.environment import read_environment
from feedd.config.own_deployment import own_deployment
from feedd.errors import ConfigError
from feedd.recordings.recorder.recorder import Recorder
from feedd.recordings.recorder.recorder_status import FILE
from feedd.runtime.files import make_run_dir
from feedd.runtime.process import raise_open_files, run, worker_arguments
from feedd.runtime.status_file import write_status

if TYPE_CHECKING:
    import argparse

    from feedd.recordings.recorder.recorder_status import RecorderStatus


async def main(arguments: argparse.Namespace, stop: asyncio.Event) -> None:
    """Record until a stop."""
    settings, path = worker_config(arguments.config, read_environment(), applied=arguments.applied)
    if settings.recorder is None:
        raise ConfigError(f"{path}: has no `recorder`; add it, or do not start a recorder")
    raise_open_files()
    make_run_dir(Path(settings.run_dir))
    log = structlog.get_logger()
    path = Path(settings.run_dir, FILE)

    def write(status: RecorderStatus) -> None:
        try:
            write_status(status, path)
        except ConfigError as error:
            log.warning("the recorder's status can't be written", why=str(error))

    recorder = Recorder(
        settings.history_endpoints(), settings.recorder, log, write,
        lossless=settings.lossless, deployment=own_deployment(settings),
        replayed=any(feed.source == "replay" for feed in settings.feeds()),
    )  # fmt: skip
    recording = asyncio.ensure_future(asyncio.to_thread(recorder.run))
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({recording, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    recorder.stop()
    await recording


if __name__ == "__main__":
    given = worker_arguments(__doc__).parse_args()
    sys.exit(run(lambda stop: main(given, stop), "recorder", given.log_dir))
