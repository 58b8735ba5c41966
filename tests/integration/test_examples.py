"""The examples, as a person runs them."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from conftest import REPOSITORY, clean_environment, free_ports
from integration.client_setup import Feed, Threaded, World

import feedd
from feedd import model
from feedd.recordings.format.block_records import LIVE, NOTICE
from feedd.recordings.format.segment_schema import SegmentMeta
from feedd.recordings.format.segment_writer import SegmentWriter

pytestmark = pytest.mark.process

WAVE = 1200  # quotes: up for half of them, then down
THREE_WAYS = [sys.executable, "-u", str(REPOSITORY / "examples" / "three_ways.py")]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    one = World(tmp_path)
    yield one
    one.close()


def quote(number: int) -> model.Quote:
    """Return a quote of the wave."""
    mid = 1000.0 - abs(number % WAVE - WAVE / 2)
    return model.Quote(
        symbol="A/B", timestamp=1, bid=mid, bid_size=1.0, ask=mid, ask_size=1.0, exchange="test",
        received_ns=1,
    )  # fmt: skip


class Waves(Threaded):
    """Publishes the wave, again and again."""

    def __init__(self, feed: Feed) -> None:
        super().__init__()
        self._feed = feed
        self._number = 0

    def once(self) -> None:
        self._number += 1
        self._feed.publisher.publish(quote(self._number))
        time.sleep(0.0002)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Return the folder of two waves, with a gap between them."""
    begun_ns = time.time_ns()
    meta = SegmentMeta(exchange="test", prefixes=("",), begun_ns=begun_ns, made_by="a test")
    folder = tmp_path / "recording"
    folder.mkdir()
    writer = SegmentWriter(folder / "one.feedd", meta)
    for seq in range(1, 2 * WAVE + 1):
        at_ns = begun_ns + seq
        if seq == WAVE + 1:
            gap = feedd.Gap("quote.test.A/B.", 1, seq, seq, "a test's")
            writer.add(at_ns, NOTICE, b"Gap", msgspec.msgpack.encode(gap))
            continue
        one = msgspec.structs.replace(quote(seq), published_ns=at_ns, session=1, seq=seq)
        writer.add(at_ns, LIVE, b"quote.test.A/B.", msgspec.msgpack.encode(one))
    writer.close("a test's end")
    return folder


def said_of(recording: Path) -> list[str]:
    """Return the strategy's output for a recording."""
    done = subprocess.run(
        [*THREE_WAYS, str(recording)], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.splitlines()


def test_a_strategy_runs_on_a_recording(recording: Path) -> None:
    first, again, second, last = said_of(recording)
    assert " A/B down at " in first
    assert again == "! test.A/B. restarts: a test's"
    assert " A/B down at " in second
    assert last == "2 crossings, 1 restarts"


def test_the_strategys_output_is_the_same_on_a_replay(recording: Path) -> None:
    endpoint = f"tcp://127.0.0.1:{free_ports(2)[0]}"
    replay = subprocess.Popen(
        [sys.executable, "-m", "feedd", "replay", recording, "--pace", "0",
         "--endpoint", endpoint],
        cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    running = subprocess.Popen([*THREE_WAYS, endpoint], stdout=subprocess.PIPE, text=True)
    try:
        assert running.stdout is not None
        first, again, second = (running.stdout.readline().rstrip() for _ in range(3))
        assert replay.wait(60) == 0
        running.send_signal(signal.SIGINT)
        last = running.communicate(timeout=60)[0].rstrip()
    finally:
        for process in (running, replay):
            process.kill()
            process.wait()
    expected = said_of(recording)
    assert [first, second, last] == [expected[0], expected[2], expected[3]]
    assert again.startswith("! test.A/B. restarts: ")  # reported again, for its own reason


def test_the_same_strategy_runs_live(world: World) -> None:
    side = world.proxy()
    world.opened(Waves(world.feed(side)))
    running = subprocess.Popen([*THREE_WAYS, side.endpoint], stdout=subprocess.PIPE, text=True)
    try:
        assert running.stdout is not None
        # A start inside a gap that the history was too slow to fill is reported too.
        crossings = (line for line in iter(running.stdout.readline, "") if line[0] != "!")
        lines = [next(crossings) for _ in range(2)]
        assert sorted(line.split()[2] for line in lines) == ["down", "up"]
        running.send_signal(signal.SIGINT)
        said, _ = running.communicate(timeout=60)
        assert said.splitlines()[-1].endswith("restarts")
        assert running.returncode == 0
    finally:
        running.kill()
        running.wait()


@pytest.mark.parametrize(
    "words",
    [
        ["strategy.py", "localhost:5500"],
        ["strategy.py", "no-endpoint"],
        ["three_ways.py", "/no/such/recording"],
        ["three_ways.py", "nonsense://x"],
        ["conformance_client.py"],
    ],
)
def test_a_wrong_argument_of_an_example_is_an_error_without_a_traceback(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / "examples" / words[0]), *words[1:]], text=True,
        capture_output=True, timeout=60, check=False, env=clean_environment(),
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr
    assert "Traceback" not in done.stderr
