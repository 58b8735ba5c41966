"""What recording takes: the writer alone, the recorder behind the proxy, and a day of 100 symbols.

`python -m bench record [--quick]` prints it.
"""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

import structlog
import zmq

from bench import recording
from bench.line import Line, feedd, first
from bench.one_handler import folder
from bench.processes import Processes, cpu_ns, until
from feedd.client.events import Gap
from feedd.codec import encode
from feedd.config.settings import RecorderSettings
from feedd.model import Quote
from feedd.recordings.format.block_records import LIVE, NOTICE, BlockRecord
from feedd.recordings.format.recording_reader import RecordingReader
from feedd.recordings.format.segment_reader import SegmentReader
from feedd.recordings.recorder.record_decoding import decode_notice
from feedd.recordings.recorder.series_writer import SeriesWriter
from feedd.topics import topic
from feedd.transport.subscriber import Subscriber

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from feedd.recordings.recorder.recorder_log import RecorderLog

FRAMES = 400_000  # of the writer alone
RATES = (5_000, 10_000, 20_000, 40_000, None)  # None: as fast as the proxy takes them
LASTS_S = 5.0
SYMBOLS = 100
RATE = 10.0  # quotes and trades a second, of each symbol
MINUTE_S = 60.0
SETTLE_S = 5.0
DAY_S = 86_400
EXCHANGE = "binanceusdm"
CHUNK_S = 0.005
SETTINGS = {"fsync_s": 1.0}


def run(*, quick: bool) -> None:
    """Measure, and print the figures."""
    part = 10 if quick else 1
    print("The writer alone:", flush=True)
    print(f"  {writer(FRAMES // part)}", flush=True)
    print("The recorder behind the proxy, client library included:", flush=True)
    for line in behind_the_proxy(LASTS_S / part):
        print(f"  {line}", flush=True)
    symbols, seconds = (5, 6.0) if quick else (SYMBOLS, MINUTE_S)
    print(f"{symbols} symbols of the generated market, {RATE:g} quotes and trades a second each:")
    print(f"  {a_day(symbols, seconds)}", flush=True)


def frames(count: int, name: str, session: int = 1) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield real quotes as a worker publishes them: `published_ns`, topic and payload."""
    found = recording.quotes(recording.recording())
    frame = topic("quote", EXCHANGE, name).encode()
    began_ns = time.time_ns()
    for number in range(count):
        raw = json.loads(found[number % len(found)].data)
        now_ns = began_ns + number * 1000
        event = Quote(
            symbol=name, timestamp=raw["T"], bid=float(raw["b"]), bid_size=float(raw["B"]),
            ask=float(raw["a"]), ask_size=float(raw["A"]), exchange=EXCHANGE,
            received_ns=now_ns - 70_000, published_ns=now_ns, session=session, seq=number + 1,
            id=raw["u"],
        )  # fmt: skip
        yield now_ns, frame, encode(event)


def writer(count: int) -> str:
    """Return what writing alone takes, fsyncs included."""
    made = list(frames(count, recording.SYMBOL))
    raw = sum(len(payload) for _, _, payload in made)
    log: RecorderLog = structlog.get_logger()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("warning"))
    with folder() as own:
        series = SeriesWriter(own, EXCHANGE, RecorderSettings(**SETTINGS), None, log)
        cpu0_ns, began_s = time.process_time_ns(), time.monotonic()
        for number, (ns, frame, payload) in enumerate(made):
            series.add(ns, LIVE, frame, payload)
            if number % 1000 == 0:
                series.check(time.time_ns(), time.monotonic())
        series.close("the bench's end")
        passed_s = time.monotonic() - began_s
        cpu_us = (time.process_time_ns() - cpu0_ns) / 1e3 / count
        return (
            f"{count / passed_s:9,.0f} frames/s  {cpu_us:5.2f} µs CPU a frame  "
            f"{raw / count:.0f} bytes a frame, {series.size / count:.1f} on the disk"
        )


def behind_the_proxy(seconds: float) -> Iterator[str]:
    """Yield, rate by rate, what arrived in the recording, and what the recorder took for it."""
    with folder() as own, Processes(own) as at:
        kept = own / "recordings"
        line = Line(own / "line", "native", 1, recorder={"dir": str(kept), **SETTINGS})
        line.start(at, "proxy")
        recorder = line.start(at, "recorder")
        report = own / "line" / "run" / "recorder.json"
        until(report.exists, 20.0, "the recorder records", at)
        sender = _Sender(f"ipc://{own / 'line' / 'workers.sock'}")
        measured = []
        for rate in RATES:
            count = int((rate or 40_000) * seconds)
            name = f"R{rate or 0}/USDT:USDT"
            made = list(frames(count, name))
            cpu0_ns = cpu_ns(recorder.pid)
            took_s = sender.send(made, rate)
            _settled(report)
            measured.append((rate, name, count, took_s, cpu_ns(recorder.pid) - cpu0_ns))
        sender.close()
        at.stop(recorder)
        counts, missing = _held(kept)
        for rate, name, count, took_s, cpu in measured:
            frame = topic("quote", EXCHANGE, name)
            how = "" if rate else " (all that the proxy took)"
            share, gaps = counts.get(frame, 0) / count, missing.get(frame, 0)
            yield (
                f"{count / took_s:9,.0f} frames/s{how}  {cpu / 1e3 / count:5.2f} µs CPU a frame  "
                f"{share:.2%} recorded, {gaps:,} reported as gaps"
            )


class _Sender:
    """A worker's socket, that waits for the proxy."""

    def __init__(self, workers: str) -> None:
        self._context: zmq.Context[Any] = zmq.Context()
        self._socket = self._context.socket(zmq.XPUB)
        self._socket.linger = 0
        self._socket.sndhwm = 1000
        self._socket.setsockopt(zmq.XPUB_NODROP, 1)
        self._socket.connect(workers)
        subscribed = False
        while not subscribed:
            subscribed = self._socket.recv() == b"\1"

    def send(self, made: list[tuple[int, bytes, bytes]], rate: int | None) -> float:
        """Send; return how long it took, in s."""
        began_s = time.monotonic()
        each = len(made) if rate is None else max(1, int(rate * CHUNK_S))
        for begin in range(0, len(made), each):
            due_s = began_s + (begin / rate if rate else 0.0)
            time.sleep(max(0.0, due_s - time.monotonic()))
            for _, frame, payload in made[begin : begin + each]:
                self._socket.send(frame, zmq.SNDMORE)
                self._socket.send(payload)
        return time.monotonic() - began_s

    def close(self) -> None:
        self._context.destroy()


def _settled(report: Path) -> None:
    """Return once the recorder writes no more."""
    before, since_s = -1, time.monotonic()
    while time.monotonic() - since_s < 2.5:
        now = json.loads(report.read_text())["messages"]
        if now != before:
            before, since_s = now, time.monotonic()
        time.sleep(0.1)


def _held(folder: Path) -> tuple[dict[str, int], dict[str, int]]:
    """Return how many frames each topic has, and how many are reported as missing."""
    counts: dict[str, int] = {}
    missing: dict[str, int] = {}
    for path in folder.rglob("*.feedd"):
        index = SegmentReader(path).index()
        for name, count in (index.topics if index else {}).items():
            counts[name] = counts.get(name, 0) + count
    for entry in RecordingReader([folder]).entries():
        if isinstance(entry.what, BlockRecord) and entry.what.kind == NOTICE:
            notice = decode_notice(entry.what.topic, entry.what.payload)
            if isinstance(notice, Gap):
                many = notice.to_seq - notice.from_seq + 1
                missing[notice.topic] = missing.get(notice.topic, 0) + many
    return counts, missing


def a_day(symbols: int, seconds: float) -> str:
    """Return what a day of so many symbols takes, by what was measured in so many seconds."""
    with folder() as own:
        kept = own / "recordings"
        line = Line(
            own / "line", "native", symbols, channels=["quote", "trade"],
            embedded_exchange={"rate": RATE}, recorder={"dir": str(kept), **SETTINGS},
        )  # fmt: skip
        report = own / "line" / "run" / "recorder.json"
        try:
            feedd(line, "start", timeout_s=60 + 2 * symbols)
            with Subscriber(line.endpoint, ["trade."]) as subscriber:
                first(subscriber, lambda *_: True, 30)
            time.sleep(SETTLE_S)
            pid = line.daemon.processes()["recorder"]["pid"]
            before, cpu0_ns = json.loads(report.read_text()), cpu_ns(pid)
            time.sleep(seconds)
            after, cpu = json.loads(report.read_text()), cpu_ns(pid) - cpu0_ns
        finally:
            line.end()
    messages = after["messages"] - before["messages"]
    size = after["bytes"] - before["bytes"]
    passed_s = (after["at_ns"] - before["at_ns"]) / 1e9
    return (
        f"{messages / passed_s:,.0f} frames/s, statuses included, {size / messages:.1f} bytes on "
        f"the disk a frame, {cpu / 1e3 / messages:.1f} µs CPU a frame\n"
        f"  a day of it: {messages / passed_s * DAY_S / 1e6:,.1f} million frames, "
        f"{size / passed_s * DAY_S / 1e9:,.2f} GB, {cpu / seconds / 1e9:.1%} of a core, "
        f"{after['lost']} lost"
    )


if __name__ == "__main__":
    run(quick="--quick" in sys.argv)
