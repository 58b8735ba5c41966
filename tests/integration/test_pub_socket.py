"""The worker's PUB socket with libzmq's SUBs and real proxies, and its endpoints."""

from __future__ import annotations

import asyncio
import resource
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import zmq
from conftest import PYTHON, eventually
from pub_socket_setup import (  # noqa: F401  fixtures among them
    HELLO,
    LOOPS,
    TOPICS,
    A,
    B,
    C,
    Peers,
    Pub,
    closed_peers,
    ended_pubs,
    is_ended,
    message,
    port_of_its_own,
    stranger,
    subscriber,
    take,
    take_until,
    until,
)
from structlog.testing import capture_logs

from feedd.config.settings import ProxySettings
from feedd.errors import ConfigError, EndpointInUseError
from feedd.runtime import bind_retry
from feedd.transport import pub_socket
from feedd.transport.endpoints import address_of
from feedd.transport.proxy import Proxy
from feedd.transport.pub_socket import PubSocket

# --- libzmq's SUB at the worker's port ---------------------------------------------------------


@pytest.mark.parametrize("loop", LOOPS)
def test_a_sub_receives_its_topics_until_it_cancels(
    loop: str, make_pub: Callable[..., Pub], peers: Peers, port: int
) -> None:
    pub = make_pub(loop)
    endpoint = pub.bind(port)
    several = subscriber(peers, endpoint, b"quote.", B, b"quote.x", b"unheard.of.")
    everything = subscriber(peers, endpoint, b"")
    pub.wanted(B, 2)
    pub.wanted(C, 1)
    for number, topic in enumerate((A, B, C, A)):
        pub.publish(topic, [number])
    assert take_until(several, 3) == [0, 1, 3]
    assert take_until(everything, 3) == [0, 1, 2, 3]
    several.unsubscribe(b"quote.")  # quote.x is still there
    several.unsubscribe(B)
    pub.wanted(B, 1)
    for number, topic in enumerate((B, C, A), 4):
        pub.publish(topic, [number])
    assert take_until(several, 6) == [6]
    several.unsubscribe(b"quote.x")
    pub.wanted(A, 1)
    several.subscribe(C)
    pub.wanted(C, 2)
    several.subscribe(b"quote.")
    pub.wanted(A, 2)
    for number, topic in enumerate((A, B, C), 7):
        pub.publish(topic, [number])
    assert take_until(several, 9) == [7, 9]
    assert take_until(everything, 9) == [4, 5, 6, 7, 8, 9]
    several.close()
    pub.wanted(A, 1)
    pub.wanted(C, 1)


def test_a_subscriber_that_never_reads_loses_whole_messages_and_is_reported(
    make_pub: Callable[..., Pub], peers: Peers, port: int
) -> None:
    pub, count, filling = make_pub(), 200_000, bytes(300)
    endpoint = pub.bind(port)
    good = [subscriber(peers, endpoint, b"quote.") for _ in range(2)]
    silent = subscriber(peers, endpoint, A, rcvhwm=100)
    pub.wanted(A, 3)
    begin = message(A, 0, filling)
    head, tail = begin[: -8 - len(filling)], filling

    async def publish(first: int, past: int) -> None:
        for number in range(first, past):
            for send_queue in pub.send_queues(A):
                send_queue.add(head + number.to_bytes(8, "big") + tail)
            if number % 20 == 19:
                for send_queue in pub.send_queues(A):
                    send_queue.flush()
            if number % 200 == 199:
                await asyncio.sleep(0)
        for send_queue in pub.send_queues(A):
            send_queue.flush()

    pub.run(publish(0, count))
    with capture_logs() as logs:
        pub.do(pub.socket.check)
        pub.do(pub.socket.check)
    for one in good:
        assert take_until(one, count - 1, filling) == list(range(count))
    dropped = sum(log["messages"] for log in logs if "were dropped" in log["event"])
    assert len(logs) == 1
    assert 0 < dropped < count
    got: list[int] = []
    while len(got) < count - dropped:
        number = take(silent, filling)
        assert number is not None, f"{len(got)} came, and {dropped} of {count} were dropped"
        got.append(number)
    assert got == sorted(set(got))
    pub.publish(A, [count], filling)  # it has room again
    assert take(silent, filling) == count


def test_losses_of_a_subscriber_that_left_are_still_reported(
    make_pub: Callable[..., Pub], port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pub_socket, "MAX_QUEUED_BYTES", 100_000)
    pub = make_pub()
    with capture_logs() as logs:
        with stranger(pub.bind(port), HELLO + b"\x00\x01\x01"):
            pub.wanted(A, 1)
            pub.publish(A, range(100), bytes(200_000))
            pub.do(pub.socket.check)
            pub.publish(A, range(7), bytes(200_000))
        pub.wanted(A, 0)
        eventually(lambda: len([log for log in logs if "were dropped" in log["event"]]) == 2)
    assert [log["total_of_all_subscribers"] - log["messages"] for log in logs] == [
        0, logs[0]["messages"]
    ]  # fmt: skip


def test_a_sub_reconnects_to_a_new_publisher_at_the_same_port(
    make_pub: Callable[..., Pub], peers: Peers, port: int
) -> None:
    first = make_pub()
    one = subscriber(peers, first.bind(port), A, C)
    first.wanted(C, 1)
    first.publish(A, [1])
    first.close()
    assert take(one) == 1
    second = make_pub()
    second.bind(port)
    second.wanted(C, 1, one)
    second.wanted(A, 1, one)
    second.publish(B, [2])
    second.publish(A, [3])
    assert take(one) == 3


def test_queued_messages_are_sent_on_close_and_undelivered_ones_reported(
    make_pub: Callable[..., Pub], peers: Peers, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pub_socket, "LINGER_S", 30)
    pub, filling = make_pub(), bytes(50_000)
    endpoint = pub.bind(port)
    one = subscriber(peers, endpoint, A, rcvhwm=1)  # else it reads as fast as it is sent
    pub.wanted(A, 1)
    pub.publish(A, range(600), filling)
    assert pub.send_queues(A)[0].waits
    closing = threading.Thread(target=pub.close)
    closing.start()
    assert take_until(one, 599, filling) == list(range(600))
    closing.join()

    monkeypatch.setattr(pub_socket, "LINGER_S", 0.1)
    pub = make_pub()
    endpoint = pub.bind(port)
    with stranger(endpoint, HELLO + b"\x00\x01\x01" + bytes(0)):
        pub.wanted(B, 1)
        pub.publish(B, range(300), filling)
        with capture_logs() as logs:
            pub.close()
    (lost,) = [log for log in logs if "before the close" in log["event"]]
    assert 0 < lost["messages"] < 300


# --- the proxies -------------------------------------------------------------------------------

FIRST_PROXY = """
import asyncio, sys, time
from feedd.config.settings import ProxySettings
from feedd.transport.proxy import Proxy
proxy = Proxy()
asyncio.run(proxy.bind(ProxySettings(subscribers=sys.argv[1], workers=sys.argv[2])))
proxy.start()
time.sleep(600)
"""


class ProxyRun:
    """One run of a proxy and its subscribers."""

    def __init__(self, subscribers: str, workers: str) -> None:
        self.proxy = Proxy()
        self.heard = subscriber(self.proxy.context, self.proxy.forwarded, b"")
        asyncio.run(self.proxy.bind(ProxySettings(subscribers=subscribers, workers=workers)))
        self.proxy.start()

    def end(self) -> None:
        self.heard.close()
        self.proxy.stop()


def wait_for_failed_retry(pub: Pub) -> None:
    """Wait until a reconnect has been attempted and has failed."""
    (link,) = pub.socket._links
    for _ in range(2):
        before = link.zmtp  # a new object for each attempt
        eventually(lambda before=before: link.zmtp is not before)


@pytest.mark.process
@pytest.mark.parametrize("loop", LOOPS)
def test_messages_published_while_a_proxy_is_down_arrive_once_and_in_order(
    loop: str,
    make_pub: Callable[..., Pub],
    port: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The proxy is killed, the second time stopped; messages published from then on count."""
    monkeypatch.setattr(pub_socket, "RECONNECT_S", 0.02)
    monkeypatch.setattr(pub_socket, "RECONNECT_MAX_S", 0.1)
    pub, workers, subscribers = (
        make_pub(loop),
        f"ipc://{tmp_path}/w.sock",
        f"tcp://127.0.0.1:{port}",
    )
    killed = subprocess.Popen([PYTHON, "-c", FIRST_PROXY, subscribers, workers])
    try:
        assert pub.run(pub.socket.connect([workers], 45))
        pub.publish(A, range(100))
    finally:
        killed.kill()
        killed.wait()
    pub.publish(A, range(100, 3000), bytes(500))  # as yet it has not read that nobody is there
    pub.publish(C, range(3000, 3010))
    wait_for_failed_retry(pub)
    assert pub.socket.connected == 1
    life = ProxyRun(subscribers, workers)
    try:
        assert [take(life.heard, bytes(500)) for _ in range(2900)] == list(range(100, 3000))
        assert [take(life.heard) for _ in range(10)] == list(range(3000, 3010))
        pub.publish(B, [3010])
        assert take(life.heard) == 3010
    finally:
        life.end()
    pub.publish(A, range(4000, 4500))
    eventually(lambda: pub.socket._links[0].send_queue._socket is None)
    pub.publish(B, range(4500, 5000))
    wait_for_failed_retry(pub)
    life = ProxyRun(subscribers, workers)
    try:
        assert [take(life.heard) for _ in range(1000)] == list(range(4000, 5000))
        assert take(life.heard, timeout_ms=0) is None
    finally:
        life.end()


@pytest.mark.parametrize("loop", LOOPS)
def test_a_proxy_lost_within_a_message_receives_the_rest_complete(
    loop: str, make_pub: Callable[..., Pub], peers: Peers, tmp_path: Path
) -> None:
    """No message arrives twice, and the rest is without a gap."""
    pub, workers, filling = make_pub(loop), f"ipc://{tmp_path}/w.sock", bytes(70_000)

    def bound() -> zmq.Socket[bytes]:
        proxy = peers.socket(zmq.XSUB)
        proxy.linger, proxy.rcvhwm = 0, 3
        proxy.bind(workers)
        proxy.send(b"\x01")
        return proxy

    proxy, got = bound(), list[int | None]()
    pub.run(pub.socket.connect([workers], 0))
    until(lambda: pub.socket.connected == 1, proxy)
    pub.publish(A, range(100), filling)
    for taken in (5, 20):
        got += [take(proxy, filling) for _ in range(taken)]
        proxy.close()
        proxy = bound()
    rest = take_until(proxy, 99, filling)
    assert rest == list(range(rest[0], 100))
    numbers = [number for number in got if number is not None]
    assert len(numbers) == 25
    assert numbers == sorted(set(numbers))
    assert numbers[-1] < rest[0]


def test_a_reconnected_link_loses_nothing_while_it_resubscribes(
    make_pub: Callable[..., Pub], peers: Peers, tmp_path: Path
) -> None:
    """The first run subscribes to all topics; the second has sent one subscription so far."""
    pub, workers = make_pub(), f"ipc://{tmp_path}/w.sock"

    def bound(*prefixes: bytes) -> zmq.Socket[bytes]:
        proxy = peers.socket(zmq.XSUB)
        proxy.linger = 0
        proxy.bind(workers)
        for prefix in prefixes:
            proxy.send(b"\x01" + prefix)
        return proxy

    proxy = bound(b"")
    pub.run(pub.socket.connect([workers], 0))
    until(lambda: pub.socket.connected == 1, proxy)
    proxy.close()
    proxy = bound(A)
    link = pub.socket._links[0]
    until(lambda: link.zmtp.wants == {A}, proxy)
    pub.publish(B, [1])
    pub.publish(A, [2])
    proxy.send(b"\x01" + B)
    until(lambda: link.zmtp.wants == {A, B}, proxy)
    pub.publish(B, [3])
    # libzmq's filter, applied as a message is read, is open by now.
    assert [take(proxy) for _ in range(3)] == [1, 2, 3]


def test_connect_waits_for_proxies_retries_and_puts_them_first(
    make_pub: Callable[..., Pub], peers: Peers, port: int, tmp_path: Path
) -> None:
    pub, workers = make_pub(), [f"ipc://{tmp_path}/{name}.sock" for name in "ab"]

    def bind(endpoint: str) -> zmq.Socket[bytes]:
        proxy = peers.socket(zmq.XSUB)
        proxy.bind(endpoint)
        proxy.send(b"\x01")
        return proxy

    first = bind(workers[0])
    assert not pub.run(pub.socket.connect(workers, 0.2))
    until(lambda: pub.socket.connected == 1, first)
    pub.bind(port)
    one = subscriber(peers, f"tcp://127.0.0.1:{port}", A)
    pub.wanted(A, 3, one)
    late = bind(workers[1])
    until(lambda: pub.socket.connected == 2, late)
    links = [link.send_queue for link in pub.socket._links]
    assert pub.send_queues(A)[:2] == links[::-1]  # before the subscriber that was there
    pub.publish(A, [1])
    assert take(late) == 1
    with pytest.raises(ConfigError, match="not an endpoint like"):
        pub.run(pub.socket.connect(["udp://127.0.0.1:1"], 1))


def test_messages_wait_for_proxies_that_were_never_connected(
    make_pub: Callable[..., Pub], port: int, tmp_path: Path
) -> None:
    """A worker that restarts while both proxies are away; each returns by itself."""
    pub = make_pub()
    addresses = [f"ipc://{tmp_path}/w.sock", f"tcp://127.0.0.1:{port}"]
    assert not pub.run(pub.socket.connect(addresses, 0.1))
    pub.publish(A, range(500), bytes(500))
    pub.publish(C, range(500, 505))
    for number, workers in enumerate(addresses):
        run = ProxyRun(f"ipc://{tmp_path}/subscribers{number}.sock", workers)
        try:
            assert [take(run.heard, bytes(500)) for _ in range(500)] == list(range(500))
            assert [take(run.heard) for _ in range(5)] == list(range(500, 505))
            eventually(lambda number=number: pub.socket.connected == number + 1)
            pub.publish(B, [600 + number])
            assert take_until(run.heard, 600 + number)[-1] == 600 + number
        finally:
            run.end()


def test_messages_for_a_proxy_that_never_comes_are_bounded_and_reported(
    make_pub: Callable[..., Pub], port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pub = make_pub()
    workers = f"tcp://127.0.0.1:{port}"
    pub.run(pub.socket.connect([workers], 0))
    (queue,) = pub.send_queues(A)
    queue.max_bytes = 100_000
    pub.publish(A, range(1000), bytes(500))
    assert queue.unsent + queue.dropped == 1000
    assert 150 < queue.unsent < 200
    with capture_logs() as logs:
        pub.do(pub.socket.check)
    (told,) = logs
    assert told["event"].startswith("a proxy's messages were dropped: it was away for too long")
    assert (told["subscriber"], told["messages"]) == (workers, queue.dropped)
    monkeypatch.setattr(pub_socket, "LINGER_S", 0.1)  # of the close


def test_a_proxy_back_within_the_linger_time_receives_queued_messages(
    make_pub: Callable[..., Pub], peers: Peers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pub_socket, "LINGER_S", 30)
    pub, workers = make_pub(), f"ipc://{tmp_path}/w.sock"

    def bound() -> zmq.Socket[bytes]:
        proxy = peers.socket(zmq.XSUB)
        proxy.linger = 0
        proxy.bind(workers)
        proxy.send(b"\x01")
        return proxy

    proxy = bound()
    pub.run(pub.socket.connect([workers], 0))
    until(lambda: pub.socket.connected == 1, proxy)
    proxy.close()
    eventually(lambda: pub.socket._links[0].send_queue._socket is None)
    pub.publish(A, range(10))
    closing = asyncio.run_coroutine_threadsafe(pub.socket.close(), pub.loop)
    proxy = bound()
    assert [take(proxy) for _ in range(10)] == list(range(10))
    closing.result(30)


def test_a_proxy_is_retried_after_no_descriptor_was_free(
    make_pub: Callable[..., Pub], peers: Peers, tmp_path: Path
) -> None:
    pub, workers = make_pub(), f"ipc://{tmp_path}/w.sock"
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        assert not pub.run(pub.socket.connect([workers], 0.05))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    proxy = peers.socket(zmq.XSUB)
    proxy.bind(workers)
    proxy.send(b"\x01")
    until(lambda: pub.socket.connected == 1, proxy)
    pub.do(pub.socket.check)


# --- endpoints and errors ----------------------------------------------------------------------


def test_a_port_in_use_is_reported_with_its_owner(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bind_retry, "TRIES", 2)
    monkeypatch.setattr(bind_retry, "PAUSE_S", 0.01)
    endpoint = f"tcp://127.0.0.1:{port}"

    async def twice() -> None:
        first, second = PubSocket(TOPICS), PubSocket(TOPICS)
        await first.bind(endpoint)
        try:
            await second.bind(endpoint)
        finally:
            await first.close()
            await second.close()

    with pytest.raises(EndpointInUseError, match=rf"{endpoint} is held by pid \d+ \(.* in /.*\)"):
        asyncio.run(twice())


@pytest.mark.parametrize(
    "endpoint",
    [
        "127.0.0.1:5555", "tcp://127.0.0.1", "tcp://127.0.0.1:99999", "tcp://a..b:1",
        "tcp://198.51.100.1:5555", "ipc:///no/such/folder/p", "ipc://" + "x" * 200,
        "tcp://127.0.0.1:" + "9" * 30, "inproc://x",
    ],
)  # fmt: skip
def test_an_endpoint_that_cannot_be_bound_is_a_config_error(endpoint: str) -> None:
    with pytest.raises(ConfigError):
        asyncio.run(PubSocket(TOPICS).bind(endpoint))


def test_a_host_name_is_bound_at_the_address_that_libzmq_connects_to(
    make_pub: Callable[..., Pub], peers: Peers, port: int
) -> None:
    assert address_of("tcp://*:5555")[1] == ("0.0.0.0", 5555)
    assert address_of("tcp://[::1]:5555")[1] == ("::1", 5555)
    assert address_of("ipc://@name")[1] == "\0name"
    pub = make_pub()
    pub.run(pub.socket.bind(f"tcp://localhost:{port}"))
    one = subscriber(peers, f"tcp://localhost:{port}", A)
    pub.wanted(A, 1)
    pub.publish(A, [1])
    assert take(one) == 1


def test_the_socket_file_of_an_earlier_process_is_replaced(
    make_pub: Callable[..., Pub], peers: Peers, tmp_path: Path
) -> None:
    endpoint = f"ipc://{tmp_path}/p.sock"
    first = make_pub()
    first.run(first.socket.bind(endpoint))
    first.close()
    pub = make_pub()
    pub.run(pub.socket.bind(endpoint))
    one = subscriber(peers, endpoint, A)
    pub.wanted(A, 1)
    pub.publish(A, [1])
    assert take(one) == 1


def test_an_internal_error_is_logged_and_raised_by_check(
    make_pub: Callable[..., Pub], port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> bytes:
        raise RuntimeError("a fault of our own")

    monkeypatch.setattr(pub_socket.ZmtpSubscriber, "receive", broken)
    pub = make_pub()
    pub.do(pub.socket.check)
    endpoint = pub.bind(port)
    with capture_logs() as logs, stranger(endpoint, HELLO) as one:
        eventually(lambda: is_ended(one) and logs)
    assert [str(log.get("exc_info")) for log in logs] == ["a fault of our own"]
    with pytest.raises(RuntimeError, match="of our own"):
        pub.do(pub.socket.check)
