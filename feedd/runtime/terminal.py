"""Text for a terminal of any width and encoding. Standard library only."""

from __future__ import annotations

import codecs
import io
import os
import shutil
import sys
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_SIZE = os.terminal_size((80, 24))  # without a terminal
LEAST_COLUMNS = 20
ELLIPSIS = "…"
_READABLE = "feedd.readable"
# One character for one: a table keeps its columns.
_INSTEAD = str.maketrans({"µ": "u", ELLIPSIS: "."})


def prepare_output() -> None:
    """Make standard output and error print any text: what they can't encode is us, or ?.

    Without either, e.g. after `>&-`, what is printed there is dropped.
    """
    codecs.register_error(_READABLE, _readable)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_READABLE)


def terminal_size() -> os.terminal_size:
    """Return the columns and lines of the terminal, or those of COLUMNS and LINES, or 80 and 24."""
    size = shutil.get_terminal_size(DEFAULT_SIZE)
    return os.terminal_size((max(size.columns, LEAST_COLUMNS), size.lines))


def printable(text: str | Path) -> str:
    """Return a text on one line: control characters and undecodable bytes as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def encodable(text: str | Path) -> str:
    """Return a text that UTF-8 can encode: bytes of a path that are not UTF-8 as escapes."""
    return str(text).encode("utf-8", "backslashreplace").decode()


def display_width(text: str) -> int:
    """Return the columns of a printable text: a wide character has two, a combining one none."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def cut(text: str, columns: int) -> str:
    """Return a text that fits into some columns; an ellipsis stands for what was cut off."""
    if display_width(text) <= columns:
        return text
    return _first(text, columns - 1) + ELLIPSIS


def fold(
    text: str, columns: int, indent: str = "", *, first: str = "", lines: int | None = None
) -> list[str]:
    """Return a text as lines that fit into some columns.

    `first` begins the first line and `indent` the others. Of more than `lines`, the last is cut.
    """
    folded, line, empty = [], first, True
    for word in text.split():
        added = f"{line}{word}" if empty else f"{line} {word}"
        if not empty and display_width(added) > columns:
            folded.append(line)
            added = f"{indent}{word}"
        while display_width(added) > columns:
            part = _first(added, columns)
            folded.append(part)
            added = indent + added[len(part) :]
        line, empty = added, False
    folded.append(line)
    if lines is not None and len(folded) > lines:
        folded = [*folded[: lines - 1], _first(folded[lines - 1], columns - 1) + ELLIPSIS]
    return folded


def _first(text: str, columns: int) -> str:
    width = 0
    for index, character in enumerate(text):
        width += _columns(character)
        if width > columns:
            return text[:index]
    return text


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _readable(error: UnicodeError) -> tuple[str, int]:
    """Return what is printed in place of characters that a stream can't encode."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].translate(_INSTEAD)
    return "".join(c if c.isascii() else "?" for c in text), error.end
