"""Rules of the watchdog: which running process delivers nothing and is restarted. No I/O.

supervisord restarts a process that has ended. These rules judge one that runs and delivers nothing:
a worker that publishes no status (stopped, hung), or whose status reports for too long that it
receives nothing, although it has tried to reconnect. A channel that fails while another one of the
same worker flows is the worker's own business: a restart would cost the data of the other.

A restart is the last resort. It costs the data of some seconds, and many new connections at once
earn a ban from the exchange. So no process is restarted more than 3 times in 10 minutes, and none
while more than half of its exchange's workers receive nothing: then the exchange is down. At most a
quarter of the silent workers is restarted at a time: on a machine that is too busy to let them
publish, restarting all of them makes it worse.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SILENT_AFTER_S = 10.0  # ten heartbeats
FIRST_STATUS_S = 120.0  # a new worker may be one of many that start at once
STUCK_AFTER_S = 120.0
STUCK_AFTER_TRIES = 3  # connections since the last event
RECEIVES_WITHIN_S = 30.0  # of an event of any channel
RETRY_FATAL_AFTER_S = 60.0  # of a program that supervisord has given up
LIST_AGAIN_AFTER_S = 60.0  # of a worker whose symbol the exchange did not list
LIST_AGAIN_ALIKE = 4  # pauses, before they double each time
LIST_AGAIN_AT_MOST_S = 3600.0
RESTARTS = 3
WITHIN_S = 600.0
WITHIN_AT_MOST_S = 86_400.0

AWAY = frozenset({"stale", "reconnecting", "resync"})
UNWELL = AWAY | {"starting"}
RECONNECTING = frozenset({"stale", "reconnecting"})  # then `tries` counts connections

How = Literal["kill", "end", "start"]


@dataclass(frozen=True, slots=True)
class ObservedProcess:
    """State of a process.

    `exchange` is None for a process that is not a worker. `received_s` is the time of the last
    status since its start, None before the first. `tries` counts the connections that failed since
    the last event, on the worst channel that is not live. `waits`: it waits for a limit that all
    workers share, not for the exchange. `receives`: one of its channels delivers. `traded`: the
    exchange's list does not say otherwise. `unlisted`: it has ended because the exchange does not
    list its symbol.
    """

    name: str
    pid: int
    supervisor: str  # RUNNING, FATAL, …
    exchange: str | None = None
    state: str | None = None
    received_s: float | None = None
    tries: int = 0
    waits: bool = False
    receives: bool = False
    traded: bool = True
    unlisted: bool = False


@dataclass(frozen=True, slots=True)
class RestartAction:
    """One restart: `kill` the process, ask it to `end`, or `start` a program that has ended."""

    name: str
    pid: int
    how: How
    why: str


@dataclass(slots=True)
class _History:
    """What the rules remember of a process."""

    pid: int = 0
    since_s: float = 0.0
    judged_s: float = 0.0
    unwell_since_s: float | None = None
    fatal_since_s: float | None = None
    unlisted_since_s: float | None = None
    unlisted_starts: int = 0
    restarts: deque[float] = field(default_factory=lambda: deque(maxlen=RESTARTS))
    within_s: float = WITHIN_S
    gave_up: bool = False


def receives(channels: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether a channel of a status is live and has received an event lately."""
    return any(
        channel["state"] == "live"
        and channel["age_ms"] is not None
        and channel["age_ms"] <= RECEIVES_WITHIN_S * 1000
        for channel in channels.values()
    )


class Watchdog:
    """The rules, with what they remember; `notes` collects texts for the log."""

    def __init__(self) -> None:
        self._known: dict[str, _History] = {}
        self._down: set[str] = set()
        self.notes: list[str] = []

    def check(self, processes: Iterable[ObservedProcess], now_s: float) -> list[RestartAction]:
        """Return the restarts due now; times are in s, of one monotonic clock."""
        processes = list(processes)
        for gone in self._known.keys() - {process.name for process in processes}:
            del self._known[gone]
        for process in processes:
            self._remember(process, now_s)
        actions = []
        groups: dict[str | None, list[ObservedProcess]] = {}
        for process in processes:
            groups.setdefault(process.exchange, []).append(process)
        for exchange, group in groups.items():
            running = [process for process in group if process.supervisor == "RUNNING"]
            traded = [process for process in running if process.traded]
            if exchange is None or not self._is_down(exchange, traded, now_s):
                actions += self._judge(running, now_s)
            actions += [v for process in group if (v := self._revive(process, now_s))]
            actions += [v for process in group if (v := self._list_again(process, now_s))]
        return actions

    def _remember(self, process: ObservedProcess, now_s: float) -> None:
        known = self._known.setdefault(process.name, _History())
        if known.pid != process.pid:
            known.pid, known.since_s, known.unwell_since_s = process.pid, now_s, None
        if process.state == "live":
            known.within_s = WITHIN_S
        if process.state not in UNWELL or process.waits or process.receives or not process.traded:
            known.unwell_since_s = None
        elif known.unwell_since_s is None:
            known.unwell_since_s = now_s
        if process.supervisor != "FATAL":
            known.fatal_since_s = None
        elif known.fatal_since_s is None:
            known.fatal_since_s = now_s

    def _is_down(self, exchange: str, running: list[ObservedProcess], now_s: float) -> bool:
        """Whether most workers of an exchange receive nothing; each change is noted once."""
        away = [
            p
            for p in running
            if p.state in AWAY and not p.waits and not p.receives and not self._silent(p, now_s)
        ]
        down = 2 * len(away) > len(running)
        if down and exchange not in self._down:
            self._down.add(exchange)
            self.notes.append(
                f"{exchange}: {len(away)} of {len(running)} feeds receive nothing: the exchange or "
                "the network is down; none is restarted until most receive data again"
            )
        elif not down and exchange in self._down:
            self._down.discard(exchange)
            self.notes.append(f"{exchange}: most feeds receive data again")
        return down

    def _judge(self, running: list[ObservedProcess], now_s: float) -> list[RestartAction]:
        silent = [process for process in running if self._silent(process, now_s)]
        at_once = max(1, len(running) // 4)
        why = f"no status for {SILENT_AFTER_S:.0f} s"
        found = [RestartAction(p.name, p.pid, "kill", why) for p in silent]
        found += [
            RestartAction(p.name, p.pid, "end", f"{p.state} for {STUCK_AFTER_S:.0f} s")
            for p in running
            if p not in silent and self._stuck(p, now_s)
        ]
        allowed = [action for action in found if self._allows(action, now_s)]
        for action in allowed[:at_once]:
            known = self._known[action.name]
            known.restarts.append(now_s)
            known.since_s = known.judged_s = now_s
            known.unwell_since_s = None
        return allowed[:at_once]

    def _revive(self, process: ObservedProcess, now_s: float) -> RestartAction | None:
        """Start a program that supervisord has given up: the cause may have passed."""
        since_s = self._known[process.name].fatal_since_s
        if since_s is None or now_s - since_s < RETRY_FATAL_AFTER_S:
            return None
        action = RestartAction(process.name, process.pid, "start", "supervisord has given up")
        if not self._allows(action, now_s):
            return None
        self._known[process.name].restarts.append(now_s)
        self._known[process.name].fatal_since_s = now_s
        return action

    def _list_again(self, process: ObservedProcess, now_s: float) -> RestartAction | None:
        """Start a worker whose symbol was not listed, after growing pauses: it may be by now."""
        known = self._known[process.name]
        if process.state == "live":
            known.unlisted_starts = 0
        if not process.unlisted:
            known.unlisted_since_s = None
            return None
        if known.unlisted_since_s is None:
            known.unlisted_since_s = now_s
        doubled = min(max(0, known.unlisted_starts - LIST_AGAIN_ALIKE), 16)
        if now_s - known.unlisted_since_s < min(
            LIST_AGAIN_AFTER_S * 2.0**doubled, LIST_AGAIN_AT_MOST_S
        ):
            return None
        known.unlisted_since_s = now_s
        known.unlisted_starts += 1
        why = "the exchange did not list its symbol, and may do so by now"
        return RestartAction(process.name, process.pid, "start", why)

    def _silent(self, process: ObservedProcess, now_s: float) -> bool:
        known = self._known[process.name]
        if process.received_s is None:
            return now_s - known.since_s > FIRST_STATUS_S
        return now_s - max(process.received_s, known.judged_s) > SILENT_AFTER_S

    def _stuck(self, process: ObservedProcess, now_s: float) -> bool:
        since_s = self._known[process.name].unwell_since_s
        if since_s is None or now_s - since_s < STUCK_AFTER_S:
            return False
        return process.state not in RECONNECTING or process.tries >= STUCK_AFTER_TRIES

    def _allows(self, action: RestartAction, now_s: float) -> bool:
        """Whether a process may be restarted again; a refusal is noted once.

        After each series of three restarts the pause doubles, up to a day.
        """
        known = self._known[action.name]
        if len(known.restarts) < RESTARTS or now_s - known.restarts[0] > known.within_s:
            if known.gave_up:
                known.gave_up = False
                known.within_s = min(2 * known.within_s, WITHIN_AT_MOST_S)
            return True
        if not known.gave_up:
            known.gave_up = True
            self.notes.append(
                f"{action.name}: {action.why}, and was restarted {RESTARTS} times within "
                f"{known.within_s / 60:.0f} minutes; it is not restarted for now"
            )
        return False
