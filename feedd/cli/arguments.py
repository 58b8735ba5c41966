"""Types and options that several commands share, and the errors of all arguments."""

from __future__ import annotations

import argparse
import difflib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from feedd.endpoint_form import LAST_PORT

if TYPE_CHECKING:
    from collections.abc import Callable

_TYPES = {"int": "whole number", "float": "number"}


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
            raise argparse.ArgumentTypeError(
                f"{text!r} is not a number above 0 and below {below:,g}"
            )
        return value

    return number


def port(text: str) -> int:
    """Return a TCP port."""
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text) <= LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: ports are from 1 to {LAST_PORT}")
    return int(text)


def count(text: str) -> int:
    """Return a number that is 0 or more."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of lines; 0 is the least")
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


def explain(message: str, usage: str) -> str:
    """Return what is wrong with the arguments; `usage` names the options that there are."""
    where, separator, what = message.removeprefix("argument ").partition(": ")
    if message.startswith("argument ") and separator:
        return f"{where}: {_argument(what)}"
    if missing := re.fullmatch(r"the following arguments are required: (.*)", message):
        return f"{missing[1]} is missing"
    if unknown := re.fullmatch(r"unrecognized arguments: (\S+).*", message, re.DOTALL):
        options = re.findall(r"(?<![\w-])--?[A-Za-z][\w-]*", usage)
        return f"unknown argument {unknown[1]}{_nearest(unknown[1].partition('=')[0], options)}"
    return message


def _argument(what: str) -> str:
    if wrong := re.fullmatch(r"invalid choice: (.*) \(choose from (.*)\)", what):
        choices = re.findall(r"[\w.-]+", wrong[2])
        similar = _nearest(wrong[1].strip("'\""), choices)
        return f"invalid choice: {wrong[1]}" + (similar or f"; there is {', '.join(choices)}")
    if wrong := re.fullmatch(r"invalid (int|float) value: (.*)", what):
        return f"{wrong[2]} is no {_TYPES[wrong[1]]}"
    if re.fullmatch(r"expected (one|at least one) argument", what):
        return "its value is missing"
    return what


def _nearest(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word.lower(), known, n=1)
    return f"; is it {close[0]}?" if close else ""
