"""Which process is up and does nothing, and may be ended so that it starts anew. Pure.

supervisord restarts what has ended. What is there for it to see, and delivers nothing, is judged
here by what it says itself: a worker that is mute (stopped, hung), or that says for too long that
it gets nothing, past its own attempts to connect anew.

Restarting is the last means and does harm: each costs the data of some seconds, and a storm of
new connections earns a ban from the exchange. So no process is restarted more than 3 times in
10 minutes, and none at all while more than half of its exchange's workers hear nothing: then it
is the exchange that is down. Of mute workers at most a quarter is ended at a time: a machine
that is too busy to let them speak is not helped by starting all of them anew.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

MUTE_AFTER_S = 10.0  # ten heartbeats
FIRST_WORD_S = 120.0  # a worker that has not spoken yet may be one of many that start
STUCK_AFTER_S = 120.0
STUCK_AFTER_TRIES = 3  # connections since the last event
FATAL_AFTER_S = 60.0  # what supervisord gave up is tried again after so long
RESTARTS = 3
WITHIN_S = 600.0
WITHIN_AT_MOST_S = 86_400.0

AWAY = frozenset({"stale", "reconnecting", "resync"})
UNWELL = AWAY | {"starting"}
TRYING = frozenset({"stale", "reconnecting"})  # states in which tries tell whether it does

How = Literal["kill", "end", "start"]


@dataclass(frozen=True, slots=True)
class Process:
    """What is seen of a process; `heard_s` is when it spoke last in this life, None for never.

    `exchange` is None for what is no worker; `tries` counts the connections that failed since the
    last event, of the worst of the channels that are not live. `waits` says that it is not the
    exchange that keeps it, but a limit that all workers share.
    """

    name: str
    pid: int
    supervisor: str  # RUNNING, FATAL, …
    exchange: str | None = None
    state: str | None = None
    heard_s: float | None = None
    tries: int = 0
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done with a process: `kill` it, ask it to `end`, or `start` it again."""

    name: str
    pid: int
    how: How
    why: str


@dataclass(slots=True)
class _Known:
    pid: int = 0
    since_s: float = 0.0
    judged_s: float = 0.0
    unwell_since_s: float | None = None
    fatal_since_s: float | None = None
    restarts: deque[float] = field(default_factory=lambda: deque(maxlen=RESTARTS))
    within_s: float = WITHIN_S
    gave_up: bool = False


class Watchdog:
    """Looks at all processes every few seconds; `notes` is what a person should be told."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}
        self._down: set[str] = set()
        self.notes: list[str] = []

    def look(self, processes: Iterable[Process], now_s: float) -> list[Verdict]:
        """Return what is to be done now; times are of one monotonic clock, in s."""
        processes = list(processes)
        for gone in self._known.keys() - {process.name for process in processes}:
            del self._known[gone]
        for process in processes:
            self._note(process, now_s)
        verdicts = []
        groups: dict[str | None, list[Process]] = {}
        for process in processes:
            groups.setdefault(process.exchange, []).append(process)
        for exchange, group in groups.items():
            running = [process for process in group if process.supervisor == "RUNNING"]
            if exchange is None or not self._is_down(exchange, running, now_s):
                verdicts += self._judge(running, now_s)
            verdicts += [v for process in group if (v := self._revive(process, now_s))]
        return verdicts

    def _note(self, process: Process, now_s: float) -> None:
        known = self._known.setdefault(process.name, _Known())
        if known.pid != process.pid:
            known.pid, known.since_s, known.unwell_since_s = process.pid, now_s, None
        if process.state == "live":
            known.within_s = WITHIN_S
        if process.state not in UNWELL or process.waits:
            known.unwell_since_s = None
        elif known.unwell_since_s is None:
            known.unwell_since_s = now_s
        if process.supervisor != "FATAL":
            known.fatal_since_s = None
        elif known.fatal_since_s is None:
            known.fatal_since_s = now_s

    def _is_down(self, exchange: str, running: list[Process], now_s: float) -> bool:
        """Whether most workers of an exchange say that they hear nothing; noted once each way."""
        away = [p for p in running if p.state in AWAY and not p.waits and not self._mute(p, now_s)]
        down = 2 * len(away) > len(running)
        if down and exchange not in self._down:
            self._down.add(exchange)
            self.notes.append(
                f"{exchange}: {len(away)} of {len(running)} feeds hear nothing: the exchange is "
                "down, or the way to it; none is restarted until most hear it again"
            )
        elif not down and exchange in self._down:
            self._down.discard(exchange)
            self.notes.append(f"{exchange}: most feeds hear the exchange again")
        return down

    def _judge(self, running: list[Process], now_s: float) -> list[Verdict]:
        mute = [process for process in running if self._mute(process, now_s)]
        at_once = max(1, len(running) // 4)
        found = [Verdict(p.name, p.pid, "kill", f"mute for {MUTE_AFTER_S:.0f} s") for p in mute]
        found += [
            Verdict(p.name, p.pid, "end", f"{p.state} for {STUCK_AFTER_S:.0f} s")
            for p in running
            if p not in mute and self._stuck(p, now_s)
        ]
        allowed = [verdict for verdict in found if self._may(verdict, now_s)]
        for verdict in allowed[:at_once]:
            known = self._known[verdict.name]
            known.restarts.append(now_s)
            known.since_s = known.judged_s = now_s
            known.unwell_since_s = None
        return allowed[:at_once]

    def _revive(self, process: Process, now_s: float) -> Verdict | None:
        """Try again what supervisord has given up: its cause may have passed."""
        since_s = self._known[process.name].fatal_since_s
        if since_s is None or now_s - since_s < FATAL_AFTER_S:
            return None
        verdict = Verdict(process.name, process.pid, "start", "supervisord has given it up")
        if not self._may(verdict, now_s):
            return None
        self._known[process.name].restarts.append(now_s)
        self._known[process.name].fatal_since_s = now_s
        return verdict

    def _mute(self, process: Process, now_s: float) -> bool:
        known = self._known[process.name]
        if process.heard_s is None:
            return now_s - known.since_s > FIRST_WORD_S
        return now_s - max(process.heard_s, known.judged_s) > MUTE_AFTER_S

    def _stuck(self, process: Process, now_s: float) -> bool:
        since_s = self._known[process.name].unwell_since_s
        if since_s is None or now_s - since_s < STUCK_AFTER_S:
            return False
        return process.state not in TRYING or process.tries >= STUCK_AFTER_TRIES

    def _may(self, verdict: Verdict, now_s: float) -> bool:
        """Whether a process was not restarted too often; that it was is noted once.

        What three restarts did not mend waits longer each time, up to a day.
        """
        known = self._known[verdict.name]
        if len(known.restarts) < RESTARTS or now_s - known.restarts[0] > known.within_s:
            if known.gave_up:
                known.gave_up = False
                known.within_s = min(2 * known.within_s, WITHIN_AT_MOST_S)
            return True
        if not known.gave_up:
            known.gave_up = True
            self.notes.append(
                f"{verdict.name}: {verdict.why}, and was restarted {RESTARTS} times within "
                f"{known.within_s / 60:.0f} minutes already; it is left as it is for now"
            )
        return False
