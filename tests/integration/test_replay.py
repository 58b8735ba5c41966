"""`feedd replay` as a process: what subscribers get, and when it ends."""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import samples
import yaml
import zmq
from conftest import PYTHON, REPOSITORY, clean_environment, eventually, free_ports
from unit.recordings.replay.lossy_recordings import FEEDS, lossy_recording, outline, without_end

import feedd
from feedd.codec import decode
from feedd.recordings.format.block_records import SNAPSHOT
from feedd.recordings.replay.time_shift import PASS_MS
from feedd.transport import client_sockets

pytestmark = pytest.mark.process

Frames = list[tuple[bytes, bytes]]
Replay = Callable[..., "subprocess.Popen[str]"]
MANY = 60_000


@pytest.fixture
def endpoint() -> str:
    return f"tcp://127.0.0.1:{free_ports(2)[0]}"


@pytest.fixture
def replay(endpoint: str) -> Iterator[Replay]:
    """Return a function that starts `feedd replay` on the endpoint."""
    started: list[subprocess.Popen[str]] = []

    def start(path: Path, *options: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [PYTHON, "-m", "feedd", "replay", str(path), "--endpoint", endpoint, *options],
            cwd=REPOSITORY, env=clean_environment(), text=True, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@contextmanager
def listening(endpoint: str, **options: int) -> Iterator[zmq.Socket[bytes]]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    socket = context.socket(zmq.SUB)
    for name, value in options.items():
        setattr(socket, name, value)
    socket.connect(endpoint)
    socket.subscribe("")
    try:
        yield socket
    finally:
        context.destroy(linger=0)


def taken(socket: zmq.Socket[bytes], count: int, timeout_s: float = 60.0) -> Frames:
    """Return `count` messages, or fewer where no more arrive."""
    got: Frames = []
    while len(got) < count and socket.poll(int(timeout_s * 1000)):
        topic, payload = socket.recv_multipart()
        got.append((topic, payload))
    return got


def ended(process: subprocess.Popen[str]) -> str:
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return output


def a_day(seconds: int = 3, per_s: int = 50) -> list[samples.BlockRecord]:
    """Return quotes of two symbols, evenly, and a status of both each second."""
    records = []
    for number in range(seconds * per_s):
        at_ms = number * 1000 / per_s
        if number % per_s == 0:
            records += [
                samples.status(number // per_s + 1, at_ms, number + 1, symbol=symbol)
                for symbol in (samples.BTC, samples.ETH)
            ]
        records.append(samples.quote(number + 1, at_ms + 0.1, samples.BTC))
        records.append(samples.quote(number + 1, at_ms + 0.2, samples.ETH))
    return records


def test_record_replay_record_gives_the_same_frames_every_time(
    tmp_path: Path, endpoint: str, replay: Replay
) -> None:
    """By the recorder itself, that stays for the second replay, and keeps nothing of it twice."""
    path = samples.write(tmp_path / "day.feedd", a_day())
    recorded = samples.frames(path)
    history = f"tcp://127.0.0.1:{int(endpoint.rpartition(':')[2]) + 1}"
    config = tmp_path / "feedd.yaml"
    config.write_text(yaml.safe_dump({
        "source": "replay", "symbols": ["BTC/USDT"], "run_dir": str(tmp_path / "run"),
        "replay": {"recordings": [str(path)], "pace": 0},
        "proxy": {"subscribers": endpoint, "history": history},
    }))  # fmt: skip
    again = tmp_path / "again"
    recorder = subprocess.Popen(
        [PYTHON, "-m", "feedd", "--config", config, "record", "--dir", again],
        cwd=REPOSITORY, env=clean_environment(), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert recorder.stderr is not None
        assert "recording to" in recorder.stderr.readline()
        for _ in range(2):
            with listening(endpoint) as socket:
                process = replay(path, "--pace", "0")
                assert taken(socket, len(recorded)) == recorded
                ends = taken(socket, 2)
                assert not socket.poll(100)
            assert [decode(payload)["reason"] for _, payload in ends] == [
                "the recording has ended"
            ] * 2
            assert f"sent {len(recorded)} messages" in ended(process)
        recorder.send_signal(signal.SIGINT)
        _, errors = recorder.communicate(timeout=30)
        assert recorder.returncode == 0, errors
    finally:
        recorder.kill()
        recorder.communicate()
    assert samples.frames(again) == recorded + ends


def test_nothing_is_dropped_for_a_subscriber_that_is_slow(
    tmp_path: Path, endpoint: str, replay: Replay
) -> None:
    """Two slow subscribers both receive everything; each one delays the other."""
    many = [samples.quote(seq, seq / 100) for seq in range(1, MANY + 1)]
    path = samples.write(tmp_path / "many.feedd", many)
    seqs: list[int] = []
    told: list[Any] = []

    def listen() -> None:
        with feedd.subscribe(endpoint, "quote.", lossless=True, most_queued=100) as stream:
            for event in stream:
                if isinstance(event, feedd.Quote):
                    seqs.append(event.seq)
                    if event.seq % 10_000 == 0:
                        time.sleep(0.1)
                elif not isinstance(event, feedd.StateChange):
                    told.append(event)
                if len(seqs) == MANY:
                    return

    thread = threading.Thread(target=listen, daemon=True)
    with listening(endpoint, rcvhwm=10, rcvbuf=65_536) as socket:
        thread.start()
        process = replay(path, "--pace", "0")
        assert socket.poll(30_000)
        time.sleep(0.5)
        waiting = len(seqs)
        assert process.poll() is None
        assert waiting < MANY  # held up by the other
        got = taken(socket, MANY)
    thread.join(60)
    assert got == [(one.topic, one.payload) for one in many]
    assert seqs == list(range(1, MANY + 1))
    assert told == []
    ended(process)


def test_a_lossless_stream_may_be_left_alone_for_long(
    tmp_path: Path, endpoint: str, replay: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pause exceeds the heartbeat timeout, and no feed is reported stale for it."""
    monkeypatch.setattr(client_sockets, "HEARTBEAT_MS", 200)
    monkeypatch.setattr(client_sockets, "HEARTBEAT_TIMEOUT_MS", 500)
    many, beats = [], 0
    for seq in range(1, MANY + 1):
        many.append(samples.quote(seq, seq / 100))
        # None while it is left alone; afterwards a slow reader would miss them.
        if seq == 3 or (seq > 5_000 and seq % 1_000 == 0):
            beats += 1
            many.append(samples.status(beats, seq / 100, seq + 1))
    path = samples.write(tmp_path / "many.feedd", many)
    with feedd.subscribe(endpoint, "quote.", lossless=True, most_queued=100) as stream:
        process = replay(path, "--pace", "0")
        seen = [stream.receive(30), stream.receive(30), stream.receive(30)]
        time.sleep(0.8)
        assert process.poll() is None  # it waits
        # Each shorter than a stall, together longer than the heartbeat timeout.
        for _ in range(7):
            seen += [stream.receive(30) for _ in range(600)]
            time.sleep(0.4)
        while not isinstance(seen[-1], feedd.Quote) or seen[-1].seq < MANY:
            seen.append(stream.receive(30))
            assert seen[-1] is not None
        ended(process)
    assert [one.seq for one in seen if isinstance(one, feedd.Quote)] == [*range(1, MANY + 1)]
    others = [one for one in seen if not isinstance(one, feedd.Quote)]
    assert {type(one) for one in others} <= {feedd.StateChange}
    assert "stale" not in {one.state for one in others if isinstance(one, feedd.StateChange)}


def test_a_replay_is_received_to_its_last_message(
    tmp_path: Path, endpoint: str, replay: Replay
) -> None:
    """The replay is done, and waits: its subscriber begins to read only then."""
    many = [samples.quote(seq, seq / 100) for seq in range(1, 12_001)]
    path = samples.write(tmp_path / "many.feedd", many)
    with listening(endpoint, rcvhwm=10, rcvbuf=65_536) as socket:
        process = replay(path, "--pace", "0")
        assert process.stdout is not None
        assert process.stdout.readline().endswith("; waiting for a first subscriber\n")
        # Where the system's buffers are small it is not done before it is read.
        select.select([process.stdout], [], [], 10.0)
        time.sleep(0.5)  # what a hasty end would throw away is gone by then
        got = taken(socket, len(many))
        assert not socket.poll(100)
    assert got == [(one.topic, one.payload) for one in many]
    ended(process)


def test_a_subscriber_that_dies_blocks_no_other(
    tmp_path: Path, endpoint: str, replay: Replay
) -> None:
    many = [samples.quote(seq, seq / 100) for seq in range(1, MANY + 1)]
    path = samples.write(tmp_path / "many.feedd", many)
    code = (
        "import zmq, time\n"
        f"s = zmq.Context().socket(zmq.SUB); s.rcvhwm = 10; s.rcvbuf = 65536\n"
        f"s.connect('{endpoint}')\n"
        "s.subscribe(''); s.recv(); print('there', flush=True); time.sleep(600)"
    )
    dying = subprocess.Popen([PYTHON, "-c", code], stdout=subprocess.PIPE)
    try:
        process = replay(path, "--pace", "0")
        assert dying.stdout is not None
        assert dying.stdout.readline() == b"there\n"
        time.sleep(0.5)
        assert process.poll() is None
    finally:
        dying.kill()
        dying.communicate()
    assert f"sent {MANY:,} messages" in ended(process)


def test_a_strategy_receives_the_recorded_gaps(
    tmp_path: Path, endpoint: str, replay: Replay
) -> None:
    new = samples.SESSION + 60_000
    day = [
        samples.status(1, 0, 1),
        *(samples.quote(seq, seq) for seq in (1, 2, 3, 7, 8)),
        samples.status(2, 100, 9),
        samples.status(1, 200, 1, session=new, state="starting"),
        *(samples.quote(seq, 200 + seq, session=new) for seq in (1, 2)),
        samples.status(2, 300, 3, session=new, state="stopped"),
    ]
    path = samples.write(tmp_path / "day.feedd", day)
    with feedd.subscribe(endpoint, "quote.", lossless=True) as stream:
        process = replay(path, "--pace", "1", "--wait")
        seen: list[Any] = []
        while not seen or not isinstance(seen[-1], feedd.Stopped):
            event = stream.receive(30)
            assert event is not None, seen
            seen.append(event)
        ended(process)
    quotes = [(e.session, e.seq) for e in seen if isinstance(e, feedd.Quote)]
    session = samples.SESSION
    assert quotes == [*((session, seq) for seq in (1, 2, 3, 7, 8)), (new, 1), (new, 2)]
    gaps = [e for e in seen if isinstance(e, feedd.Gap)]
    assert [(gap.topic, gap.from_seq, gap.to_seq) for gap in gaps] == [
        ("quote.binanceusdm.BTC/USDT:USDT.", 4, 6)
    ]
    news = [e for e in seen if isinstance(e, feedd.NewSession)]
    assert [(one.old, one.new) for one in news] == [(session, new)]


def test_frames_are_as_far_apart_as_they_were(
    tmp_path: Path, endpoint: str, replay: Replay
) -> None:
    """Half as fast, a second takes two; the first message may be seen late on a busy machine."""
    path = samples.write(tmp_path / "day.feedd", a_day(seconds=2))
    wanted = [
        (topic, payload)
        for topic, payload in samples.frames(path)
        if decode(payload)["published_ns"] <= samples.BEGUN_NS + 1_000_000_000
    ]
    with listening(endpoint) as socket:
        process = replay(path, "--pace", "0.5", "--wait", "--to", "13:00:01")
        assert socket.poll(30_000)
        began_s = time.monotonic()
        got = taken(socket, len(wanted))
        took_s = time.monotonic() - began_s
        assert f"sent {len(wanted)} messages" in ended(process)
    assert got == wanted
    assert took_s > 0.5


def test_a_loop_is_newer_each_time_and_ctrl_c_ends_it(
    tmp_path: Path, endpoint: str, replay: Replay
) -> None:
    path = samples.write(tmp_path / "day.feedd", a_day(seconds=1, per_s=5))
    recorded = samples.frames(path)
    with listening(endpoint) as socket:
        process = replay(path, "--pace", "20", "--loop", "--wait")
        got = taken(socket, 3 * len(recorded))
        process.send_signal(signal.SIGINT)
        began_s = time.monotonic()
        output, errors = process.communicate(timeout=30)
    assert time.monotonic() - began_s < 10
    assert process.returncode == 130, errors
    assert "interrupted" in output
    size = len(recorded)
    assert got[:size] == recorded
    for number in (1, 2):
        for was, now in zip(recorded, got[number * size :], strict=False):
            before, after = decode(was[1]), decode(now[1])
            assert after == {**before, "session": before["session"] + number * PASS_MS}


def test_ctrl_c_ends_a_replay_that_waits_for_a_subscriber_that_hangs(
    tmp_path: Path, endpoint: str, replay: Replay
) -> None:
    many = [samples.quote(seq, seq / 100) for seq in range(1, MANY + 1)]
    path = samples.write(tmp_path / "many.feedd", many)
    with listening(endpoint, rcvhwm=10, rcvbuf=65_536) as socket:
        process = replay(path, "--pace", "0")
        assert socket.poll(30_000)
        time.sleep(0.5)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted" in output


def test_moved_to_now_a_message_is_as_old_as_it_is(
    tmp_path: Path, endpoint: str, replay: Replay
) -> None:
    path = samples.write(tmp_path / "day.feedd", a_day(seconds=1, per_s=5))
    recorded = samples.frames(path)
    with listening(endpoint) as socket:
        before_ns = time.time_ns()
        process = replay(path, "--pace", "10", "--wait", "--timestamps", "now")
        got = [decode(payload) for _, payload in taken(socket, len(recorded))]
        ended(process)
    assert len(got) == len(recorded)
    assert all(before_ns < one["published_ns"] < time.time_ns() for one in got)
    assert len({one["session"] for one in got}) == 1


def test_it_refuses_where_somebody_serves_already(
    tmp_path: Path, endpoint: str, replay: Replay
) -> None:
    path = samples.write(tmp_path / "day.feedd", a_day(seconds=1, per_s=5))
    with zmq.Context() as context, context.socket(zmq.PUB) as taken_already:
        taken_already.bind(endpoint)
        process = replay(path)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 69
    assert f"{endpoint} is held by pid {os.getpid()} (" in errors
    assert "feedd stop" in errors


def test_the_history_answers_as_it_does_live(tmp_path: Path, endpoint: str, replay: Replay) -> None:
    """A late subscriber starts with the last message of each topic."""
    path = samples.write(tmp_path / "day.feedd", a_day(seconds=10, per_s=5))
    with listening(endpoint) as socket:
        process = replay(path, "--pace", "0.2", "--wait")
        assert len(taken(socket, 4)) == 4
        with feedd.subscribe(endpoint, "quote.") as stream:
            origins = eventually(lambda: _origins(stream))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert origins[0] == "snapshot"


def _origins(stream: feedd.Stream[Any]) -> list[str]:
    found = []
    while (event := stream.receive(0.5)) is not None:
        if isinstance(event, feedd.Quote):
            found.append(event.origin)
    return found


@pytest.mark.parametrize("options", [("--pace", "0"), ("--pace", "25", "--wait")])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_lossless_subscriber_gets_the_recorded_events_and_no_other_gap(
    tmp_path: Path, endpoint: str, replay: Replay, seed: int, options: tuple[str, ...]
) -> None:
    """With sessions, gaps, and a snapshot whose statuses are older than its ticks."""
    path = lossy_recording(tmp_path / "day.feedd", random.Random(seed))
    process = replay(path, *options)
    assert process.stdout is not None
    assert "waiting for a first subscriber" in process.stdout.readline()
    with feedd.subscribe(endpoint, lossless=True) as stream:
        seen = until_stopped(stream, len(FEEDS))
    ended(process)
    assert without_end(outline(seen)) == outline(feedd.open_recording(path))


def test_a_subscriber_that_waited_for_the_endpoint_gets_no_other_gap(
    tmp_path: Path, endpoint: str, replay: Replay
) -> None:
    """Its stream began without a snapshot, and before the recorded worker, by the uptime."""
    day = [
        samples.status(1, 0, 5)._replace(kind=SNAPSHOT),
        samples.quote(8, 50)._replace(kind=SNAPSHOT),
        samples.quote(9, 100),
        samples.status(2, 1000, 10),
        samples.quote(10, 1100),
    ]
    for at, one in enumerate(day):
        if one.topic.startswith(b"status."):
            young = {**decode(one.payload), "uptime_s": 0.1}
            day[at] = one._replace(payload=msgspec.msgpack.encode(young))
    path = samples.write(tmp_path / "day.feedd", day)
    with feedd.subscribe(endpoint, lossless=True) as stream:
        assert isinstance(stream.receive(30), feedd.StateChange)  # no_history
        process = replay(path, "--pace", "0")
        seen = until_stopped(stream, 1)
    ended(process)
    assert [one.seq for one in seen if isinstance(one, feedd.Quote)] == [8, 9, 10]
    assert not [one for one in seen if isinstance(one, feedd.Gap)]


def test_a_subscriber_that_joins_an_unpaced_replay_gets_the_rest_of_it(
    tmp_path: Path, endpoint: str, replay: Replay
) -> None:
    many = [samples.status(1, 0, 1), *(samples.quote(seq, seq / 100) for seq in range(1, MANY + 1))]
    path = samples.write(tmp_path / "many.feedd", many)
    with feedd.subscribe(endpoint, "quote.", lossless=True, most_queued=1000) as first:
        process = replay(path, "--pace", "0")
        for _ in range(3000):
            assert first.receive(30) is not None
        with feedd.subscribe(endpoint, "quote.", lossless=True) as late:
            joined = late.receive(30)
            reading = threading.Thread(target=lambda: until_stopped(first, 1), daemon=True)
            reading.start()
            seen = [joined, *until_stopped(late, 1)]
            reading.join(60)
    ended(process)
    assert not [one for one in seen if isinstance(one, feedd.Gap)]
    seqs = [one.seq for one in seen if isinstance(one, feedd.Quote)]
    assert seqs == [*range(seqs[0], MANY + 1)]


def test_a_second_replay_of_a_recording_is_like_the_first(
    tmp_path: Path, endpoint: str, replay: Replay
) -> None:
    path = lossy_recording(tmp_path / "day.feedd", random.Random(3))
    outlines = []
    for _ in range(2):
        process = replay(path, "--pace", "0")
        assert process.stdout is not None
        process.stdout.readline()
        with feedd.subscribe(endpoint, lossless=True) as stream:
            outlines.append(outline(until_stopped(stream, len(FEEDS))))
        ended(process)
    assert outlines[0] == outlines[1]


def until_stopped(stream: feedd.Stream[Any], feeds: int) -> list[Any]:
    """Return the events until so many feeds report the recording's end, and those held until then.

    A topic that waits for a repair is later than its feed's end.
    """
    seen: list[Any] = []
    while feeds:
        event = stream.receive(30)
        assert event is not None, seen[-3:]
        seen.append(event)
        feeds -= isinstance(event, feedd.Stopped)
    while (event := stream.receive(1.0)) is not None:
        seen.append(event)
    return seen
