"""`source: replay` under supervisord."""

from __future__ import annotations

import json
import random
import re
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgpack
import pytest
import samples
import yaml
import zmq
from conftest import PYTHON, PlainSubscriber, Project, clean_environment, eventually
from unit.recordings.replay.lossy_recordings import FEEDS, lossy_recording, outline, without_end

import feedd

pytestmark = pytest.mark.process

MakeProject = Callable[..., Project]
NAMES = ("feed-binanceusdm-BTC-USDT-USDT", "feed-binanceusdm-ETH-USDT-USDT")


def day(seconds: int, per_s: int) -> list[samples.BlockRecord]:
    records = []
    for number in range(seconds * per_s):
        at_ms = number * 1000 / per_s
        if number % per_s == 0:
            records += [
                samples.status(number // per_s + 1, at_ms, number + 1, symbol=symbol)
                for symbol in (samples.BTC, samples.ETH)
            ]
        records += [samples.quote(number + 1, at_ms + 0.2, samples.BTC)]
        records += [samples.quote(number + 1, at_ms + 0.3, samples.ETH)]
    return records


def project_of(make_project: MakeProject, tmp_path: Path, **replay: Any) -> Project:
    path = replay.pop("path", None) or tmp_path / "day" / "a.feedd"
    project = make_project(
        source="replay",
        symbols=["BTC/USDT", "ETH/USDT"],
        replay={"recordings": [str(path.parent)], **replay},
    )
    project.settings.pop("embedded_exchange")
    project.config_path.write_text(yaml.safe_dump(project.settings))
    return project


def listening(project: Project) -> zmq.Socket[bytes]:
    return project.subscribe()._socket


def taken(socket: zmq.Socket[bytes], count: int) -> list[tuple[bytes, bytes]]:
    got: list[tuple[bytes, bytes]] = []
    while len(got) < count and socket.poll(45_000):
        topic, payload = socket.recv_multipart()
        got.append((topic, payload))
    return got


def status(project: Project) -> tuple[int, dict[str, dict[str, Any]]]:
    done = project.feedd("status", "--json")
    return done.returncode, {one["name"]: one for one in json.loads(done.stdout)["processes"]}


def test_two_symbols_are_replayed_in_step_and_end_well(
    make_project: MakeProject, tmp_path: Path
) -> None:
    """Each feed on its port and through the proxy, as recorded; one restarts meanwhile."""
    path = samples.write(tmp_path / "day" / "a.feedd", day(32, 20))  # 8 s: a restart takes less
    recorded = samples.frames(path)
    project = project_of(make_project, tmp_path, path=path, pace=4)
    socket = listening(project)
    direct = PlainSubscriber(f"tcp://127.0.0.1:{project.base_port}")
    project.subscribers.append(direct)
    started = project.feedd("start")
    assert started.returncode == 0, started.stderr
    assert all(f"{name}: replay" in started.stdout for name in NAMES)
    first = taken(socket, 40)
    playing = eventually(
        lambda: (one := status(project)[1][NAMES[0]])["messages_per_s"] and one, 20
    )
    assert re.search(r"[0-9]+ % played, at 2025-11-25T13:00:\d\d", playing["reason"])
    assert playing["messages_per_s"] == pytest.approx(84, rel=0.5)  # 21 a second, at pace 4
    project.daemon.stop([NAMES[1]])
    project.daemon.start([NAMES[1]])
    done = eventually(
        lambda: (found := status(project)) and all(
            found[1][name]["state"] == "ended" for name in NAMES
        ) and found,
        60,
    )  # fmt: skip
    assert done[0] == 0
    assert [done[1][name]["process"] for name in NAMES] == ["EXITED", "EXITED"]
    assert "0 of 2 feeds live, 2 ended" in " ".join(project.feedd("status").stdout.split())
    assert done[1][NAMES[0]]["reason"] == (
        f"the recording has ended; {len(recorded) // 2} messages were played"
    )
    rest: list[tuple[bytes, bytes]] = []
    while socket.poll(200):
        topic, payload = socket.recv_multipart()
        rest.append((topic, payload))
    got = first + rest
    for symbol in (samples.BTC, samples.ETH):
        of = [one for one in recorded if one[0].endswith(f".{symbol}.".encode())]
        seen = [one for one in got if one[0].endswith(f".{symbol}.".encode())]
        end = msgpack.unpackb(seen.pop()[1])
        assert (end["state"], end["reason"]) == ("stopped", "the recording has ended")
        if symbol == samples.BTC:
            assert seen == of
            assert taken(direct._socket, len(of)) == of
            continue
        places = [of.index(one) for one in seen]
        assert places == sorted(set(places))  # as recorded, nothing twice
        assert seen[-1] == of[-1]
        assert len(seen) < len(of)  # what was due while it was away is not made up for
    # In step: messages recorded together arrived together, within a second.
    seqs = [msgpack.unpackb(payload)["seq"] for topic, payload in first if topic[:5] == b"quote"]
    assert max(abs(a - b) for a, b in pairwise(seqs)) <= 20


def test_unpaced_nothing_is_dropped_and_all_waits_for_the_first_subscriber(
    make_project: MakeProject, tmp_path: Path
) -> None:
    many = [samples.status(1, 0, 1, symbol=symbol) for symbol in (samples.BTC, samples.ETH)]
    many += [
        samples.quote(seq, seq / 100, symbol)
        for seq in range(1, 30_001)
        for symbol in (samples.BTC, samples.ETH)
    ]
    path = samples.write(tmp_path / "day" / "a.feedd", many)
    project = project_of(make_project, tmp_path, path=path, pace=0)
    started = project.feedd("start")
    assert started.returncode == 0, started.stderr
    socket = project.subscribe("status.")._socket  # who only watches begins nothing
    eventually(lambda: "waiting: no client has subscribed yet" in project.log(NAMES[0]))
    assert not socket.poll(100)
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    slow = context.socket(zmq.SUB)
    try:
        slow.rcvhwm, slow.rcvbuf = 10, 65_536
        slow.connect(project.endpoint)
        slow.subscribe("")
        assert slow.poll(30_000)
        assert socket.poll(30_000)
        assert status(project)[1][NAMES[0]]["state"] == "replay"  # held up, and well
        got = taken(slow, len(many) + len(NAMES))  # and the end of each
    finally:
        context.destroy(linger=0)
    for symbol in (samples.BTC, samples.ETH):
        of = [(one.topic, one.payload) for one in many if symbol.encode() in one.topic]
        *played, (_, end) = [one for one in got if symbol.encode() in one[0]]
        assert played == of
        assert msgpack.unpackb(end)["state"] == "stopped"
    eventually(lambda: all(status(project)[1][name]["state"] == "ended" for name in NAMES), 60)


def test_a_lossless_subscriber_gets_the_recorded_events_and_no_other_gap(
    make_project: MakeProject, tmp_path: Path
) -> None:
    """With sessions, gaps, and a snapshot whose statuses are older than its ticks."""
    path = lossy_recording(tmp_path / "day" / "a.feedd", random.Random(5))
    project = project_of(make_project, tmp_path, path=path, pace=0)
    started = project.feedd("start")
    assert started.returncode == 0, started.stderr
    seen: list[Any] = []
    history = project.settings["proxy"]["history"].replace("ipc://", f"ipc://{project.root}/")
    with feedd.subscribe(project.endpoint, history=history, lossless=True) as stream:
        while sum(isinstance(one, feedd.Stopped) for one in seen) < len(FEEDS):
            seen.append(stream.receive(30))
            assert seen[-1] is not None
    expected = outline(feedd.open_recording(path))
    for name, events in expected.items():  # the proxy's history was empty at the start
        expected[name] = [
            ("live", *one[1:]) if isinstance(one, tuple) and one[0] == "snapshot" else one
            for one in events
        ]
    assert without_end(outline(seen)) == expected


def test_a_proxy_for_live_feeds_does_not_wait_for_subscribers(
    make_project: MakeProject, tmp_path: Path
) -> None:
    """An unpaced replay is configured and not started; then the proxy is killed and restarted."""
    project = project_of(make_project, tmp_path, pace=0)
    proxy = subprocess.Popen(
        [PYTHON, "workers/proxy.py", "--config", project.config_path, "--log-dir", "logs"],
        cwd=project.root, env=clean_environment(),
    )  # fmt: skip
    try:
        eventually(lambda: '"forwarding"' in project.log("proxy"))
        assert '"lossless":false' in project.log("proxy")
    finally:
        proxy.terminate()
        proxy.wait(45)


def test_a_symbol_that_was_not_recorded_is_refused(
    make_project: MakeProject, tmp_path: Path
) -> None:
    path = samples.write(tmp_path / "day" / "a.feedd", [samples.quote(1, 0)])
    project = project_of(make_project, tmp_path, path=path)
    done = project.feedd("start")
    assert done.returncode == 78
    assert "no recording has ETH/USDT:USDT; they have binanceusdm.BTC/USDT:USDT" in done.stderr
    assert project.daemon.pid is None


def test_a_live_worker_that_is_configured_as_a_replay_since_goes_to_no_exchange(
    make_project: MakeProject, tmp_path: Path
) -> None:
    project = project_of(make_project, tmp_path)
    done = subprocess.run(
        [PYTHON, "workers/feed.py", "BTC/USDT", "--config", project.config_path, "--alone"],
        cwd=project.root, env=clean_environment(), capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 78
    assert "is configured as a replay since it was started: feedd start" in done.stderr
