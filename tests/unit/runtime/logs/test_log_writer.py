"""The thread that writes the log: it never makes its callers wait, and counts what it loses."""

import errno
import threading
import time
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from conftest import eventually

from feedd.clock import Clock
from feedd.runtime.logs.file import LogFile
from feedd.runtime.logs.writer import LogWriter

ENOSPC = OSError(errno.ENOSPC, "No space left on device")


class Sink:
    """Keeps lines, or fails, or hangs."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.error: Exception | None = None
        self.open = threading.Event()
        self.open.set()
        self.tries = 0

    def __call__(self, line: bytes) -> None:
        self.open.wait()
        error = self.error  # before the try is seen, and the error taken away
        self.tries += 1
        if error is not None:
            raise error
        self.lines.append(line)


def render(level: str, event: MutableMapping[str, Any]) -> bytes:
    return orjson.dumps({"level": level, **event})


@contextmanager
def writing(sink: Any, due: Any = lambda _: [], **options: Any) -> Iterator[LogWriter]:
    writer = LogWriter(sink, render, due, Clock(), tick_s=0.01, **options)
    try:
        yield writer
    finally:
        sink.open.set()
        writer.close(45)


def test_lines_are_written_in_order() -> None:
    sink = Sink()
    with writing(sink) as writer:
        for number in range(1000):
            writer.put(b"%d" % number)
    assert sink.lines == [b"%d" % number for number in range(1000)]


def test_lines_lost_to_a_full_disk_are_counted_and_reported_once_it_has_room() -> None:
    sink = Sink()
    before_ns = time.time_ns()
    with writing(sink) as writer:
        sink.error = ENOSPC
        for _ in range(7):
            writer.put(b"lost")
        eventually(lambda: writer._lost == 7)
        assert sink.lines == []
        sink.error = None
        eventually(lambda: sink.lines)
        writer.put(b"kept")
    told = orjson.loads(sink.lines[0])
    since = told.pop("since")
    assert told == {"level": "warning", "event": "log lines were lost", "lost": 7,
                    "why": "No space left on device"}  # fmt: skip
    assert Clock().now_ns() > before_ns
    assert since[:19] >= time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(before_ns / 1e9))
    assert sink.lines[1:] == [b"kept"]


def test_a_hung_disk_blocks_no_caller_and_drops_what_exceeds_the_queue() -> None:
    sink = Sink()
    with writing(sink, queued=10) as writer:
        sink.open.clear()
        writer.put(b"0")
        eventually(lambda: writer._queue.qsize() == 0)  # the thread has it, and hangs
        for number in range(1, 31):
            writer.put(b"%d" % number)
        sink.open.set()
        eventually(lambda: any(b"lost" in line for line in sink.lines))
    told = [orjson.loads(line) for line in sink.lines if b"lost" in line]
    assert [(line["lost"], line["why"]) for line in told] == [
        (20, "10 lines were waiting for the disk")
    ]
    kept = [line for line in sink.lines if b"lost" not in line]
    assert kept == [b"%d" % number for number in range(11)]


def test_a_hung_disk_holds_up_an_exit_no_longer_than_it_may() -> None:
    sink = Sink()
    with writing(sink) as writer:
        sink.open.clear()
        writer.put(b"x")
        began_s = time.monotonic()
        writer.close()
        assert 0.4 < time.monotonic() - began_s < 20
        assert sink.lines == []


def test_timed_lines_are_written_without_other_logging_and_on_exit() -> None:
    sink = Sink()
    asked: list[bool] = []

    def due(everything: bool) -> list[tuple[str, dict[str, Any]]]:
        asked.append(everything)
        if everything:
            return [("error", {"event": "the last"})]
        return [("warning", {"event": "first"})] if len(asked) == 1 else []

    with writing(sink, due):
        eventually(lambda: sink.lines)
        assert orjson.loads(sink.lines[0]) == {"level": "warning", "event": "first"}
    assert orjson.loads(sink.lines[1]) == {"level": "error", "event": "the last"}
    assert asked[-1]
    assert not any(asked[:-1])


def test_a_fault_in_one_line_does_not_end_the_log() -> None:
    sink = Sink()
    with writing(sink) as writer:
        sink.error = ValueError("a fault")
        writer.put(b"lost")
        eventually(lambda: sink.tries)
        sink.error = None
        writer.put(b"kept")
        eventually(lambda: b"kept" in sink.lines)
    assert any(b"ValueError" in line for line in sink.lines)


def test_many_threads_lose_no_line_between_them_and_rotation_splits_none(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "x.log", max_bytes=20_000, backups=9)
    writer = LogWriter(file.append, render, lambda _: [], Clock())

    def say(thread: int) -> None:
        for number in range(500):
            writer.put(b'{"thread":%d,"number":%d,"fill":"%s"}\n' % (thread, number, b"x" * 40))

    threads = [threading.Thread(target=say, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close(45)
    paths = [*(tmp_path / f"x.log.{number}" for number in range(9, 0, -1)), tmp_path / "x.log"]
    lines = [orjson.loads(line) for path in paths if path.exists()
             for line in path.read_bytes().splitlines()]  # fmt: skip
    assert len([path for path in paths if path.exists()]) > 5
    assert max(path.stat().st_size for path in paths if path.exists()) <= 20_000
    for thread in range(4):
        assert [x["number"] for x in lines if x["thread"] == thread] == list(range(500))


@pytest.mark.parametrize("queued", [1, 100])
def test_the_report_of_a_loss_never_counts_a_line_twice(queued: int) -> None:
    sink = Sink()
    with writing(sink, queued=queued) as writer:
        for number in range(5000):
            sink.error = ENOSPC if number % 1000 < 500 else None
            writer.put(b"%d" % number)
            if number % 100 == 0:
                time.sleep(0.005)
        sink.error = None
        eventually(lambda: not writer._lost)
    lost = sum(orjson.loads(line)["lost"] for line in sink.lines if b"lost" in line)
    kept = sum(b"lost" not in line for line in sink.lines)
    assert lost + kept == 5000
