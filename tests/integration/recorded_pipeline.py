"""The recorder in real processes, and a recording of a whole run that tests share."""

from __future__ import annotations

import fcntl
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from conftest import PlainSubscriber, eventually
from integration.pipeline import Pipeline, receive
from raw_recordings import one_symbol

from feedd.client.events import Gap
from feedd.recordings.format.block_records import NOTICE, BlockRecord
from feedd.recordings.format.damage import Damage
from feedd.recordings.format.recording_reader import RecordingReader
from feedd.recordings.format.segment_reader import SegmentReader

SYMBOL = "BTC/USDT:USDT"


class RecordedPipeline(Pipeline):
    """Proxy, exchange, a feed and a recorder, without supervisord."""

    def __init__(
        self, folder: Path, recorder: dict[str, Any], source: str = "ccxt", **exchange: Any
    ) -> None:
        super().__init__(folder, [SYMBOL], **exchange)
        self.recordings = Path(recorder.setdefault("dir", str(folder / "recordings")))
        settings = yaml.safe_load(self._config.read_text())
        settings |= {"source": source, "recorder": recorder}
        self._config.write_text(yaml.safe_dump(settings))

    def record(self) -> subprocess.Popen[bytes]:
        """Start the recorder; return when it listens."""
        process = self.start("recorder")
        self.until_reported(lambda said: said["pid"] == process.pid)
        return process

    def until_reported(
        self, condition: Callable[[dict[str, Any]], Any], timeout_s: float = 45
    ) -> None:
        """Wait until the recorder's report meets a condition."""
        path = self.folder / "run" / "recorder.json"
        eventually(lambda: path.exists() and condition(json.loads(path.read_text())), timeout_s)

    def kept_ns(self) -> int:
        """Return when the last message was published that a segment has; 0 for none."""
        paths = self.recordings.rglob("*.feedd")
        return max((SegmentReader(path).extent().last_ns or 0 for path in paths), default=0)

    def stop_recorder(self) -> None:
        process = self.processes["recorder"]
        process.terminate()
        assert process.wait(45) == 0


class Held:
    """Contents of a folder of recordings."""

    def __init__(self, folder: Path) -> None:
        entries = [entry.what for entry in RecordingReader([folder]).entries()]
        self.damages = [one for one in entries if isinstance(one, Damage)]
        records = [one for one in entries if isinstance(one, BlockRecord)]
        self.frames = [one for one in records if one.kind != NOTICE]
        self.notices = [
            (one.topic.decode(), msgspec.msgpack.decode(one.payload))
            for one in records if one.kind == NOTICE
        ]  # fmt: skip
        self.gaps = [msgspec.convert(told, Gap) for kind, told in self.notices if kind == "Gap"]
        self.payloads = {self.key(one.topic.decode(), one.payload): one.payload
                         for one in self.frames}  # fmt: skip

    @staticmethod
    def key(topic: str, payload: bytes) -> tuple[str, int, int]:
        said = msgspec.msgpack.decode(payload)
        return topic, said["session"], said["seq"]

    def told(self, topic: str, session: int, seq: int) -> bool:
        """Whether a gap reports a message as missing."""
        return any(
            (gap.topic, gap.session) == (topic, session) and gap.from_seq <= seq <= gap.to_seq
            for gap in self.gaps
        )

    def assert_whole(self, truth: dict[tuple[str, int, int], bytes]) -> int:
        """Compare it with everything published since it began; return the number missing."""
        begun: dict[tuple[str, int], int] = {}
        for topic, session, seq in self.payloads:
            begun[topic, session] = min(seq, begun.get((topic, session), seq))
        assert len(self.payloads) == len(self.frames), "a frame was recorded twice"
        missing = 0
        for (topic, session, seq), payload in truth.items():
            kept = self.payloads.get((topic, session, seq))
            if kept is not None:
                assert kept == payload
                assert not self.told(topic, session, seq)
            elif seq >= begun.get((topic, session), 1):
                assert self.told(topic, session, seq), f"{topic} {seq} is missing, and not told"
                missing += 1
        return missing


class Truth:
    """Every message a plain subscriber received, byte for byte, read in the test's thread."""

    def __init__(self, endpoint: str) -> None:
        self._subscriber = PlainSubscriber(endpoint)
        self.payloads: dict[tuple[str, int, int], bytes] = {}

    def listen(self, until: Callable[[], Any], timeout_s: float = 60.0) -> None:
        """Receive until a condition holds."""
        deadline_s = time.monotonic() + timeout_s
        while not until():
            assert time.monotonic() < deadline_s
            self.take(0.05)

    def take(self, for_s: float) -> None:
        until_s = time.monotonic() + for_s
        while (left_s := until_s - time.monotonic()) > 0:
            if self._subscriber._socket.poll(int(left_s * 1000) + 1):
                topic, payload = self._subscriber._socket.recv_multipart()
                self.payloads[Held.key(topic.decode(), payload)] = payload

    def close(self) -> None:
        self._subscriber.close()


@pytest.fixture(scope="session")
def whole_recording(btcusdt: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the recordings of a live run over the whole of the exchange's, at full speed.

    Tests that run side by side in several processes share the one run.
    """
    shared = tmp_path_factory.getbasetemp()
    if shared.name.startswith("popen-gw"):  # a worker of pytest-xdist
        shared = shared.parent
    folder = shared / f"whole_recording_{btcusdt.stem}"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            folder.mkdir()
            _record_whole(folder, btcusdt)
            (folder / "done").touch()
    return folder / "recordings"


def _record_whole(folder: Path, exchange: Path) -> None:
    pipeline = RecordedPipeline(folder, {}, recording=str(exchange), speed=0)
    subscriber = PlainSubscriber(pipeline.endpoint)
    try:
        pipeline.start("proxy")
        pipeline.record()
        pipeline.start("exchange")
        feed = pipeline.start("feed", SYMBOL)
        held = one_symbol(exchange)
        receive(subscriber, {(SYMBOL, "quote"): held.quotes, (SYMBOL, "trade"): held.trades}, 180)
        feed.terminate()
        assert feed.wait(30) == 0
        pipeline.stop_recorder()
    finally:
        subscriber.close()
        pipeline.stop()
