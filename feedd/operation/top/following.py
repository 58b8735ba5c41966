"""Threads of `feedd top`: one polls the health, one follows the prices. The screen never waits."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import feedd
from feedd.errors import FeeddError
from feedd.operation.top.prices import PriceBoard, prefixes

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from feedd.config.settings import Config
    from feedd.health.report import Report

FIRST_WAIT_S = 1.4  # a feed publishes its status once a second
WAIT_S = 0.4  # of later reports: what has not published for 3 s is silent anyway
RETRY_S = 1.0
RECEIVE_S = 0.2
END_S = 10.0  # while supervisord hangs; a thread with open sockets would block the exit


class Monitor(Protocol):
    """A source of reports."""

    def report(self, timeout_s: float = ...) -> Report:
        """Return the current health, after at most about `timeout_s`."""


class Watched(NamedTuple):
    """The configuration, and a monitor of its health to be opened."""

    config: Config
    monitor: AbstractContextManager[Monitor]


class Snapshot(NamedTuple):
    """A report, and when it was made, monotonic."""

    report: Report
    at_s: float


@dataclass(frozen=True, slots=True)
class Subscription:
    """Where prices come from."""

    endpoints: tuple[str, ...]
    histories: tuple[str, ...]
    prefixes: frozenset[str]
    deployment: str | None


class Following:
    """`latest`, `symbols` and `board` are what a screen shows; `error` is why nothing newer comes.

    `watch` opens what is watched, again whenever `version` changes: another configuration runs.
    """

    def __init__(
        self, watch: Callable[[], Watched], version: Callable[[], object], interval_s: float
    ) -> None:
        self.latest: Snapshot | None = None
        self.symbols: dict[str, str] = {}
        self.error: str | None = None
        self.board = PriceBoard()
        self._watch = watch
        self._version = version
        self._interval_s = interval_s
        self._wanted: Subscription | None = None
        self._ends = threading.Event()
        self._threads = [
            threading.Thread(target=run, name=name, daemon=True)
            for name, run in (("health", self._poll), ("prices", self._follow))
        ]

    def start(self) -> None:
        """Start both threads."""
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """End both threads, which takes up to a second."""
        self._ends.set()
        for thread in self._threads:
            thread.join(END_S)

    def _poll(self) -> None:
        while not self._ends.is_set():
            try:
                self._poll_one()
            except FeeddError as error:
                self.error = str(error)
                self._ends.wait(RETRY_S)

    def _poll_one(self) -> None:
        """Poll until another configuration runs."""
        version, wait_s = self._version(), FIRST_WAIT_S
        config, opened = self._watch()
        self.symbols = {feed.name: feed.symbol for feed in config.feeds()}
        with opened as monitor:
            while not self._ends.is_set() and self._version() == version:
                report = monitor.report(wait_s)
                self.latest, self.error = Snapshot(report, time.monotonic()), None
                self._wanted = Subscription(
                    tuple(config.fan_outs().values()),
                    tuple(config.history_endpoints().values()),
                    prefixes(report.feeds),
                    report.deployment,
                )
                wait_s = WAIT_S if report.processes else FIRST_WAIT_S
                self._ends.wait(self._interval_s)

    def _follow(self) -> None:
        while not self._ends.is_set():
            wanted = self._wanted
            if wanted is None:
                self._ends.wait(RECEIVE_S)
                continue
            try:
                self._follow_one(wanted)
            except FeeddError as error:
                self.board.stream = str(error)
                self._ends.wait(RETRY_S)

    def _follow_one(self, wanted: Subscription) -> None:
        """Follow the prices until others are wanted."""
        with feedd.subscribe(
            wanted.endpoints,
            wanted.prefixes,
            history=wanted.histories,
            deployment=wanted.deployment,
        ) as stream:
            while not self._ends.is_set() and self._wanted == wanted:
                event = stream.receive(RECEIVE_S)
                if event is not None:
                    self.board.take(event, time.monotonic(), time.time_ns())
