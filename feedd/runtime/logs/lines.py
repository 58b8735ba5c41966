"""Log lines for people: one form for JSON, supervisord's format and plain text."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

SUPERVISORD_LINE = re.compile(rb"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) ([A-Z]{4}) (.*)", re.DOTALL)
SUPERVISORD_LEVELS = {
    "CRIT": "critical", "ERRO": "error", "WARN": "warning", "INFO": "info", "DEBG": "debug",
    "TRAC": "debug", "BLAT": "debug",
}  # fmt: skip
COLOURS = {"critical": "\x1b[31m", "error": "\x1b[31m", "stderr": "\x1b[31m",
           "warning": "\x1b[33m", "info": "\x1b[32m", "debug": "\x1b[2m"}  # fmt: skip
PLAIN = "\x1b[0m"
PLAIN_WORD = re.compile(r"[^\s\"=\\\x00-\x1f\x7f-\x9f]+")
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")


class LogLine(NamedTuple):
    """A line of any log. `fields` are the other keys of a JSON line; plain text has none."""

    at_s: float
    level: str
    process: str
    event: str
    fields: dict[str, Any] = {}  # noqa: RUF012  never written to


def of_json(text: bytes, process: str, at_s: float) -> LogLine:
    """Parse a worker's line; a malformed one becomes plain text at the given time."""
    try:
        fields = orjson.loads(text)
        at_s = datetime.fromisoformat(fields.pop("timestamp")).timestamp()
        event = str(fields.pop("event"))
    except (ValueError, TypeError, KeyError, AttributeError):
        return of_text(text, process, at_s, level="")
    level = str(fields.pop("level", ""))
    return LogLine(at_s, level, str(fields.pop("process", process)), event, fields)


def of_supervisord(text: bytes, process: str, at_s: float) -> LogLine:
    """Parse a line of supervisord, whose times are local."""
    found = SUPERVISORD_LINE.fullmatch(text)
    if found is None:
        return of_text(text, process, at_s, level="")
    at_s = datetime.fromisoformat(found[1].decode()).timestamp()
    level = SUPERVISORD_LEVELS.get(found[2].decode(), "info")
    return LogLine(at_s, level, process, found[3].decode(errors="replace"))


def of_text(text: bytes, process: str, at_s: float, level: str = "stderr") -> LogLine:
    """Return a line of plain text, without a time of its own."""
    return LogLine(at_s, level, process, text.decode(errors="replace"))


def readable(line: LogLine, *, coloured: bool) -> str:
    """Return local time, level, process, event, and `key=value` for each field."""
    at = datetime.fromtimestamp(line.at_s, UTC).astimezone()
    level = f"{line.level or '-':<8}"
    if coloured and line.level in COLOURS:
        level = f"{COLOURS[line.level]}{level}{PLAIN}"
    event = CONTROL.sub(_escaped, line.event)
    words = [f"{key}={_word(value)}" for key, value in line.fields.items() if value is not None]
    when = at.isoformat(" ", "milliseconds")[:23]
    return " ".join([when, level, line.process, event, *words])


def _word(value: Any) -> str:
    """Return a value, quoted if its end would not be clear."""
    if isinstance(value, str) and PLAIN_WORD.fullmatch(value):
        return value
    return CONTROL.sub(_escaped, orjson.dumps(value).decode())


def _escaped(found: re.Match[str]) -> str:
    """Return a control character as text: a terminal would interpret it."""
    return f"\\x{ord(found[0]):02x}"
