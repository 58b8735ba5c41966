"""Stage of the demo's faults: what a subscriber saw, signals to own processes, the fault page."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psutil

from feedd.client.events import (
    Gap,
    NewSession,
    StateChange,
    Stopped,
    Ticker,
    Trade,
    UpstreamGap,
)
from feedd.errors import FeeddError
from feedd.runtime.terminal import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from feedd.client.events import Event
    from feedd.client.stream import Stream
    from feedd.operation.progress import PrintLine
    from feedd.supervision.daemon import Daemon

RECEIVE_S = 0.2
ANSWER_S = 5.0
MOST_NOTICES = 6  # that are printed of one fault
REASON = 90  # characters


class StageError(FeeddError):
    """A fault could not be made; the text states why."""


class EndedElsewhereError(FeeddError):
    """supervisord has ended: someone stopped the demo."""


@dataclass(slots=True)
class Seen:
    """What a subscriber received since a fault began. Pure."""

    states: dict[str, str] = field(default_factory=dict)  # by feed; only changes
    ever: dict[str, set[str]] = field(default_factory=dict)  # states, by feed
    restarted: set[str] = field(default_factory=set)
    missed: list[UpstreamGap] = field(default_factory=list)
    lost: list[Gap] = field(default_factory=list)
    filled: int = 0  # trades that were requested again
    ticks: dict[str, float] = field(default_factory=dict)  # when the last came, by feed
    last: dict[str, Ticker] = field(default_factory=dict)

    def take(self, event: Event, now_s: float) -> str | None:
        """Take an event; return a line on it, None where it is an ordinary tick."""
        match event:
            case StateChange() if event.feed:
                if self.states.get(event.feed) == event.state:
                    return None  # only its reason changed
                self.states[event.feed] = event.state
                self.ever.setdefault(event.feed, set()).add(event.state)
                return f"{_symbol(event.feed)} {event.state}{_why(event.reason)}"
            case StateChange():
                return f"{event.state}{_why(event.reason)}"
            case Stopped():
                return f"{_symbol(event.feed)} stopped{_why(event.reason)}"
            case NewSession():
                self.restarted.add(event.feed)
                return f"NewSession of {_symbol(event.feed)}: its worker restarted"
            case UpstreamGap():
                self.missed.append(event)
                return f"UpstreamGap of {_symbol(event.feed)}: {gap_text(event)}"
            case Gap():
                self.lost.append(event)
                return f"Gap in {event.topic} seq {event.from_seq} to {event.to_seq}"
            case Trade() | Ticker():
                feed = f"{event.exchange}.{event.symbol}."
                self.ticks[feed] = now_s
                self.filled += isinstance(event, Trade) and event.backfilled
                if isinstance(event, Ticker):
                    self.last[feed] = event
        return None


def gap_text(gap: UpstreamGap) -> str:
    """Return the channel and the range of a gap."""
    if gap.from_id is None:
        return f"{gap.channel}, which has no numbers"
    return f"{gap.channel} after {gap.from_id} and before {gap.to_id}"


def _symbol(feed: str) -> str:
    return feed.partition(".")[2].removesuffix(".")


def _why(reason: str | None) -> str:
    text = printable(reason or "")
    return f": {text[:REASON]}{'…' if len(text) > REASON else ''}" if text else ""


class Stage:
    """Makes faults, and waits for what a subscriber sees of them."""

    def __init__(
        self,
        stream: Stream[Any],
        daemon: Daemon,
        exchange_port: int,
        ended: Callable[[], bool],
        print_line: PrintLine,
    ) -> None:
        self.seen = Seen()
        self._stream = stream
        self._daemon = daemon
        self._url = f"http://127.0.0.1:{exchange_port}/embedded/faults"
        self._ended = ended
        self._print_line = print_line
        self._began_s = time.monotonic()
        self._notices = 0

    def begin(self) -> None:
        """Begin with the next fault: what was seen before does not count."""
        self.seen = Seen()
        self._began_s = time.monotonic()
        self._notices = 0

    def await_ticks(self, feeds: int, within_s: float) -> None:
        """Wait until all feeds have published; their first states are no news."""
        self._notices = MOST_NOTICES + 1
        self.wait(lambda: len(self.seen.ticks) >= feeds, within_s)

    @property
    def elapsed_s(self) -> float:
        """Return the time since the fault began."""
        return time.monotonic() - self._began_s

    def pid(self, name: str) -> int:
        """Return the pid of a process that runs, 0 without one."""
        return self.pids().get(name, 0)

    def pids(self) -> dict[str, int]:
        """Return the pids of all processes by name."""
        return {name: int(info["pid"]) for name, info in self._daemon.processes().items()}

    def kill(self, name: str) -> int:
        """Kill one of this demo's own processes; return its pid."""
        pid, parent = self.pid(name), self._daemon.pid
        try:
            if not pid or psutil.Process(pid).ppid() != parent:
                raise StageError(f"{name} does not run")
            os.kill(pid, signal.SIGKILL)
        except (psutil.NoSuchProcess, ProcessLookupError):
            raise StageError(f"{name} has just ended") from None
        return pid

    def fault(self, **fault: Any) -> None:
        """Switch a fault of the embedded exchange on."""
        self._request("POST", json.dumps(fault).encode())

    def end_faults(self) -> None:
        """Switch all faults off."""
        self._request("DELETE", None)

    def _request(self, method: str, body: bytes | None) -> None:
        request = urllib.request.Request(self._url, data=body, method=method)  # noqa: S310  http
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=ANSWER_S) as answer:
                answer.read()
        except urllib.error.HTTPError as error:
            raise StageError(f"the embedded exchange refuses it: {error.read().decode()}") from None
        except OSError as error:
            raise StageError(f"the embedded exchange does not answer: {error}") from None

    def wait(self, condition: Callable[[], bool], within_s: float) -> bool:
        """Receive until a condition holds; return whether it did in time."""
        deadline_s = time.monotonic() + within_s
        while not condition():
            if self._ended():
                raise EndedElsewhereError("the demo was stopped from elsewhere")
            if time.monotonic() > deadline_s:
                return False
            self._receive()
        return True

    def rest(self, for_s: float) -> None:
        """Receive for some time."""
        end_s = time.monotonic() + for_s
        self.wait(lambda: time.monotonic() >= end_s, for_s + 1)

    def _receive(self) -> None:
        event = self._stream.receive(RECEIVE_S)
        if event is None:
            return
        line = self.seen.take(event, time.monotonic())
        if line is None or self._notices > MOST_NOTICES:
            return
        self._notices += 1
        shown = line if self._notices <= MOST_NOTICES else "more notices follow"
        self._print_line(f"  {self.elapsed_s:5.1f} s  {shown}")
