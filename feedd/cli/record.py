"""The command `feedd record`."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from feedd.clock import NS_PER_S
from feedd.config.settings import RecorderSettings
from feedd.recordings.recorder.recorder import Recorder
from feedd.runtime.logs import stderr

if TYPE_CHECKING:
    import argparse

    from feedd.config.settings import Config
    from feedd.recordings.recorder.report import Report

_CLEAR_LINE = "\r\x1b[K"  # ECMA-48: CR, EL


def add_record(commands: Any) -> argparse.ArgumentParser:
    """Add `record` to the commands; return its parser."""
    record: argparse.ArgumentParser = commands.add_parser(
        "record", help="record what comes from the fan-out endpoint, until Ctrl-C"
    )
    record.add_argument("prefixes", nargs="*", metavar="PREFIX", help="of topics, e.g. ticker.")
    record.add_argument(
        "--dir", type=_path, help="default: recorder.dir of the configuration, or recordings"
    )
    return record


def record(settings: Config, prefixes: list[str], folder: Path | None) -> int:
    """Record until SIGINT, SIGTERM or SIGHUP; return 0."""
    meant = settings.recorder or RecorderSettings()
    if prefixes:
        meant = msgspec.structs.replace(meant, topics=tuple(prefixes))
    if folder is not None:
        meant = msgspec.structs.replace(meant, dir=str(folder))
    saying = _Saying()
    recorder = Recorder(settings, meant, saying, saying.tell)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup
            signal.signal(number, lambda *_: recorder.stop())
    recorder.run()
    saying.end()
    return 0


class _Saying:
    """Says on standard error what happens; on a terminal how it fares stands in one line.

    Where nobody hears it any more, a pipe's reader or the terminal being gone, it falls silent.
    """

    def __init__(self) -> None:
        self._overwrites = sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._last = ""

    def info(self, event: str, **_: Any) -> None:
        """Say it on a line of its own."""
        clear = _CLEAR_LINE if self._overwrites else ""
        self._say(f"{clear}feedd: {event}\n")

    warning = error = info

    def tell(self, report: Report) -> None:
        """Say how the recorder fares."""
        self._last = line(report)
        if self._overwrites:
            self._say(f"{_CLEAR_LINE}{self._last}")

    def end(self) -> None:
        """Say it for the last time."""
        self._say(f"{_CLEAR_LINE if self._overwrites else ''}{self._last}\n")

    def _say(self, text: str) -> None:
        with suppress(OSError):
            stderr.write(text.encode())


def line(report: Report) -> str:
    """Return how a recorder fares, in a line."""
    passed_s = (report.at_ns - report.since_ns) // NS_PER_S
    lost = f", {report.lost:,} lost" if report.lost else ""
    return (
        f"{report.messages:,} records, {report.messages_per_s:,.0f} a second, "
        f"{report.bytes / 1e6:,.1f} MB to {report.dir} in {passed_s:,} s{lost}"
    )


def _path(text: str) -> Path:
    return Path(text).resolve()  # before the command goes to the project's root
