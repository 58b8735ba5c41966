"""`feedd record`: record messages from the fan-out endpoint."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from feedd.cli.arguments import add_endpoint, path
from feedd.cli.command import Command, without_endpoint
from feedd.clock import NS_PER_S
from feedd.config.own_deployment import own_deployment
from feedd.config.settings import RecorderSettings
from feedd.operation.active_config import active_config, endpoint_config
from feedd.recordings.recorder.recorder import Recorder
from feedd.runtime.logs import stderr
from feedd.topic_prefixes import check_prefixes

if TYPE_CHECKING:
    import argparse

    from feedd.recordings.recorder.recorder_status import RecorderStatus

PROGRESS_EVERY_S = 10.0
_CLEAR_LINE = "\r\x1b[K"  # ECMA-48: CR, EL


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "prefixes", nargs="*", metavar="PREFIX", help="of topics, e.g. ticker.; default: all"
    )
    parser.add_argument(
        "--dir", type=path, metavar="DIR",
        help="the folder of the recordings; default: recorder.dir of the configuration, or "
        "recordings",
    )  # fmt: skip
    add_endpoint(parser)


def _run(arguments: argparse.Namespace) -> int:
    """Record until SIGINT, SIGTERM or SIGHUP."""
    check_prefixes(arguments.prefixes)
    if arguments.endpoint is not None:
        settings, deployment = endpoint_config(arguments.endpoint), None
    else:
        settings = active_config(arguments.config, arguments.root).settings
        deployment = own_deployment(settings)
    options = settings.recorder or RecorderSettings()
    if arguments.prefixes:
        options = msgspec.structs.replace(options, topics=tuple(arguments.prefixes))
    if arguments.dir is not None:
        options = msgspec.structs.replace(options, dir=str(arguments.dir))
    console = _Console()
    recorder = Recorder(
        settings.history_endpoints(), options, console, console.show,
        lossless=settings.lossless, deployment=deployment,
    )  # fmt: skip
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup
            signal.signal(number, lambda *_: recorder.stop())
    recorder.run()
    console.finish()
    return 0


class _Console:
    """Prints events and progress on standard error.

    On a terminal, progress keeps to one line; elsewhere it is a line every PROGRESS_EVERY_S.

    Once standard error is closed, by a pipe's reader or with its terminal, it prints nothing more.
    """

    def __init__(self) -> None:
        self._overwrites = sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._last: RecorderStatus | None = None
        self._printed_s = time.monotonic()

    def info(self, event: str, **_: Any) -> None:
        """Print an event on a line of its own."""
        clear = _CLEAR_LINE if self._overwrites else ""
        self._write(f"{clear}feedd: {event}\n")

    warning = error = info

    def show(self, report: RecorderStatus) -> None:
        """Print the recorder's progress; without a terminal, not every time."""
        self._last = report
        if self._overwrites:
            self._write(f"{_CLEAR_LINE}{progress_line(report)}")
        elif time.monotonic() - self._printed_s >= PROGRESS_EVERY_S:
            self._printed_s = time.monotonic()
            self._write(f"{progress_line(report)}\n")

    def finish(self) -> None:
        """Print the result on a line of its own."""
        if self._last is not None:
            self._write(f"{_CLEAR_LINE if self._overwrites else ''}{result_line(self._last)}\n")

    def _write(self, text: str) -> None:
        with suppress(OSError):
            stderr.write(text.encode(errors="backslashreplace"))


def progress_line(report: RecorderStatus) -> str:
    """Return a recorder's progress, with the rate of the last seconds, on one line."""
    return _line(report, f"{report.messages_per_s:,.0f} a second now")


def result_line(report: RecorderStatus) -> str:
    """Return what a recorder has recorded, with the mean rate, on one line."""
    passed_s = max(report.at_ns - report.since_ns, 1) / NS_PER_S
    return _line(report, f"{report.messages / passed_s:,.0f} a second on average")


def _line(report: RecorderStatus, rate: str) -> str:
    passed_s = (report.at_ns - report.since_ns) // NS_PER_S
    lost = f", {report.lost:,} lost" if report.lost else ""
    return (
        f"{report.messages:,} records, {rate}, "
        f"{report.bytes / 1e6:,.1f} MB to {report.dir} in {passed_s:,} s{lost}"
    )


COMMAND = Command(_run, _add_arguments, without_endpoint)
