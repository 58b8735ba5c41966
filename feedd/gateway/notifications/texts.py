"""Notifications as lines for a person. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from feedd.gateway.notifications.notification import Kind, Notification
    from feedd.gateway.notifications.outbox import Message

LINES = 10
LINE_CHARS = 300
TEXT_CHARS = 3500  # Telegram accepts 4096
_ORDER = {"firing": 0, "past": 1, "resolved": 2}
_NAMES: Mapping[Kind, tuple[str, str]] = {
    "feed": ("change of a feed", "changes of feeds"),
    "process": ("change of a process", "changes of processes"),
    "restart": ("restart", "restarts"),
    "gap": ("gap", "gaps"),
    "upstream_gap": ("gap on an exchange's side", "gaps on an exchange's side"),
    "stream": ("fault of the gateway's stream", "faults of the gateway's stream"),
}


def text_of(message: Message, sender: str) -> str:
    """Return a message as a text; `sender` names this project and machine."""
    lines = [line(one) for one in by_urgency(message.notifications)]
    more = dict(message.more)
    for one in by_urgency(message.notifications)[LINES:]:
        more[one.kind] = more.get(one.kind, 0) + 1
    shown = lines[:LINES]
    if more:
        kinds = ", ".join(
            f"{count:,} {_NAMES[kind][count != 1]}" for kind, count in sorted(more.items())
        )
        shown.append(f"and {sum(more.values()):,} more: {kinds}")
    if message.undelivered:
        shown.append(f"{message.undelivered:,} earlier notifications could not be delivered")
    text = f"{sender}: {shown[0]}" if len(shown) == 1 else "\n".join([f"{sender}:", *shown])
    return text if len(text) <= TEXT_CHARS else text[: TEXT_CHARS - 1] + "…"


def by_urgency(notifications: tuple[Notification, ...]) -> list[Notification]:
    """Return notifications with those first that need a person."""
    return sorted(notifications, key=lambda one: _ORDER[one.outcome])


def line(one: Notification) -> str:
    """Return a notification as one line."""
    text = " ".join(_LINES[one.kind](one).split())
    return text if len(text) <= LINE_CHARS else text[: LINE_CHARS - 1] + "…"


def title(one: Notification) -> str:
    """Return the name of a feed or process."""
    return f"{one.exchange} {one.symbol}" if one.exchange is not None else one.name


def _condition(one: Notification) -> str:
    feed = one.kind == "feed"
    bad, good = ("not live", "live again") if feed else ("not well", "well again")
    why = f"{one.state}: {one.reason}" if one.reason else one.state
    what = "the gateway's stream" if one.kind == "stream" else title(one)
    if one.outcome == "firing":
        return f"{bad.upper()}: {what}: {why} (since {_utc(one.since_ms)})"
    lasted_s = ((one.until_ms or one.since_ms) - one.since_ms) / 1000
    if one.outcome == "past":
        times = "" if one.count == 1 else f" {one.count} times, together"
        lasted_s = (one.lasted_ms or 0) / 1000
        return f"{what} was {bad}{times} for {_duration(lasted_s)} ({why}); it is {good}"
    if one.state == "removed":
        return f"{what} is removed from the configuration; it was {bad}"
    return f"{good}: {what}, after {_duration(lasted_s)} ({why})"


def _stream(one: Notification) -> str:
    if one.state == "behind":
        return f"the gateway lost notices: {one.reason}"
    return _condition(one)


def _restart(one: Notification) -> str:
    times = "" if one.count == 1 else f" {one.count} times"
    return f"restarted{times}: {title(one)} (at {_utc(one.until_ms or one.since_ms)})"


def _gap(one: Notification) -> str:
    place = f"{title(one)} {one.channel or ''}".strip()
    if one.session is not None:
        found = f"messages {one.from_seq} to {one.to_seq} of session {one.session}"
    else:
        found = "messages of several sessions"
    many = "" if one.count == 1 else f"{one.count:,} gaps in "
    return f"gap: {place}: the gateway did not get {many}{found}: {one.reason}"


def _upstream_gap(one: Notification) -> str:
    place = f"{title(one)} {one.channel or ''}".strip()
    many = "events are missing" if one.count == 1 else f"{one.count:,} times events are missing"
    ends = [
        f"{word} {end}"
        for word, end in (("after", one.from_id), ("before", one.to_id))
        if end is not None
    ]
    between = f" {' and '.join(ends)}" if ends else ""
    return f"gap on the exchange's side: {place}: {many}{between}: {one.reason}"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, left_s = divmod(round(seconds), 60)
    return f"{minutes} min {left_s} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _utc(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%H:%M:%S} UTC"


_LINES = {
    "feed": _condition, "process": _condition, "stream": _stream, "restart": _restart,
    "gap": _gap, "upstream_gap": _upstream_gap,
}  # fmt: skip
