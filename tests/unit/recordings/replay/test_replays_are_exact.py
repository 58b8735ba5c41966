"""A subscriber of a replay gets the events that `open_recording` yields."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import samples
from unit.client.simulated import Client, History
from unit.recordings.replay.lossy_recordings import FEEDS, lossy_recording, outline, without_end
from unit.recordings.stream.small_recordings import damage

import feedd
from feedd.recordings.format.block_records import NOTICE
from feedd.recordings.format.damage import Damage
from feedd.recordings.format.recording_reader import RecordingReader
from feedd.recordings.replay.due_messages import due_messages, recorded_and
from feedd.recordings.replay.recorded_snapshot import recorded_snapshot
from feedd.recordings.replay.schedule import Schedule, span_of

S = 1_000_000_000


def replayed(
    paths: Iterable[Path],
    *topics: str,
    pace: float,
    waited_s: float = 0.0,
    preloaded: bool = True,
    blocked_s: float = 0.0,
    replays: tuple[str, ...] = ("",),
    on_damage: Callable[[Damage], object] = pytest.fail,
) -> list[Any]:
    """Return the events of a client that has joined before the replay began."""
    reader = RecordingReader(paths)
    schedule = Schedule(span_of(reader, None, None), pace)
    wanted = recorded_and(lambda topic: topic.decode().startswith(replays), reader)
    history = History()
    if preloaded:
        for one in recorded_snapshot(reader, schedule.span.begin_ns, wanted):
            history.add(one)
    client = Client(*topics, history=history, since_ns=samples.BEGUN_NS + 3600 * S)
    client.respond()
    client.check(waited_s)
    began_s = client.now_s
    for due in due_messages(reader, schedule, wanted, on_damage):
        if due is None:
            continue
        while client.now_s < began_s + due.due_ns / S:
            client.check(min(0.02, began_s + due.due_ns / S - client.now_s + 1e-9))
            client.respond()
        history.add((due.topic, due.payload))
        client.receive((due.topic, due.payload))
        client.check()
        client.respond()
        if blocked_s:  # another subscriber holds up a lossless replay
            for _ in range(int(blocked_s / 0.05)):
                client.check(0.05)
                client.respond()
    for _ in range(200):
        client.check(0.02)
        client.respond()
    return client.received


def expected(paths: Iterable[Path], *topics: str) -> dict[str, list[Any]]:
    return outline(feedd.open_recording(list(paths), topics or ("",)))


@pytest.fixture(params=range(12))
def chance(request: pytest.FixtureRequest) -> random.Random:
    return random.Random(request.param)


@pytest.mark.parametrize("pace", [0.0, 1.0, 7.0, 0.3])
def test_a_subscriber_gets_the_recorded_events(
    tmp_path: Path, chance: random.Random, pace: float
) -> None:
    path = lossy_recording(tmp_path / "a.feedd", chance)
    got = without_end(outline(replayed([path], "", pace=pace)))
    assert got == expected([path])


def test_a_subscriber_that_has_waited_for_long_gets_them_too(
    tmp_path: Path, chance: random.Random
) -> None:
    """It joined an empty history, and has waited for longer than the recorded worker was up."""
    path = lossy_recording(tmp_path / "a.feedd", chance)
    got = without_end(outline(replayed([path], "", pace=0, waited_s=60, preloaded=False)))
    want = expected([path])
    for topic, events in want.items():
        live = [("live", *one[1:]) if one[0] == "snapshot" else one for one in events
                if topic not in FEEDS]  # fmt: skip
        assert got[topic] == (live or events)


def test_a_replay_that_is_held_up_shows_no_other_gaps(
    tmp_path: Path, chance: random.Random
) -> None:
    path = lossy_recording(tmp_path / "a.feedd", chance, records=150)
    got = without_end(outline(replayed([path], "", pace=0, blocked_s=0.5)))
    assert got == expected([path])


def test_two_recordings_of_the_same_feeds_fill_each_others_gaps(
    tmp_path: Path, chance: random.Random
) -> None:
    """Each of two recorders has lost and repaired other messages."""
    whole = lossy_recording(tmp_path / "a.feedd", chance)
    every = [one.what for one in RecordingReader([whole]).entries()]
    paths = []
    for name in ("one", "two"):
        kept = [one for one in every if one.kind == NOTICE or chance.random() > 0.1]
        paths.append(samples.write(tmp_path / name / "a.feedd", kept, block=50))
    got = outline(replayed(paths, "", pace=1))
    want = expected(paths)
    for topic in want:
        if topic not in FEEDS and not topic.startswith("status."):
            assert got[topic] == want[topic]


def test_topics_that_are_not_replayed_are_not_missed(tmp_path: Path, chance: random.Random) -> None:
    path = lossy_recording(tmp_path / "a.feedd", chance)
    shown = ("quote.", "status.")
    got = without_end(outline(replayed([path], "", pace=0, replays=shown)))
    assert got == {topic: found for topic, found in expected([path]).items()
                   if not topic.startswith("trade.")}  # fmt: skip


def test_topics_that_were_not_recorded_are_not_missed(
    tmp_path: Path, chance: random.Random
) -> None:
    path = lossy_recording(tmp_path / "a.feedd", chance, prefixes=("quote.",))
    got = without_end(outline(replayed([path], "", pace=0)))
    assert got == expected([path])


def test_a_lost_tail_is_lost_in_both(tmp_path: Path, chance: random.Random) -> None:
    """The file ends within a block, so that a status has announced what is lost."""
    path = lossy_recording(tmp_path / "a.feedd", chance)
    records = [one.what for one in RecordingReader([path]).entries()]
    last = max(at for at, one in enumerate(records) if one.topic.startswith(b"status."))
    name = b"quote." + records[last].topic.partition(b".")[2]
    cut = records[: last + 1]
    lost = [at for at, one in enumerate(cut) if one.topic == name][-3:]
    left = samples.write(
        tmp_path / "b.feedd", [one for at, one in enumerate(cut) if at not in lost], block=50
    )
    got = without_end(outline(replayed([left], "", pace=1)))
    assert got == expected([left])
    assert got[name.decode()][-1][0] == "lost"


@pytest.mark.parametrize("cut", [True, False])
def test_a_damaged_recording_loses_the_same_in_both(
    tmp_path: Path, chance: random.Random, *, cut: bool
) -> None:
    """A block within it is damaged, or its file ends within one."""
    path = lossy_recording(tmp_path / "a.feedd", chance, records=600)
    if cut:
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * chance.uniform(0.4, 0.95))])
    else:
        damage(path, chance.randrange(1, 11))
    damages: list[Damage] = []
    got = outline(replayed([path], "", pace=0, on_damage=damages.append))
    for topic, events in expected([path]).items():
        if topic not in FEEDS:
            assert got[topic] == events
    assert damages


def test_a_range_begins_without_gaps(tmp_path: Path, chance: random.Random) -> None:
    path = lossy_recording(tmp_path / "a.feedd", chance)
    reader = RecordingReader([path])
    begin_ns = (reader.begun_ns + reader.ended_ns) // 2
    schedule = Schedule(span_of(reader, None, None), 0)
    entries = due_messages(_From(reader, begin_ns), schedule, lambda _: True, pytest.fail)
    history = History()
    client = Client("", history=history, since_ns=samples.BEGUN_NS + 3600 * S)
    client.respond()
    for due in entries:
        if due is not None:
            history.add((due.topic, due.payload))
            client.receive((due.topic, due.payload))
            client.check()
            client.respond()
    for _ in range(200):
        client.check(0.02)
        client.respond()
    want = outline(feedd.open_recording(path, "", from_=begin_ns))
    got = outline(client.received)
    for topic in want:
        if topic not in FEEDS:
            assert got[topic] == want[topic]


class _From:
    """A recording from a time on."""

    def __init__(self, reader: RecordingReader, begin_ns: int) -> None:
        self.series = reader.series
        self._reader, self._begin_ns = reader, begin_ns

    def entries(self, _: int, to_ns: int) -> Iterator[Any]:
        return self._reader.entries(self._begin_ns, to_ns)
