"""Receiving in batches: `batch_s` of `feedd.subscribe`."""

from __future__ import annotations

from typing import Any

import pytest

from feedd.client import receiver


class Turns:
    """Sockets, protocol and queue whose turns bring so many events; it ends after the last."""

    wait_s = 1.0
    awaits_endpoints = full = False

    def __init__(self, counts: list[int]) -> None:
        self._counts = counts
        self.slept: list[float] = []
        self.got: list[int] = []
        self.error: BaseException | None = None

    @property
    def closing(self) -> bool:
        return not self._counts

    def events(self) -> list[int]:
        return [0] * self._counts.pop(0)

    def put(self, events: list[int]) -> None:
        self.got.append(len(events))

    def end(self, error: BaseException | None) -> None:
        self.error = error

    def clock(self, monotonic_s: float) -> float:
        return monotonic_s

    def messages(self) -> list[Any]:
        return []

    responses = requests = messages

    def wait(self, *_: Any) -> None:
        """Return at once."""

    watch = endpoints = check = close = wait


@pytest.mark.parametrize(
    ("batch_s", "slept"), [(0.0, []), (0.005, [0.005] * 4)], ids=["single", "batches"]
)
def test_a_turn_waits_for_more_messages_unless_the_last_one_brought_many(
    batch_s: float, slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: Any = Turns([1, receiver.BUSY, 5, receiver.BUSY - 1, 2])
    monkeypatch.setattr(receiver.time, "sleep", turns.slept.append)
    receiver._receive(turns, turns, turns, batch_s)
    assert turns.error is None
    assert turns.got == [1, receiver.BUSY, 5, receiver.BUSY - 1, 2]
    assert turns.slept == slept  # not after the busy turn
