"""Statuses are told apart by deployment and session, whatever address they come from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgpack
import pytest
import zmq
from conftest import eventually, free_ports

from feedd.transport.status_monitor import StatusMonitor

NAME = "feed-binanceusdm-BTC-USDT-USDT"


class Feed:
    """A publisher of statuses with a deployment of choice."""

    def __init__(self) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.PUB)
        self.port = free_ports(1)[0]
        self._socket.bind(f"tcp://127.0.0.1:{self.port}")
        self._seq = 0

    def publish(self, deployment: str | None, session: int = 1, **more: Any) -> None:
        self._seq += 1
        status = {"exchange": "binanceusdm", "symbol": "BTC/USDT:USDT", "session": session,
                  "seq": self._seq, **more}  # fmt: skip
        if deployment is not None:
            status["deployment"] = deployment
        topic = b"status.binanceusdm.BTC/USDT:USDT."
        self._socket.send_multipart([topic, msgpack.packb(status)])

    def close(self) -> None:
        self._context.destroy(linger=0)


@pytest.fixture
def feed() -> Iterator[Feed]:
    made = Feed()
    yield made
    made.close()


def receives(monitor: StatusMonitor, feed: Feed, where: str, **status: Any) -> bool:
    feed.publish(**status)
    monitor.listen(0.1)
    return NAME in getattr(monitor, where)


@pytest.mark.parametrize("through", ["proxy", "own port"])
@pytest.mark.parametrize("deployment", ["theirs", None])
def test_a_status_of_another_deployment_or_of_none_is_not_ours(
    feed: Feed, through: str, deployment: str | None
) -> None:
    fan_out = f"tcp://127.0.0.1:{feed.port if through == 'proxy' else free_ports(1)[0]}"
    own = [feed.port] if through == "own port" else []
    with StatusMonitor({"proxy": fan_out}, own, "ours") as monitor:
        eventually(lambda: receives(monitor, feed, "foreign", deployment=deployment))
        assert monitor.received == {}
        eventually(lambda: receives(monitor, feed, "received", deployment="ours"))


def test_without_a_deployment_every_status_counts(feed: Feed) -> None:
    with StatusMonitor({"proxy": f"tcp://127.0.0.1:{feed.port}"}, []) as monitor:
        eventually(lambda: receives(monitor, feed, "received", deployment="theirs"))
        assert monitor.foreign == {}


def test_an_earlier_process_that_still_publishes_does_not_keep_a_feed_fresh(feed: Feed) -> None:
    with StatusMonitor({"proxy": f"tcp://127.0.0.1:{feed.port}"}, [], "ours") as monitor:
        eventually(lambda: receives(monitor, feed, "received", deployment="ours", session=2))
        newest = monitor.received[NAME].status
        at_s = monitor.received[NAME].at_s
        for _ in range(3):
            receives(monitor, feed, "received", deployment="ours", session=1)
        assert monitor.received[NAME].status == newest
        assert monitor.received[NAME].at_s == at_s
