"""Tracker: from the notices and the health of all feeds and processes to notifications. Pure.

Bounded in the number of feeds and processes; those beyond share one name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from feedd.gateway.notifications.condition import STARTING_S, Condition, Fault
from feedd.gateway.notifications.notification import SUBJECT_OF, Notification
from feedd.health.report import BLOCKED, ENDED, REPLAY, SILENT, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from feedd.config.webhook import WebhookSettings
    from feedd.gateway.journal import Entry
    from feedd.gateway.notifications.notification import Kind
    from feedd.health.report import ProcessHealth

MAX_NAMES = 5_000
OTHERS = "others"
OWN = "gateway"
SUPERVISOR = "supervisord"
# States of the gateway's own stream: what is wrong, and the state that ends it.
_STREAM_FAULTS = {"no_endpoint": "endpoint", "no_history": "history"}
_STREAM_ENDS = {end: begin for begin, end in _STREAM_FAULTS.items()}


class Tracker:
    """Conditions, restarts and gaps since the last call of `due`.

    Times are of the monotonic clock in s, and since the epoch in ms.
    """

    def __init__(self, settings: WebhookSettings) -> None:
        self._settle_s = settings.settle_s
        self._notify = frozenset(settings.notify)
        self._conditions: dict[tuple[Kind, str], Condition] = {}
        self._past: dict[tuple[Kind, str, str | None], tuple[float, Notification]] = {}
        self._pids: dict[str, int] = {}
        self._restarts: dict[str, int | None] = {}
        self._replays: frozenset[str] = frozenset()
        self._configured: frozenset[str] = frozenset()

    # --- reports ------------------------------------------------------------------------------

    def entry(self, entry: Entry, now_s: float) -> None:
        """Take an entry of the journal."""
        feed, at_ms = entry.feed, entry.at_ms
        if entry.kind == "gap":
            self._add_past("gap", feed, entry, now_s)
        elif feed in self._replays:
            return  # what happened in the time of the recording
        elif entry.kind == "upstream_gap":
            self._add_past("upstream_gap", feed, entry, now_s)
        elif entry.kind == "restart":
            self._add_past("restart", feed, entry, now_s)
        elif entry.kind == "stopped":
            self._set("feed", feed, "state", Fault("stopped", entry.reason), now_s, at_ms)
        elif feed:
            well = entry.state == "live"
            fault = None if well else Fault(entry.state or "unknown", entry.reason)
            self._set("feed", feed, "state", fault, now_s, at_ms)
        elif entry.state in _STREAM_FAULTS:
            fault = Fault(entry.state, entry.reason)
            self._set("stream", OWN, entry.state, fault, now_s, at_ms)
        elif entry.state in _STREAM_ENDS:
            self._set("stream", OWN, _STREAM_ENDS[entry.state], None, now_s, at_ms)
        elif entry.state == "behind":
            self._add_past("stream", OWN, entry, now_s)

    def processes(
        self,
        rows: Iterable[ProcessHealth],
        feeds: Mapping[str, str],
        hung: str | None,
        now_s: float,
        now_ms: int,
    ) -> list[Notification]:
        """Take a report on all processes; `feeds` is the feed of each worker by program.

        Return what ends because it is no longer in the configuration.
        """
        rows = list(rows)
        self._replays = frozenset(
            feeds[row.name] for row in rows if row.name in feeds and row.state in {REPLAY, ENDED}
        )
        fault = None if hung is None else Fault("hung", hung)
        self._set("process", SUPERVISOR, "process", fault, now_s, now_ms)
        if not rows:  # supervisord does not answer
            return []
        for row in rows:
            feed = feeds.get(row.name)
            if feed is not None:
                self._set("feed", feed, "process", _worker_fault(row), now_s, now_ms)
                continue
            self._set("process", row.name, "process", _process_fault(row), now_s, now_ms)
            self._check_pid(row, now_s, now_ms)
        return self._removed(frozenset({*feeds.values(), *(row.name for row in rows)}), now_ms)

    def due(self, now_s: float) -> list[Notification]:
        """Return the notifications whose settle time is over, the earliest first."""
        found = [
            made
            for condition in self._conditions.values()
            if (made := condition.due(now_s)) is not None
        ]
        for key, (since_s, made) in list(self._past.items()):
            if now_s - since_s >= self._settle_s:
                del self._past[key]
                found.append(made)
        wanted = (one for one in found if SUBJECT_OF[one.kind] in self._notify)
        return sorted(wanted, key=lambda one: one.since_ms)

    def firing(self) -> list[Notification]:
        """Return the notified faults that last."""
        found = (condition.firing for condition in self._conditions.values())
        return [one for one in found if one is not None and SUBJECT_OF[one.kind] in self._notify]

    # --- decisions ----------------------------------------------------------------------------

    def _set(
        self, kind: Kind, name: str, origin: str, fault: Fault | None, now_s: float, now_ms: int
    ) -> None:
        condition = self._conditions.get((kind, name))
        if condition is None:
            if len(self._conditions) >= MAX_NAMES:
                name = OTHERS
            condition = self._conditions.setdefault(
                (kind, name), Condition(kind, name, self._settle_s)
            )
        condition.set(origin, fault, now_s, now_ms)

    def _check_pid(self, row: ProcessHealth, now_s: float, now_ms: int) -> None:
        """Count the restarts of a process other than a feed: supervisord's count, or one."""
        before, counted = self._pids.get(row.name), self._restarts.get(row.name)
        if row.pid is None or row.process == UNKNOWN:
            return
        self._pids[row.name], self._restarts[row.name] = row.pid, row.restarts
        if before is None or before == row.pid:
            return
        count = 1
        if counted is not None and row.restarts is not None:
            count = max(1, row.restarts - counted)
        self._merge(
            Notification(
                kind="restart", outcome="past", name=row.name, since_ms=now_ms, until_ms=now_ms,
                count=count,
            ),
            now_s,
        )  # fmt: skip

    def _removed(self, configured: frozenset[str], now_ms: int) -> list[Notification]:
        gone, self._configured = self._configured - configured, configured
        ended = []
        for key in [key for key in self._conditions if key[1] in gone]:
            made = self._conditions.pop(key).removed(now_ms)
            if made is not None and SUBJECT_OF[made.kind] in self._notify:
                ended.append(made)
        for name in gone:
            self._pids.pop(name, None)
        return ended

    def _add_past(self, kind: Kind, name: str, entry: Entry, now_s: float) -> None:
        self._merge(
            Notification(
                kind=kind, outcome="past", name=name, since_ms=entry.at_ms, until_ms=entry.at_ms,
                channel=entry.channel, state=entry.state, reason=entry.reason,
                session=entry.session, from_seq=entry.from_seq, to_seq=entry.to_seq,
                from_id=entry.from_id, to_id=entry.to_id,
            ),
            now_s,
        )  # fmt: skip

    def _merge(self, new: Notification, now_s: float) -> None:
        key = (new.kind, new.name, new.channel)
        if key not in self._past and len(self._past) >= MAX_NAMES:
            key = (new.kind, OTHERS, None)
            new = replace(new, name=OTHERS, channel=None)
        held = self._past.get(key)
        if held is None:
            self._past[key] = now_s, new
            return
        since_s, first = held
        self._past[key] = since_s, replace(
            new, since_ms=first.since_ms, count=first.count + new.count, from_id=first.from_id,
            from_seq=first.from_seq,
            # Numbers of two sessions are no range.
            session=new.session if new.session == first.session else None,
        )  # fmt: skip


def _worker_fault(row: ProcessHealth) -> Fault | None:
    """Return the fault of a feed's process; the feed's own state is in its statuses."""
    if row.state in {REPLAY, ENDED}:
        return None
    if row.process not in {"RUNNING", UNKNOWN}:
        return Fault(row.process, row.reason)
    if row.state in {BLOCKED, SILENT}:
        return _process_fault(row)
    return None


def _process_fault(row: ProcessHealth) -> Fault | None:
    if row.healthy or row.process == UNKNOWN:
        return None
    starts = row.process == "RUNNING" and row.uptime_s < STARTING_S and row.state == SILENT
    return Fault("starting" if starts else row.condition, row.reason)
