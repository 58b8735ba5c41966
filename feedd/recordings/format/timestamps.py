"""Parse and format times: ISO 8601, times of day, datetimes and ns since the epoch. Pure.

A time without a time zone is UTC, as everywhere in feedd.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from feedd.clock import NS_PER_S
from feedd.errors import ConfigError

Time = str | datetime | int  # ISO 8601 or a time of day; with or without time zone; ns

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FORM = re.compile(
    r"(?:(?P<date>\d{4}-\d\d-\d\d)[Tt ])?"
    r"(?P<time>\d\d:\d\d(?::\d\d)?)(?:(?<=:\d\d:\d\d)\.(?P<fraction>\d{1,9}))?"
    r"(?P<zone>[Zz]|[+-]\d\d:\d\d)?"
    r"|(?P<day>\d{4}-\d\d-\d\d)",
    re.ASCII,
)


def parse_time(text: str, begun_ns: int) -> int:
    """Parse a time to ns since the epoch.

    `2026-11-25T13:00:00Z`, optionally without seconds or time zone, or with a fraction of up to
    nine digits; `2026-11-25`, the beginning of that day; `13:00`, `13:00:00` or `13:00:00.5` on the
    date (UTC) of `begun_ns`, at which the recording begins. Raises ConfigError for anything else.
    """
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise _invalid_time(text)
    date, time, fraction, zone, day = found.groups(default="")
    date = date or day or f"{_at(begun_ns):%Y-%m-%d}"
    try:
        at = datetime.fromisoformat(f"{date}T{time or '00:00'}{zone.upper() or 'Z'}")
    except ValueError:  # the 30th of February, a zone of 25 hours, the year 0
        raise _invalid_time(text) from None
    return _ns(at) + int(fraction.ljust(9, "0"))


def as_ns(given: Time | None, begun_ns: int) -> int | None:
    """Convert a time to ns since the epoch; None, for no limit, stays None.

    Text is parsed by `parse_time`; a datetime without a time zone is UTC. Raises ConfigError for
    anything else, and for an integer so small that its unit can't be ns.
    """
    if given is None:
        return None
    if isinstance(given, str):
        return parse_time(given, begun_ns)
    if isinstance(given, datetime):
        return _ns(given if given.tzinfo is not None else given.replace(tzinfo=UTC))
    if not isinstance(given, int) or isinstance(given, bool):
        raise _invalid_time(given)
    if 0 < given < begun_ns // 100:
        raise ConfigError(f"{given} ns is {iso(given)}: give ns since the epoch, not s, ms or µs")
    return given


def iso(ns: int, digits: int = 3) -> str:
    """Format a time as `2026-11-25T13:00:00.000Z`, with `digits` of the second, truncated."""
    text = f"{_at(ns):%Y-%m-%dT%H:%M:%S}"
    return f"{text}.{ns % NS_PER_S:09d}"[: len(text) + 1 + digits if digits else len(text)] + "Z"


def _at(ns: int) -> datetime:
    return _EPOCH + timedelta(seconds=ns // NS_PER_S)


def _ns(at: datetime) -> int:
    since = at - _EPOCH
    return (since.days * 86400 + since.seconds) * NS_PER_S + since.microseconds * 1000


def _invalid_time(given: object) -> ConfigError:
    return ConfigError(
        f"{given!r} is not a time: give 2026-11-25T13:00:00Z, or 13:00 on the recording's first day"
        + ("" if isinstance(given, str) else ", a datetime, or ns since the epoch")
    )
