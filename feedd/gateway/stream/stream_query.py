"""Query of `/stream`: its parameters, checked, each fault with its remedy. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from feedd.gateway.responses import ApiError
from feedd.topic_prefixes import prefix_fault

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_PREFIXES = 100
MAX_PREFIX = 200  # characters
MAX_CONFLATE_MS = 60_000
PARAMETERS = "topic, ints, conflate_ms, snapshot"


@dataclass(frozen=True, slots=True)
class StreamQuery:
    """What a client asks for; `topics` are prefixes, as in `feedd.subscribe`."""

    topics: tuple[str, ...] = ("",)
    strings: bool = False  # integers that may exceed 2**53 as decimal strings
    conflate_s: float = 0.0  # 0: every message
    snapshot: bool = True


def stream_query(parameters: Iterable[tuple[str, str]]) -> StreamQuery:
    """Return the checked query; raise ApiError for the first fault."""
    topics: dict[str, None] = {}
    single: dict[str, str] = {}
    for name, value in parameters:
        if name == "topic":
            topics[_prefix(value)] = None
        elif name not in ("ints", "conflate_ms", "snapshot"):
            raise ApiError(400, f"there is no parameter {name[:100]!r}", f"use {PARAMETERS}")
        elif name in single:
            raise ApiError(400, f"{name} is given twice", f"give {name} once")
        else:
            single[name] = value
    if len(topics) > MAX_PREFIXES:
        raise ApiError(
            400, f"{len(topics)} topics are more than {MAX_PREFIXES}",
            "use shorter prefixes, or several connections",
        )  # fmt: skip
    return StreamQuery(
        tuple(topics) or ("",),
        _choice(single, "ints", {"number": False, "string": True}, default="number"),
        _conflate_ms(single.get("conflate_ms", "0")) / 1000,
        _choice(single, "snapshot", {"true": True, "false": False}, default="true"),
    )


def _prefix(value: str) -> str:
    if len(value) > MAX_PREFIX:
        raise ApiError(
            400, f"topic has {len(value)} characters", f"a prefix has at most {MAX_PREFIX}"
        )
    if (fault := prefix_fault(value)) is not None:
        raise ApiError(400, f"no topic begins with {value!r}", fault)
    return value


def _choice(given: dict[str, str], name: str, values: dict[str, bool], *, default: str) -> bool:
    value = given.get(name, default)
    if value not in values:
        raise ApiError(400, f"{name}={value[:100]} is unknown", f"use {' or '.join(values)}")
    return values[value]


def _conflate_ms(value: str) -> int:
    remedy = f"give milliseconds from 0 (every message) to {MAX_CONFLATE_MS}"
    if not (value.isascii() and value.isdecimal() and len(value) <= 9):
        raise ApiError(400, f"conflate_ms={value[:100]} is not a whole number", remedy)
    if int(value) > MAX_CONFLATE_MS:
        raise ApiError(400, f"conflate_ms={value} is too long", remedy)
    return int(value)
