"""Record of the callbacks that a source invokes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from feedd.model import Tick


class RecordedCallbacks:
    """Record every callback of a source, by kind."""

    def __init__(self) -> None:
        self.ticks: list[Tick] = []
        self.losses: list[tuple[str, str]] = []
        self.waits: list[str] = []
        self.rejections: list[tuple[list[str], str]] = []
        self.subscriptions: list[str] = []
        self.holes: list[tuple[str, Any, Any, str]] = []
        self.resyncs: list[tuple[str, str]] = []
        self.comparisons: list[str] = []

    def hold(self) -> None: ...

    def release(self) -> None: ...

    def missing(self, channel: str, from_id: Any, to_id: Any, reason: str) -> None:
        self.holes.append((channel, from_id, to_id, reason))

    def resync(self, channel: str, reason: str, *, waits: bool = False) -> None:
        self.resyncs.append((channel, reason))
        if waits:
            self.waits.append(channel)

    def alive(self, channel: str) -> None:
        pass

    def event(self, tick: Tick) -> None:
        self.ticks.append(tick)

    def subscribed(self, channel: str) -> None:
        self.subscriptions.append(channel)

    def lost(self, channel: str, reason: str, *, waits: bool = False) -> None:
        self.losses.append((channel, reason))
        if waits:
            self.waits.append(channel)

    def compared(self, channel: str) -> None:
        self.comparisons.append(channel)

    def rejected(self, channels: Iterable[str], reason: str) -> None:
        self.rejections.append((list(channels), reason))

    def ids(self, channel: str) -> list[Any]:
        return [tick.id for tick in self.ticks if tick.channel == channel]
