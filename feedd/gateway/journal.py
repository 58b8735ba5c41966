"""Journal of what happened to the feeds: gaps, restarts and changes of state, newest first.

Pure: times are passed in. Bounded: the oldest entries are dropped, and `dropped` counts them.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from feedd.client.events import Gap, NewSession, Notice, StateChange, Stopped, UpstreamGap
from feedd.model import EventId  # noqa: TC001  msgspec reads the annotations

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

Kind = Literal["gap", "upstream_gap", "restart", "state", "stopped"]
GAPS: frozenset[Kind] = frozenset({"gap", "upstream_gap"})
MAX_ENTRIES = 20_000
MAX_REASON = 500  # characters


class Entry(Struct, frozen=True, omit_defaults=True):
    """One occurrence; `number` grows by one with each, `at_ms` is since the epoch.

    `gap`: messages `from_seq` to `to_seq`, inclusive, of `session` that this gateway did not get.
    `upstream_gap`: events after `from_id` and before `to_id` that the feed did not get. `restart`:
    a worker began `session`. `state`: the feed's new state; without a feed, the gateway's own.
    """

    number: int
    at_ms: int
    kind: Kind
    feed: str  # <exchange>.<symbol>. or empty
    channel: str | None = None
    session: int | None = None
    from_seq: int | None = None
    to_seq: int | None = None
    from_id: EventId = None
    to_id: EventId = None
    state: str | None = None
    reason: str | None = None


class Journal:
    """The newest entries of all feeds."""

    def __init__(self, limit: int = MAX_ENTRIES) -> None:
        self._entries: deque[Entry] = deque(maxlen=limit)
        self.count = 0  # of all entries since the start
        self.dropped = 0

    def add(self, notice: Notice, now_ms: int) -> Entry:
        """Add a notice and return its entry."""
        entry = _entry(self.count + 1, now_ms, notice)
        self.count += 1
        self.dropped += len(self._entries) == self._entries.maxlen
        self._entries.append(entry)
        return entry

    @property
    def oldest_ms(self) -> int | None:
        """Return the time of the oldest entry, where older ones were dropped."""
        return self._entries[0].at_ms if self.dropped else None

    def newest(
        self,
        limit: int,
        *,
        before: int | None = None,
        feed: str | None = None,
        kinds: Collection[Kind] | None = None,
    ) -> Iterator[Entry]:
        """Yield entries, the newest first: of one feed, of some kinds, older than a number."""
        left = limit
        for entry in reversed(self._entries):
            if left == 0:
                return
            if before is not None and entry.number >= before:
                continue
            if (feed is None or entry.feed == feed) and (kinds is None or entry.kind in kinds):
                left -= 1
                yield entry


def _entry(number: int, at_ms: int, notice: Notice) -> Entry:
    match notice:
        case Gap():
            channel, _, feed = notice.topic.partition(".")
            return Entry(
                number, at_ms, "gap", feed, channel, notice.session, notice.from_seq,
                notice.to_seq, reason=_cut(notice.reason),
            )  # fmt: skip
        case UpstreamGap():
            return Entry(
                number, at_ms, "upstream_gap", notice.feed, notice.channel,
                from_id=notice.from_id, to_id=notice.to_id, reason=_cut(notice.reason),
            )  # fmt: skip
        case NewSession():
            return Entry(number, at_ms, "restart", notice.feed, session=notice.new)
        case StateChange():
            return Entry(
                number, at_ms, "state", notice.feed, state=notice.state,
                reason=_cut(notice.reason),
            )  # fmt: skip
        case Stopped():
            return Entry(
                number, at_ms, "stopped", notice.feed, session=notice.session,
                reason=_cut(notice.reason),
            )  # fmt: skip


def _cut(reason: str | None) -> str | None:
    return None if reason is None else reason[:MAX_REASON]
