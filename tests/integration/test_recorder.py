"""The recorder in real processes: what it writes, and its failures."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog
from conftest import PYTHON, Project, clean_environment, eventually, skip_outside_ci
from integration.client_setup import World
from integration.pipeline import recorded_events
from integration.recorded_pipeline import SYMBOL, Held, RecordedPipeline, Truth, whole_recording
from raw_recordings import one_symbol
from unit.recordings.recorder.written_series import Said

from feedd.client.published import subscribe_published
from feedd.config.settings import Config, RecorderSettings
from feedd.recordings.format.block_records import REPLAYED
from feedd.recordings.format.segment_reader import SegmentReader
from feedd.recordings.format.segment_schema import SegmentIndex
from feedd.recordings.recorder import recorder as recorder_module
from feedd.recordings.recorder.recorder import Recorder
from feedd.recordings.recorder.recorder_status import RecorderStatus

__all__ = ["whole_recording"]  # a fixture

pytestmark = pytest.mark.process

QUOTE = f"quote.binanceusdm.{SYMBOL}."
STATUS = f"status.binanceusdm.{SYMBOL}."


@pytest.fixture
def make_pipeline(tmp_path: Path) -> Iterator[Callable[..., RecordedPipeline]]:
    pipelines: list[RecordedPipeline] = []

    def make(**settings: Any) -> RecordedPipeline:
        exchange = settings.pop("exchange")
        pipelines.append(RecordedPipeline(tmp_path, settings, "native", **exchange))
        return pipelines[-1]

    yield make
    for pipeline in pipelines:
        pipeline.stop()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a file system of 1 MB."""
    with disk(tmp_path / "disk", "size=1m") as folder:
        yield folder


@contextmanager
def disk(folder: Path, options: str) -> Iterator[Path]:
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode != 0:
        skip_outside_ci(f"a tmpfs can't be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def endings(folder: Path) -> list[SegmentIndex]:
    """Return the index of each segment: one, and two over midnight."""
    indexes = [SegmentReader(path).index() for path in sorted(folder.rglob("*.feedd"))]
    assert None not in indexes
    return [index for index in indexes if index is not None]


@pytest.mark.timeout(240)  # with the run, on a machine that does other things too
def test_a_recording_of_the_whole_run_holds_all_that_the_exchange_sent(
    whole_recording: Path, btcusdt: Path
) -> None:
    held = Held(whole_recording)
    assert held.damages == []
    assert held.gaps == []
    truth = recorded_events(btcusdt)
    keys = {"quote": ("bid", "ask"), "trade": ("price", "size")}
    seen: dict[str, list[tuple[int, float, float]]] = {"quote": [], "trade": []}
    for frame in held.frames:
        channel = frame.topic.decode().partition(".")[0]
        if channel in keys:
            said = msgspec.msgpack.decode(frame.payload)
            one, other = keys[channel]
            seen[channel].append((said["id"], said[one], said[other]))
            assert said["seq"] == len(seen[channel])
    assert (len(seen["quote"]), len(seen["trade"])) == (
        one_symbol(btcusdt).quotes,
        one_symbol(btcusdt).trades,
    )
    for channel, events in truth.items():
        assert seen[channel] == events, channel
    assert endings(whole_recording)[-1].ended == "the recorder was stopped"
    last = [one for one in held.frames if one.topic.decode() == STATUS][-1]
    assert msgspec.msgpack.decode(last.payload)["state"] == "stopped"


def test_a_full_disk_costs_a_reported_range_and_does_not_affect_the_feed(
    make_pipeline: Callable[..., RecordedPipeline], small_disk: Path
) -> None:
    pipeline = make_pipeline(
        dir=str(small_disk / "recordings"), fsync_s=0.1, exchange={"rate": 600}
    )
    truth = Truth(pipeline.endpoint)
    pipeline.start_all()
    pipeline.record()
    truth.listen(lambda: len(truth.payloads) > 200)
    ballast = small_disk / "ballast"
    size = os.statvfs(small_disk)
    with ballast.open("wb", buffering=0) as file, suppress(OSError):  # the recorder may be sooner
        file.write(b"x" * (size.f_bavail - 8) * size.f_bsize)
    report = pipeline.folder / "run" / "recorder.json"

    def failing() -> str | None:
        return json.loads(report.read_text())["failing"]

    truth.listen(failing)
    assert "No space left on device" in str(failing())
    seen = len(truth.payloads)
    truth.listen(lambda: len(truth.payloads) > seen + 500)
    ballast.unlink()
    truth.listen(lambda: not failing())
    seen = len(truth.payloads)
    truth.listen(lambda: len(truth.payloads) > seen + 200)
    pipeline.stop_recorder()
    held = Held(pipeline.recordings)
    assert held.damages == []
    assert held.assert_whole(truth.payloads) > 300
    assert {gap.reason for gap in held.gaps} == {
        "the recorder could not write: No space left on device"
    }
    # A small block may fit where a larger one did not: then there are several.
    told = [told["reason"] for kind, told in held.notices
            if kind == "StateChange" and told["state"] == "unwritten"]  # fmt: skip
    assert told
    assert all("could not be written: No space left on device" in reason for reason in told)
    states = [
        msgspec.msgpack.decode(payload)["state"]
        for (topic, _, _), payload in truth.payloads.items() if topic == STATUS
    ]  # fmt: skip
    assert set(states[states.index("live") :]) == {"live"}
    said = [
        json.loads(one) for one in (pipeline.folder / "logs/recorder.log").read_text().splitlines()
    ]
    errors = [one["event"] for one in said if one["level"] == "error"]
    assert len(errors) == 1
    assert "it is retried" in errors[0]
    truth.close()


def test_a_killed_recorder_loses_at_most_one_interval_that_the_next_repairs_or_reports(
    make_pipeline: Callable[..., RecordedPipeline],
) -> None:
    """At 30 messages a second a block is far from full, and only the interval has it written."""
    pipeline = make_pipeline(fsync_s=0.2, exchange={"rate": 30})
    truth = Truth(pipeline.endpoint)
    pipeline.start_all()
    recorder = pipeline.record()

    def listen_until_kept() -> None:
        """Wait until the recorder has written everything published so far."""
        now_ns = time.time_ns()
        truth.listen(lambda: pipeline.kept_ns() > now_ns)

    listen_until_kept()
    truth.listen(lambda: sum(topic == QUOTE for topic, _, _ in truth.payloads) > 30)
    killed_ns = time.time_ns()
    recorder.send_signal(signal.SIGKILL)
    recorder.wait()
    assert killed_ns - pipeline.kept_ns() < 5e9  # the interval, and what a busy machine takes
    seen = len(truth.payloads)
    truth.listen(lambda: len(truth.payloads) > seen + 15)
    recorder = pipeline.record()
    listen_until_kept()
    seen = len(truth.payloads)
    truth.listen(lambda: len(truth.payloads) > seen + 30)
    # Now without any source of repair: messages held by the recorder are lost for good.
    recorder.send_signal(signal.SIGKILL)
    pipeline.processes["proxy"].send_signal(signal.SIGKILL)
    recorder.wait()
    pipeline.processes["proxy"].wait()
    pipeline.start("proxy")
    pipeline.record()
    listen_until_kept()
    seen = len(truth.payloads)
    truth.listen(lambda: len(truth.payloads) > seen + 30)
    pipeline.stop_recorder()
    truth.close()
    held = Held(pipeline.recordings)
    held.assert_whole(truth.payloads)
    interrupted = [told for kind, told in held.notices
                   if kind == "StateChange" and told["state"] == "interrupted"]  # fmt: skip
    assert len(interrupted) == 2
    assert all("ended without an index" in told["reason"] for told in interrupted)
    assert any(one.kind == REPLAYED for one in held.frames), "nothing was repaired"


def test_a_full_disk_at_the_start_is_reported_once_and_retried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "RETRY_S", 0.01)
    said, reports = Said(), list[RecorderStatus]()
    with disk(tmp_path / "disk", "nr_inodes=1") as full:
        config = Config(symbols=("A/B",))
        meant = RecorderSettings(dir=str(full / "recordings"))
        recorder = Recorder(config.history_endpoints(), meant, said, reports.append)
        running = threading.Thread(target=recorder.run)
        running.start()
        try:
            eventually(lambda: len(reports) > 20)
            assert [event for event in said.events if "No space left" in event] == [
                f"{full}/recordings: can't be created: No space left on device; it is retried"
            ]
            assert "No space left on device" in str(reports[-1].failing)
            subprocess.run(["mount", "-o", "remount,nr_inodes=100", full], check=True)
            eventually(lambda: reports[-1].failing is None)
        finally:
            recorder.stop()
            running.join(45)
        assert said.events[-1] == "stopped"


def test_messages_dropped_before_the_recorder_stops_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path)
    try:
        side = world.proxy()
        feed = world.feed(side)
        meant = RecorderSettings(dir=str(tmp_path / "recordings"))
        recorder = Recorder({}, meant, structlog.get_logger(), lambda _: None)
        with subscribe_published(
            side.endpoint, "quote.", side.history_endpoint, {}, most_queued=10
        ) as stream:
            # Whenever its subscription is active, more arrives than the queue holds.
            eventually(lambda: feed.quote(20) or feed.beat() or stream._events._dropped)
            monkeypatch.setattr(recorder_module, "DRAIN_S", 60.0)  # a busy machine's
            recorder.stop()
            recorder._drain(stream)
        for series in recorder._series.values():
            series.close("")
        assert Held(tmp_path / "recordings").gaps
    finally:
        world.close()


def test_messages_queued_when_the_recorder_stops_are_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "DRAIN_S", 60.0)  # a busy machine's
    world = World(tmp_path)
    try:
        side = world.proxy()
        feed = world.feed(side)
        meant = RecorderSettings(dir=str(tmp_path / "recordings"))
        recorder = Recorder({}, meant, structlog.get_logger(), lambda _: None)
        with subscribe_published(side.endpoint, "quote.", side.history_endpoint, {}) as stream:

            def heard() -> bool:  # the subscription stands when a frame comes by it
                feed.quote()
                return any(getattr(one, "origin", "") == "live" for one in tuple(stream._queue))

            eventually(heard)
            feed.quote(3000)
            eventually(lambda: len(stream._queue) > 3000)
            recorder.stop()
            recorder._record(stream)
            recorder._drain(stream)
            assert len(stream._queue) == 0
    finally:
        world.close()


@contextmanager
def by_hand(project: Project, folder: str) -> Iterator[subprocess.Popen[str]]:
    """Run `feedd record`; it does not outlive the test."""
    with subprocess.Popen(
        # Tests may run under nohup, whose ignored SIGHUP children inherit.
        ["env", "--default-signal=HUP", PYTHON, "-m", "feedd", "record", "trade.", "--dir", folder],
        cwd=project.root,
        stderr=subprocess.PIPE, text=True, env=clean_environment(),
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def test_the_supervised_recorder_is_seen_and_stopped_with_an_index(
    make_project: Callable[..., Project],
) -> None:
    project = make_project(
        source="native", recorder={"fsync_s": 0.1, "topics": ["quote."]}, log_dir="of/its/own"
    )  # a folder that is not there yet
    started = project.feedd("start")
    assert started.returncode == 0, started.stdout + started.stderr
    assert "recorder: RUNNING" in started.stdout

    def row() -> dict[str, Any]:
        report = json.loads(project.feedd("status", "--json").stdout)
        return next(one for one in report["processes"] if one["name"] == "recorder")

    eventually(lambda: "MB since" in row()["reason"] and not row()["reason"].startswith("0 msg/s"))
    another = project.feedd("record")
    assert another.returncode == 78
    assert "another recorder uses it" in another.stderr
    with by_hand(project, "heard") as heard, by_hand(project, "unheard") as unheard:
        assert unheard.stderr is not None
        unheard.stderr.close()
        for name in ("heard", "unheard"):
            eventually(lambda name=name: list((project.root / name).rglob("*.feedd")))
        unheard.send_signal(signal.SIGHUP)  # the terminal is closed
        heard.send_signal(signal.SIGINT)
        _, said = heard.communicate(timeout=45)
        assert (heard.returncode, unheard.wait(45)) == (0, 0), said
    assert " records, " in said.splitlines()[-1]
    assert endings(project.root / "unheard")[-1].ended == "the recorder was stopped"
    assert project.feedd("stop").returncode == 0
    indexes = endings(project.root / "recordings")
    assert {name for index in indexes for name in index.topics} == {QUOTE, STATUS}
    held = Held(project.root / "recordings")
    last = [one for one in held.frames if one.topic.decode() == STATUS][-1]
    assert msgspec.msgpack.decode(last.payload)["state"] == "stopped"
