"""The player: what is due goes out, whatever is read meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import samples
from conftest import eventually

from feedd.recordings.format.recording_reader import RecordingReader
from feedd.recordings.replay.due_messages import DueMessage, due_messages
from feedd.recordings.replay.player import Player
from feedd.recordings.replay.schedule import Schedule, span_of


class Sent:
    """The receiver of a player's frames, which is never behind."""

    def __init__(self) -> None:
        self.frames: list[tuple[bytes, bytes]] = []

    def send(self, topic: bytes, payload: bytes) -> bool:
        self.frames.append((topic, payload))
        return True

    def read_subscriptions(self) -> None:
        pass


def endless(path: Path) -> Iterator[DueMessage | None]:
    """Yield a rare topic's frames of a recording that never comes to its end."""
    recording = RecordingReader([path])
    schedule = Schedule(span_of(recording, None, "13:00:01"), 1.0)
    yield from due_messages(recording, schedule, lambda topic: b"BTC" in topic, pytest.fail)
    others = Schedule(schedule.span, 0.0)
    while True:
        for one in due_messages(recording, others, lambda _: False, pytest.fail):
            assert one is None
            yield one


def test_due_messages_wait_for_no_read_and_a_stop_takes_effect(tmp_path: Path) -> None:
    """Behind the last frame of its symbol a recording holds other symbols' for hours."""
    rare = [samples.quote(1, 0), samples.quote(2, 300)]
    many = [samples.quote(seq, 300 + seq / 10, samples.ETH) for seq in range(1, 3_000)]
    path = samples.write(tmp_path / "a.feedd", rare + many)
    outlet, stop = Sent(), threading.Event()
    player = Player(endless(path), outlet, stop, time.monotonic_ns())
    thread = threading.Thread(target=player.run, daemon=True)
    thread.start()
    eventually(lambda: player.sent == 2)
    stop.set()
    thread.join(45)
    assert not thread.is_alive()
    assert outlet.frames == [(one.topic, one.payload) for one in rare]
