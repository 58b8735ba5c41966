"""Intake: reads the endpoint through the client library and passes each event to its readers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

import feedd
from feedd.client.events import Gap, NewSession, StateChange, Stopped, UpstreamGap
from feedd.clock import NS_PER_MS
from feedd.gateway.journal import Journal
from feedd.gateway.market import Market

if TYPE_CHECKING:
    from collections.abc import Mapping

    from feedd.client.events import Event, Notice, Status, Tick
    from feedd.gateway.journal import Entry

EVERYTHING = ("", "status.")
BATCH_S = 0.005  # a person does not see it, and at 2,000 messages per second it halves the CPU


class Reader(Protocol):
    """What receives every event of the intake, in order; it must not wait or raise."""

    def message(self, topic: str, event: Tick | Status, now_s: float) -> None:
        """Take a message, after `Market` has kept it."""

    def notice(self, notice: Notice, entry: Entry) -> None:
        """Take a notice, with its entry in the journal."""


class Intake:
    """Subscriber to everything that the proxies forward.

    `histories` is the history of each proxy, by its endpoint. Only messages of `deployment` pass.
    """

    def __init__(self, histories: Mapping[str, str], deployment: str | None) -> None:
        self.market = Market()
        self.journal = Journal()
        self.readers: list[Reader] = []
        self._histories = dict(histories)
        self._deployment = deployment

    async def run(self) -> None:
        """Read until cancelled."""
        async with feedd.subscribe(
            list(self._histories),
            EVERYTHING,
            history=list(self._histories.values()),
            deployment=self._deployment,
            batch_s=BATCH_S,
        ) as stream:
            async for event in stream:
                self.take(event, time.monotonic(), time.time_ns() // NS_PER_MS)

    def take(self, event: Event, now_s: float, now_ms: int) -> None:
        """Keep an event, and pass it to the readers."""
        if isinstance(event, Gap | UpstreamGap | NewSession | StateChange | Stopped):
            entry = self.journal.add(event, now_ms)
            for reader in self.readers:
                reader.notice(event, entry)
            return
        topic = self.market.add(event, now_s)
        for reader in self.readers:
            reader.message(topic, event, now_s)
