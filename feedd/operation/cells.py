"""Values and colours of the health tables' cells."""

from __future__ import annotations

from typing import Any

RED, GREEN, YELLOW, DIM = "31", "32", "33", "2"
WELL = frozenset({"RUNNING", "live", "replay", "ended"})
ON_THE_WAY = frozenset({"STARTING", "STOPPING", "starting", "resync", "reconnecting", "BACKOFF",
                        "UNKNOWN"})  # fmt: skip
LONGEST = 6  # characters of a number that is not shortened
LONG_DAYS = 100  # the hours no longer matter


def state_colour(state: str) -> str | None:
    """Return the colour of a state; None without one."""
    if state in {"", "-"}:
        return None
    return GREEN if state in WELL else YELLOW if state in ON_THE_WAY else RED


def checked(status: dict[str, Any]) -> str | None:
    """Return how a channel is checked, and that it agreed with REST snapshots; None: unknown.

    A worker of an earlier version does not state it.
    """
    word = status.get("checked")
    return word if status.get("compared_ms") is None else f"{word}, REST"


def paint(text: str, colour: str | None, wanted: bool) -> str:
    """Return a text in a colour, if one is wanted."""
    return f"\x1b[{colour}m{text}\x1b[0m" if wanted else text


def number(value: float | None, decimals: int) -> str:
    """Return a number with all digits, or a dash."""
    return "-" if value is None else f"{value:.{decimals}f}"


def compact(value: float | None, decimals: int) -> str:
    """Return a number in a few characters, e.g. 12.3M, or a dash."""
    text = number(value, decimals)
    if value is None or len(text) <= LONGEST:
        return text
    for unit in ("k", "M", "G", "T"):
        value /= 1000
        if abs(value) < 999.95:
            return f"{value:.1f}{unit}"
    return f"{value:.0e}"


def age(milliseconds: int | None) -> str:
    """Return how long ago something was, or a dash."""
    if milliseconds is None:
        return "-"
    seconds = milliseconds / 1000
    return f"{seconds:.1f} s" if seconds < 100 else span(int(seconds))


def span(seconds: int) -> str:
    """Return a duration, e.g. 1:02:03 or 4d 05:06."""
    minutes, left = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days >= LONG_DAYS:
        return f"{days}d"
    return f"{days}d {hours:02d}:{minutes:02d}" if days else f"{hours}:{minutes:02d}:{left:02d}"
