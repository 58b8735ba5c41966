"""Untrusted peers at a worker's port disturb no subscriber, whatever they send."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Callable

import psutil
import pytest
import zmq
from conftest import eventually
from pub_socket_setup import (  # noqa: F401  fixtures among them
    HELLO,
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

from feedd.transport import pub_socket

MOST_PEERS = 50  # in the test of it, to be quicker


def test_unfinished_handshakes_are_closed_in_time_and_disturb_no_subscriber(
    make_pub: Callable[..., Pub], peers: Peers, port: int
) -> None:
    """Junk at once, and slow handshakes after 3 s.

    The heartbeats show a SUB without messages that the publisher is alive.
    """
    pub = make_pub()
    endpoint = pub.bind(port)
    good = subscriber(peers, endpoint, A)
    quiet = subscriber(peers, endpoint, B, heartbeat_ivl=50, heartbeat_timeout=2_000)
    monitor = quiet.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    pub.wanted(A, 1)
    pub.wanted(B, 1)
    junk = random.Random(1).randbytes(5000)
    at_once = [stranger(endpoint, says) for says in (
        b"GET / HTTP/1.1\r\n\r\n", junk, b"\x01\x00", HELLO[:64] + b"\x00\x01\x01",
        HELLO.replace(b"SUB", b"PUB"), HELLO + b"\xff\xff", HELLO + b"\x02" + b"\x7f" * 8,
    )]  # fmt: skip
    begin_s = time.monotonic()
    slow = [stranger(endpoint, says) for says in (b"", HELLO[:10], HELLO[:63], HELLO[:64])]
    trickling = stranger(endpoint)
    number, rest = 0, list(HELLO)
    while not all(map(is_ended, (*slow, trickling))):
        assert time.monotonic() < begin_s + 60, "a slow handshake was not ended"
        number += 1
        pub.publish(A, [number])
        assert take(good) == number
        if len(rest) > 4:
            try:
                trickling.send(bytes([rest.pop(0)]))
            except ConnectionError:
                rest.clear()
        time.sleep(0.05)
    assert time.monotonic() > begin_s + 2.5
    assert all(map(is_ended, at_once))
    assert not monitor.poll(0), "the SUB was cut off"
    with capture_logs() as logs:
        pub.do(pub.socket.check)
        pub.do(pub.socket.check)
    (log,) = logs
    assert log["count"] == len(at_once) + len(slow) + 1
    assert "no handshake within 3 s" in log["the_last"]
    pub.publish(B, [0])
    assert take(quiet) == 0
    quiet.disable_monitor()
    monitor.close(0)
    for one in (*at_once, *slow, trickling):
        one.close()


def test_connections_beyond_the_limit_are_rejected_and_the_others_stay(
    make_pub: Callable[..., Pub], peers: Peers, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pub_socket, "HANDSHAKE_S", 60)
    monkeypatch.setattr(pub_socket, "MAX_PEERS", MOST_PEERS)
    pub = make_pub()
    endpoint = pub.bind(port)
    good = subscriber(peers, endpoint, A)
    pub.wanted(A, 1)
    crowd = [stranger(endpoint) for _ in range(MOST_PEERS + 20)]
    eventually(lambda: sum(map(is_ended, crowd)) == 21)
    assert len(pub.socket._bound) == MOST_PEERS
    room = {peer.send_queue.max_bytes for peer in pub.socket._bound}
    assert room == {pub_socket.MAX_QUEUED_BYTES_BOUND // MOST_PEERS}  # each its share
    pub.publish(A, [1])
    assert take(good) == 1
    for one in crowd:
        one.close()
    until(lambda: len(pub.socket._bound) == 1)
    assert pub.send_queues(A)[0].max_bytes == pub_socket.MAX_QUEUED_BYTES
    late = subscriber(peers, endpoint, B)
    pub.wanted(B, 1)
    pub.publish(B, [2])
    assert take(late) == 2
    with capture_logs() as logs:
        pub.do(pub.socket.check)
    assert "the limit of" in logs[0]["the_last"] or logs[0]["count"] > 21


def test_a_flood_of_subscriptions_blocks_neither_the_loop_nor_fills_memory(
    make_pub: Callable[..., Pub], peers: Peers, port: int
) -> None:
    """200 at a time: one sends 300,000 topics, the others subscribe and cancel one."""
    pub = make_pub()
    endpoint = pub.bind(port)
    good = subscriber(peers, endpoint, A)
    pub.wanted(A, 1)
    flood = b"".join(b"\x00\x09\x01q.%06d" % number for number in range(300_000))
    before = psutil.Process().memory_info().rss
    floods = [stranger(endpoint, HELLO) for _ in range(200)]
    eventually(lambda: sum(peer.zmtp.ready for peer in set(pub.socket._bound)) == 201)
    subscribe_and_cancel = b"\x00\x02\x01q\x00\x02\x00q" * 25_000
    for one, says in zip(floods, [flood, *[subscribe_and_cancel] * 199], strict=True):
        one.setblocking(False)
        one.send(says)

    async def late_s() -> list[float]:
        found = list[float]()
        for number in range(100):
            begin_s = time.monotonic()
            for send_queue in pub.send_queues(A):
                send_queue.send(message(A, number))
            await asyncio.sleep(0.005)
            found.append(time.monotonic() - begin_s - 0.005)
        return found

    late = pub.run(late_s())
    assert statistics.median(late) < 0.015, f"{sorted(late)[::10]}"
    assert take_until(good, 99) == list(range(100))
    new = subscriber(peers, endpoint, B)
    pub.wanted(B, 1)
    pub.publish(B, [1])
    assert take(new) == 1
    for one in floods:
        one.close()
    assert psutil.Process().memory_info().rss - before < 50_000_000
    assert all(len(peer.zmtp._prefixes) < 50 for peer in set(pub.socket._bound))


def test_connections_in_the_handshake_are_read_in_turn(
    make_pub: Callable[..., Pub], port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """200 of them, each byte by byte, took 86 % of the loop's core before."""
    monkeypatch.setattr(pub_socket, "HANDSHAKE_S", 60)
    pub = make_pub()
    endpoint = pub.bind(port)
    with stranger(endpoint) as one, stranger(endpoint) as other:
        eventually(lambda: len(pub.socket._bound) == 2)
        monkeypatch.setattr(pub_socket, "PAUSE_S", 600)
        one.sendall(HELLO)
        eventually(lambda: any(peer.zmtp.ready for peer in set(pub.socket._bound)))
        other.sendall(HELLO)
        pub.run(asyncio.sleep(0.1))
        assert sum(peer.zmtp.ready for peer in set(pub.socket._bound)) == 1


def test_a_peer_that_pings_and_never_reads_blocks_nothing(
    make_pub: Callable[..., Pub], port: int
) -> None:
    pub = make_pub()
    pings = b"\x04\x17\x04PING\x00\x00" + b"0123456789abcdef"
    with stranger(pub.bind(port), HELLO + b"\x00\x01\x01") as one:
        pub.wanted(A, 1)
        pub.publish(A, range(200), bytes(100_000))
        (send_queue,) = pub.send_queues(A)
        assert send_queue.waits
        waiting = send_queue._bytes
        one.sendall(pings * 200 + b"\x00\x01\x00")
        pub.wanted(A, 0)
        assert send_queue._bytes <= waiting
