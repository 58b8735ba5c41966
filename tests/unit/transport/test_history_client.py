"""Single requests to history services, over real sockets."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from conftest import free_ports

from feedd.codec import encode
from feedd.transport import history_client
from feedd.transport.history_client import BusyError, HistoryClient, NoHistoryError
from feedd.transport.scripted_publisher import ScriptedPublisher

TOPIC = "trade.binanceusdm.BTC/USDT:USDT."
LOOPBACK = "tcp://127.0.0.1:*"


@contextmanager
def history(*seqs: int) -> Iterator[str]:
    """Serve messages of session 7, and return the endpoint."""
    stopping = threading.Event()
    with ScriptedPublisher(LOOPBACK, LOOPBACK) as publisher:
        for seq in seqs:
            publisher.keep(TOPIC, encode({"session": 7, "seq": seq}))

        def serve() -> None:
            while not stopping.is_set():
                publisher.pump(0.02)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield publisher.history
        finally:
            stopping.set()
            thread.join()


def asked(client: HistoryClient, first: int = 1, last: int = 9) -> history_client.HistoryRange:
    try:
        return asyncio.run(client.range(TOPIC, 7, first, last))
    finally:
        client.close()


def closed_endpoint() -> str:
    return f"tcp://127.0.0.1:{free_ports(1)[0]}"


def test_a_range_is_what_the_history_has_of_it() -> None:
    with history(3, 4, 6, 8) as endpoint:
        found = asked(HistoryClient([endpoint]), 4, 7)
    assert (found.low, found.high) == (3, 8)
    assert found.messages == [
        (TOPIC.encode(), encode({"session": 7, "seq": seq})) for seq in (4, 6)
    ]


def test_the_next_history_is_asked_where_one_does_not_answer_or_has_nothing() -> None:
    with history() as empty, history(5) as full:
        client = HistoryClient([closed_endpoint(), empty, full], timeout_s=1.0)
        assert len(asked(client).messages) == 1
        assert asked(HistoryClient([empty])).high is None


def test_without_an_answer_the_error_names_who_was_asked() -> None:
    endpoint = closed_endpoint()
    with pytest.raises(NoHistoryError, match=f"{endpoint} did not answer within 0.2 s"):
        asked(HistoryClient([endpoint], timeout_s=0.2))


def test_requests_beyond_those_that_may_wait_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_client, "WAITING", 2)

    async def scenario() -> list[BaseException | object]:
        client = HistoryClient([closed_endpoint()], timeout_s=0.3)
        try:
            return await asyncio.gather(
                *(client.range(TOPIC, 7, 1, 2) for _ in range(3)), return_exceptions=True
            )
        finally:
            client.close()

    assert [type(one) for one in asyncio.run(scenario())] == [
        NoHistoryError, NoHistoryError, BusyError,
    ]  # fmt: skip
