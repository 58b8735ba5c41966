"""`feedd replay`: publish recordings in the foreground."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from feedd.cli.arguments import path
from feedd.cli.command import Command, without_endpoint
from feedd.config.environment import config_path, read_environment
from feedd.config.load import load_config
from feedd.errors import ConfigError
from feedd.operation.active_config import endpoint_config
from feedd.recordings.format.recording_reader import RecordingReader
from feedd.recordings.format.unmatched_prefixes import recorded_topics, unmatched_lines
from feedd.recordings.replay.foreground import Options, replay
from feedd.recordings.replay.schedule import Schedule, span_of
from feedd.runtime.files import make_run_dir
from feedd.topic_prefixes import check_prefixes

if TYPE_CHECKING:
    from feedd.config.settings import Config

INTERRUPTED = 130


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", metavar="PATH", type=path, help="files or folders")
    parser.add_argument(
        "--pace", type=_pace, default=1.0, metavar="N",
        help="multiple of the original pace (1); 0: as fast as subscribers receive, without loss",
    )  # fmt: skip
    parser.add_argument(
        "--from", dest="begin", metavar="TIME", help="2026-11-25T13:00:00Z, or 13:00"
    )
    parser.add_argument("--to", dest="end", metavar="TIME")
    parser.add_argument("--loop", action="store_true", help="repeat until Ctrl-C")
    parser.add_argument(
        "--timestamps", choices=["recorded", "now"], default="recorded",
        help="now: move all times so that the replay begins now",
    )  # fmt: skip
    parser.add_argument(
        "--topics", nargs="+", default=[""], metavar="PREFIX",
        help="e.g. quote.; the feeds' statuses are included",
    )  # fmt: skip
    parser.add_argument(
        "--endpoint", metavar="ENDPOINT",
        help="to publish at, e.g. tcp://127.0.0.1:5500, with the history at the next port; no "
        "project is needed then. Default: the configuration's proxies'",
    )  # fmt: skip
    parser.add_argument(
        "--wait", action=argparse.BooleanOptionalAction, default=None,
        help="for a first subscriber; default: at pace 0 only",
    )  # fmt: skip


def _run(arguments: argparse.Namespace) -> int:
    check_prefixes(arguments.topics)
    recording = RecordingReader(arguments.paths)
    _check_recorded(recording, arguments.topics)
    schedule = Schedule(span_of(recording, arguments.begin, arguments.end), arguments.pace)
    lossless = arguments.pace == 0
    options = Options(
        topics=arguments.topics,
        loop=arguments.loop,
        to_now=arguments.timestamps == "now",
        lossless=lossless,
        wait=lossless if arguments.wait is None else arguments.wait,
    )
    endpoints = _config(arguments).history_endpoints()
    return 0 if replay(recording, schedule, endpoints, options) else INTERRUPTED


def _check_recorded(recording: RecordingReader, prefixes: list[str]) -> None:
    """Print which prefixes match nothing; raise ConfigError if none of them matches."""
    topics = recorded_topics(recording)
    lines = [] if topics is None else unmatched_lines(prefixes, topics)
    if lines and len(lines) == len(prefixes):
        raise ConfigError("; ".join(lines))
    for line in lines:
        print(f"feedd: {line}", file=sys.stderr)


def _config(arguments: argparse.Namespace) -> Config:
    if arguments.endpoint is not None:
        return endpoint_config(arguments.endpoint)
    settings = load_config(config_path(arguments.config, read_environment()))
    make_run_dir(Path(settings.run_dir))
    return settings


def _pace(text: str) -> float:
    try:
        pace = float(text)
    except ValueError:
        pace = -1.0
    if not 0 <= pace < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a pace: 1 is the original, 0 no waiting")
    return pace


COMMAND = Command(_run, _add_arguments, without_endpoint)
