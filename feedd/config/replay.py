"""The configuration's section `replay:`, and its checks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, Struct

if TYPE_CHECKING:
    from collections.abc import Collection

# Only the form is checked here: the rest depends on when the recording begins.
Time = Annotated[str, Meta(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{2}:[0-9]{2})")]
NO_TIME = "is not a time like 2026-11-25T13:00:00Z, or 13:00 on the recording's first day"
TIMES = ("from", "to")
MISSING = "replay needs a section `replay:` with the `recordings` to play"


class Replay(Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """Recordings that symbols with `source: replay` play, and how; docs/replay.md."""

    recordings: tuple[str, ...]  # files and folders
    pace: Annotated[float, Meta(ge=0)] = 1.0  # times the original; 0: as fast as it is taken
    from_: Time | None = None
    to: Time | None = None
    loop: bool = False
    timestamps: Literal["recorded", "now"] = "recorded"


def lossless(replay: Replay | None, sources: Collection[str]) -> bool:
    """Whether workers and proxies wait for the slowest subscriber: for unpaced replays only."""
    return replay is not None and replay.pace == 0 and set(sources) == {"replay"}


def check(replay: Replay, sources: Collection[str]) -> tuple[str, str] | None:
    """Return the key of an impossible value and the error, or None."""
    if not replay.recordings:
        return "recordings", "is empty; name a file or a folder"
    if not math.isfinite(replay.pace):
        return "pace", "must be a finite number"
    if replay.pace == 0 and "replay" in sources and not lossless(replay, sources):
        return "pace", (
            "0 waits for the slowest subscriber, and live symbols can't wait; replay all "
            "symbols, or choose a pace"
        )
    return None
