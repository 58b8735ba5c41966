"""Two proxies under the real supervisord: a subscriber on both sees nothing when either ends."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import msgpack
import pytest
import zmq
from conftest import PlainSubscriber, Project, eventually
from integration.watchdog_setup import wait_until_watched

import feedd

pytestmark = pytest.mark.process

BTC = "feed-binanceusdm-BTC-USDT-USDT"
Make = Callable[..., Project]


@pytest.fixture
def project(make_project: Make) -> Project:
    made = make_project(channels=["quote", "trade"])
    second = {
        "subscribers": f"tcp://127.0.0.1:{made.base_port + 2}",
        "history": "ipc://run/history2.sock",
    }
    made.configure(proxies=2, proxy_2=second)
    done = made.feedd("start")
    assert done.returncode == 0, done.stdout + done.stderr
    both = f"subscribe to {made.endpoint} and {second['subscribers']}"
    assert done.stdout.splitlines()[-1] == f"all is healthy; {both}"
    return made


class OnBoth:
    """A subscriber on both proxies that drops duplicates by topic, session and seq."""

    def __init__(self, project: Project) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._socket.linger = self._socket.rcvhwm = 0
        for proxy in ("proxy", "proxy_2"):
            self._socket.connect(project.settings[proxy]["subscribers"])
        self._socket.subscribe("")
        self.seen: dict[tuple[str, int], set[int]] = {}
        self.twice = 0

    def listen(self, for_s: float) -> None:
        deadline = time.monotonic() + for_s
        while (left_s := deadline - time.monotonic()) > 0:
            if self._socket.poll(int(left_s * 1000)):
                topic, payload = self._socket.recv_multipart()
                said = msgpack.unpackb(payload)
                seqs = self.seen.setdefault((topic.decode(), said["session"]), set())
                self.twice += said["seq"] in seqs
                seqs.add(said["seq"])

    def close(self) -> None:
        self._context.destroy(linger=0)


def port_of(project: Project, name: str) -> int:
    (ports,) = json.loads((project.root / "run" / "ports.json").read_text()).values()
    return int(ports[name])


def rows(project: Project) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(project.feedd("status", "--json").stdout)
    return {"health": told["health"], **{row["name"]: row for row in told["processes"]}}


def test_either_proxy_may_be_killed_and_a_subscriber_on_both_sees_every_message(
    project: Project,
) -> None:
    pids = project.pids()
    assert pids.keys() == {"watchdog", "proxy", "proxy-2", "exchange", BTC}
    subscriber = OnBoth(project)
    try:
        for name in ("proxy", "proxy-2"):
            subscriber.twice = 0
            eventually(lambda: subscriber.listen(0.5) or subscriber.twice > 20)  # both forward
            os.kill(pids[name], signal.SIGKILL)
            subscriber.listen(3)
            eventually(lambda name=name: project.pids()[name] not in {0, pids[name]})
        subscriber.twice = 0
        eventually(lambda: subscriber.listen(0.5) or subscriber.twice > 20)
        seen = subscriber.seen
    finally:
        subscriber.close()
    assert {topic.partition(".")[0] for topic, _ in seen} == {"quote", "trade", "status"}
    for key, seqs in seen.items():
        assert sorted(seqs) == list(range(min(seqs), max(seqs) + 1)), key
    assert len(seen) == 3  # one session
    assert sum(map(len, seen.values())) > 100
    assert project.pids()[BTC] == pids[BTC]


def test_health_and_the_watchdog_know_each_proxy(project: Project) -> None:
    wait_until_watched(project)
    pids = project.pids()
    os.kill(pids["proxy-2"], signal.SIGSTOP)

    def told() -> bool:
        """Whether earlier messages no longer count."""
        said = rows(project)
        second = (said["proxy-2"]["state"], said["proxy-2"]["reason"])
        states = (said["health"], said[BTC]["state"], said["proxy"]["state"])
        return second == ("silent", "forwards nothing") and states == ("degraded", "live", None)

    eventually(told)
    eventually(lambda: project.pids()["proxy-2"] not in {0, pids["proxy-2"]}, 60)
    eventually(lambda: rows(project)["health"] == "healthy")
    after = project.pids()
    assert {**after, "proxy-2": 0} == {**pids, "proxy-2": 0}
    project.supervisorctl("stop", "proxy", "proxy-2")
    assert rows(project)["health"] == "down"


def test_from_two_proxies_to_one_the_worker_is_restarted_and_the_first_proxy_is_not(
    project: Project,
) -> None:
    pids = project.pids()
    project.configure(proxies=1)
    done = project.feedd("start")
    assert done.returncode == 0, done.stdout + done.stderr
    after = project.pids()
    assert after.keys() == {"watchdog", "proxy", "exchange", BTC}
    assert (after["proxy"], after["exchange"]) == (pids["proxy"], pids["exchange"])
    assert after[BTC] != pids[BTC]


def test_a_worker_restarted_while_the_proxies_are_away_keeps_its_messages_for_them(
    project: Project,
) -> None:
    """The subscriber of each proxy gets the new session from its first message on."""
    endpoints = [project.settings[name]["subscribers"] for name in ("proxy", "proxy_2")]
    histories = [project.settings["proxy"]["history"], "ipc://run/history2.sock"]
    histories = [one.replace("ipc://run", f"ipc://{project.root}/run") for one in histories]
    with ExitStack() as stack:
        streams = [
            stack.enter_context(feedd.subscribe(endpoint, "quote.", history=history))
            for endpoint, history in zip(endpoints, histories, strict=True)
        ]
        for stream in streams:
            eventually(lambda stream=stream: isinstance(stream.receive(1), feedd.Quote))
        project.supervisorctl("stop", "proxy", "proxy-2")
        project.supervisorctl("restart", BTC)
        own = PlainSubscriber(f"tcp://127.0.0.1:{port_of(project, BTC)}", "quote.")
        project.subscribers.append(own)
        published = own.until(lambda _, payload: payload["seq"] > 20)[-1][1]
        project.supervisorctl("start", "proxy", "proxy-2")
        for stream in streams:
            seqs: list[int] = []
            while not seqs or seqs[-1] <= published["seq"]:
                event = stream.receive(30)
                assert event is not None
                assert not isinstance(event, feedd.Gap) or event.session < published["session"]
                if isinstance(event, feedd.Quote) and event.session == published["session"]:
                    seqs.append(event.seq)
            assert seqs == list(range(1, len(seqs) + 1))
