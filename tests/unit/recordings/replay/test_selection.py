"""Which frames of a recording go out."""

from __future__ import annotations

import random
from pathlib import Path

import samples

from feedd.client.events import Gap
from feedd.recordings.format.block_records import SNAPSHOT
from feedd.recordings.format.damage import Damage
from feedd.recordings.format.recording_reader import RecordingReader
from feedd.recordings.replay.selection import Selection


def sent(*paths: Path, wanted: str = "") -> tuple[list[tuple[bytes, bytes]], list[Damage]]:
    damages: list[Damage] = []
    selection = Selection(lambda topic: topic.startswith(wanted.encode()))
    chosen = selection.messages(RecordingReader(paths).entries(), damages.append)
    return [(one.topic, one.payload) for one in chosen if one], damages


def test_frames_go_out_as_recorded_and_notices_do_not(tmp_path: Path) -> None:
    first, last = samples.quote(1, 0), samples.quote(4, 10)
    gap = samples.notice("Gap", 5, Gap("quote.x.", 1, 2, 3, "lost"))
    path = samples.write(tmp_path / "a.feedd", [first, gap, last])
    assert sent(path)[0] == [(one.topic, one.payload) for one in (first, last)]


def test_two_recordings_of_one_stream_are_one_without_holes(tmp_path: Path) -> None:
    every = [samples.quote(seq, seq) for seq in range(1, 40)]
    one = samples.write(tmp_path / "a.feedd", [q for q in every if q not in every[5:9]])
    two = samples.write(tmp_path / "b.feedd", [q for q in every if q not in every[20:30]])
    assert sent(one, two)[0] == [(q.topic, q.payload) for q in every]


def test_a_late_message_is_sent_only_where_it_was_missing(tmp_path: Path) -> None:
    late = [samples.quote(seq, at) for seq, at in ((1, 0), (4, 1), (3, 2), (3, 3), (2, 4), (4, 5))]
    path = samples.write(tmp_path / "a.feedd", late)
    assert sent(path)[0] == [(late[at].topic, late[at].payload) for at in (0, 1, 2, 4)]


def test_the_same_seq_of_another_session_is_another_message(tmp_path: Path) -> None:
    both = [
        samples.quote(1, 0),
        samples.quote(1, 1, session=samples.SESSION + 9),
    ]
    assert len(sent(samples.write(tmp_path / "a.feedd", both))[0]) == 2


def test_a_snapshot_is_a_frame_like_others(tmp_path: Path) -> None:
    old = samples.quote(7, -5_000)._replace(kind=SNAPSHOT)
    path = samples.write(tmp_path / "a.feedd", [old, samples.quote(8, 1)])
    assert len(sent(path)[0]) == 2


def test_only_wanted_topics_go_out(tmp_path: Path) -> None:
    path = samples.write(tmp_path / "a.feedd", [samples.quote(1, 0), samples.status(1, 1, 2)])
    assert [topic[:6] for topic, _ in sent(path, wanted="status.")[0]] == [b"status"]


def test_damage_is_reported_and_the_rest_is_replayed(tmp_path: Path) -> None:
    every = [samples.quote(seq, seq) for seq in range(1, 31)]
    path = samples.write(tmp_path / "a.feedd", every, block=10)
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 0xFF
    path.write_bytes(data)
    left, damages = sent(path)
    assert len(left) == 20
    assert [damage.records for damage in damages] == [10]


def test_messages_in_two_recordings_are_sent_once_in_any_order_of_gaps(
    tmp_path: Path,
) -> None:
    chance = random.Random(7)
    seqs = [chance.randrange(1, 60) for _ in range(200)]
    path = samples.write(
        tmp_path / "a.feedd", [samples.quote(seq, at) for at, seq in enumerate(seqs)]
    )
    first_times = [samples.quote(seq, seqs.index(seq)) for seq in dict.fromkeys(seqs)]
    assert sent(path)[0] == [(one.topic, one.payload) for one in first_times]


def test_another_message_with_the_same_number_is_reported_once(tmp_path: Path) -> None:
    """Two workers or two imports had the same session."""
    one = [samples.quote(seq, seq) for seq in range(1, 9)]
    other = [samples.quote(seq, seq + 0.25) for seq in range(1, 9)]
    frames, damages = sent(
        samples.write(tmp_path / "a.feedd", one), samples.write(tmp_path / "b.feedd", other)
    )
    assert len(frames) == 8
    assert [damage.why.partition(":")[0] for damage in damages] == [
        f"session {samples.SESSION} has two different messages with number 1"
    ]
    same = [samples.write(tmp_path / f"{name}.feedd", one) for name in "cd"]
    assert sent(*same)[1] == []
