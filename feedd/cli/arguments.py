"""Types and options that several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def path(text: str) -> Path:
    """Return an absolute path: the command may change to the project's root."""
    return Path(text).resolve()


def above_zero(below: float) -> Callable[[str], float]:
    """Return the type of a number above 0 and below a limit, for `add_argument(type=…)`."""

    def number(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = 0.0
        if not 0 < value < below:
            raise argparse.ArgumentTypeError(f"{text!r} is no number above 0 and below {below:,g}")
        return value

    return number


def count(text: str) -> int:
    """Return a number that is 0 or more."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of lines; 0 is the least")
    return int(text)


def add_endpoint(parser: argparse.ArgumentParser) -> None:
    """Add `--endpoint`, which replaces the configuration and the project."""
    parser.add_argument(
        "--endpoint", metavar="ENDPOINT",
        help="a fan-out endpoint like tcp://127.0.0.1:5500, with the history at the next port; "
        "no project is needed then. Default: the configuration's",
    )  # fmt: skip


def add_wide(parser: argparse.ArgumentParser) -> None:
    """Add `--wide`, for a table with all columns."""
    parser.add_argument(
        "--wide", action="store_true", help="all columns, however wide the terminal is"
    )
