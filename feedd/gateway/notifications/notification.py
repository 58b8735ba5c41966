"""One notification: what changed, and since when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from feedd.model import EventId  # noqa: TC001  msgspec reads it

if TYPE_CHECKING:
    from feedd.config.webhook import Subject

Kind = Literal["feed", "process", "restart", "gap", "upstream_gap", "stream"]
Outcome = Literal["firing", "resolved", "past"]

# The setting `notify` by kind; faults of the gateway's own stream count as a process's.
SUBJECT_OF: dict[Kind, Subject] = {
    "feed": "feed", "process": "process", "restart": "restart", "gap": "gap",
    "upstream_gap": "gap", "stream": "process",
}  # fmt: skip


class Notification(Struct, frozen=True, kw_only=True):
    """A change; times are in ms since the epoch.

    `feed`, `process`, `stream`: a condition: `firing` since `since_ms`, `resolved` at `until_ms`,
    or `past`: it began and ended `count` times within the settle time, `lasted_ms` in all.
    `restart`, `gap`, `upstream_gap` are always `past`, and `count` of them happened from `since_ms`
    to `until_ms`. The ranges of gaps are from the first to the last one.
    """

    kind: Kind
    outcome: Outcome
    name: str  # <exchange>.<symbol>. of a feed, else of a process
    since_ms: int
    until_ms: int | None = None
    channel: str | None = None
    state: str | None = None
    reason: str | None = None
    count: int = 1
    lasted_ms: int | None = None
    session: int | None = None
    from_seq: int | None = None
    to_seq: int | None = None
    from_id: EventId = None
    to_id: EventId = None

    @property
    def exchange(self) -> str | None:
        """The exchange of a feed."""
        return self.name.partition(".")[0] if self.name.endswith(".") else None

    @property
    def symbol(self) -> str | None:
        """The symbol of a feed."""
        return self.name.partition(".")[2][:-1] if self.name.endswith(".") else None
