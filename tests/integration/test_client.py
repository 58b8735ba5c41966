"""`feedd.subscribe` on real sockets: lost messages are repaired or reported."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop
from conftest import eventually, free_ports
from integration.client_setup import Dropping, Feed, Seen, Ticking, World, in_a_row

import feedd
from feedd.errors import ConfigError


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    one = World(tmp_path)
    yield one
    one.close()


def seen(world: World, endpoints: Any, *topics: str, **options: Any) -> Seen:
    return world.opened(Seen(feedd.subscribe(endpoints, topics or "", **options), world.beat))


async def until_live(stream: Any, feed: Feed) -> list[int]:
    """Publish quotes until the subscription delivers one; return the delivered seqs."""
    seqs = []
    while True:
        feed.quote()
        with contextlib.suppress(TimeoutError):
            tick = await asyncio.wait_for(anext(stream), 0.5)
            seqs.append(tick.seq)
            if tick.origin == "live":
                return seqs


# --- joining ----------------------------------------------------------------------------------


def test_100_joins_during_a_stream_have_no_gap_and_no_duplicate(world: World) -> None:
    side = world.proxy()
    feed = world.feed(side)
    feed.beat()
    world.opened(Ticking(feed))
    eventually(lambda: len(side.history.kept.get(feed.quote_topic.encode(), ())) > 10)
    first = set()
    for _ in range(100):
        with feedd.subscribe(side.endpoint, feed.quote_topic, only_ticks=True) as stream:
            ticks = [next(stream) for _ in range(30)]
        first.add(ticks[0].origin)
        assert in_a_row([tick.seq for tick in ticks])
    assert "snapshot" in first


def test_without_a_history_service_the_stream_continues_and_reports_it(world: World) -> None:
    side = world.proxy(with_history=False)
    caller = seen(world, side.endpoint)
    feed = world.feed(side)
    world.opened(Ticking(feed, 0.01))
    caller.until(lambda: len(caller.quotes()) > 20)
    assert ("", "no_history") in {(one.feed, one.state) for one in caller.of(feedd.StateChange)}


# --- gaps -------------------------------------------------------------------------------------


def test_messages_dropped_in_transit_are_repaired_in_order(world: World) -> None:
    side = world.proxy()
    way, endpoint = world.dropping(side)
    feed = world.feed(side)
    feed.started_s -= 60.0
    caller = seen(world, endpoint, history=side.history_endpoint)
    feed.beat()
    caller.until(lambda: feed.quote() or caller.quotes())
    way.lets = lambda topic, seq: seq % 7 != 0 and seq % 50 > 5
    world.opened(Ticking(feed))
    caller.until(lambda: len(caller.quotes()) > 1500)
    assert in_a_row(caller.quotes())
    assert caller.of(feedd.Gap) == []
    assert {one.origin for one in caller.of(feedd.Quote)} >= {"live", "replayed"}


def test_a_lost_tail_is_repaired_after_a_heartbeat_shows_it(world: World) -> None:
    side = world.proxy()
    way, endpoint = world.dropping(side)
    feed = world.feed(side)
    caller = seen(world, endpoint, history=side.history_endpoint)
    feed.beat()
    feed.quote(10)
    caller.until(lambda: caller.quotes()[-1:] == [10])
    way.lets = lambda topic, seq: topic.startswith(b"status.")
    feed.quote(5)
    time.sleep(0.2)
    assert caller.quotes()[-1] == 10
    feed.beat("stopped", "told to")
    caller.until(lambda: caller.quotes()[-1] == 15, beats=False)
    caller.until(lambda: caller.of(feedd.Stopped), beats=False)
    assert in_a_row(caller.quotes())


@pytest.mark.parametrize("with_history", [True, False])
def test_a_restart_of_the_proxy_loses_nothing_silently(world: World, with_history: bool) -> None:
    side = world.proxy(with_history=with_history)
    feed = world.feed(side)
    history = side.history_endpoint if with_history else None
    caller = seen(world, side.endpoint, history=history)
    world.opened(Ticking(feed, 0.002))
    caller.until(lambda: len(caller.quotes()) > 100)
    side.stop()
    time.sleep(0.7)
    side.start()
    last = caller.quotes()[-1]
    caller.until(lambda: caller.quotes()[-1] > last + 500)
    events = list(caller.events)  # the stream goes on meanwhile
    gaps = [one for one in events if isinstance(one, feedd.Gap) and one.topic == feed.quote_topic]
    reported = {seq for gap in gaps for seq in range(gap.from_seq, gap.to_seq + 1)}
    quotes = [one.seq for one in events if isinstance(one, feedd.Quote)]
    assert reported.isdisjoint(quotes)
    assert in_a_row(sorted([*quotes, *reported])), gaps
    assert quotes == sorted(quotes)


def test_a_new_session_is_reported_and_complete(world: World) -> None:
    side = world.proxy()
    feed = world.feed(side)
    caller = seen(world, side.endpoint)
    feed.beat()
    feed.quote(3)
    caller.until(lambda: caller.quotes()[-1:] == [3])
    world.closed(feed)
    again = world.feed(side, session=2)
    again.beat()
    again.quote(4)
    caller.until(lambda: caller.quotes()[-1] == 4)
    assert caller.quotes()[-5:] == [3, 1, 2, 3, 4]
    (new,) = caller.of(feedd.NewSession)
    assert (new.old, new.new) == (1, 2)


# --- endpoints --------------------------------------------------------------------------------


def junk_peer(port: int, served: list[int], stop: threading.Event) -> None:
    """Send ZeroMQ's greeting, then invalid data: libzmq never reconnects to such a peer."""
    with socket.create_server(("127.0.0.1", port)) as server:
        server.settimeout(0.05)
        while not stop.is_set() and not served:
            try:
                peer, _ = server.accept()
            except TimeoutError:
                continue
            with peer:
                greeting = b"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03\x00NULL" + bytes(48)
                ready = b"\x04\x19\x05READY\x0bSocket-Type\x00\x00\x00\x03PUB"
                peer.sendall(greeting[:64] + ready + b"\x00\x01a\xff\xff\xff\xff" + bytes(100))
                time.sleep(0.3)
            served.append(1)


def test_an_endpoint_abandoned_by_libzmq_is_reconnected(world: World) -> None:
    side = world.proxy(with_history=False)  # which would connect there too, and meet the junk
    served: list[int] = []
    stop = threading.Event()
    port = int(side.endpoint.rpartition(":")[2])
    side.stop()
    junk = threading.Thread(target=junk_peer, args=(port, served, stop))
    junk.start()
    caller = seen(world, side.endpoint)
    eventually(lambda: served)
    stop.set()
    junk.join()
    side.start()
    feed = world.feed(side)
    world.opened(Ticking(feed, 0.01))
    caller.until(lambda: len(caller.quotes()) > 20)


def test_of_two_endpoints_one_may_die_unnoticed(world: World) -> None:
    left, right = world.proxy(), world.proxy()
    feed = world.feed(left, right)
    feed.started_s -= 60.0
    caller = seen(world, [left.endpoint, right.endpoint])
    feed.beat()
    world.opened(Ticking(feed))
    caller.until(lambda: len(caller.quotes()) > 200)
    left.stop()
    last = caller.quotes()[-1]
    caller.until(lambda: caller.quotes()[-1] > last + 500)
    left.start()
    kept, published = left.history.kept[feed.quote_topic.encode()], (1, feed.quotes)
    eventually(lambda: max(list(kept)) > published, what="the feed and the history are there again")
    probe = world.feed(left, symbol="L/EFT")

    def live() -> bool:
        probe.quote()
        return any(one.symbol == "L/EFT" and one.origin == "live" for one in caller.of(feedd.Quote))

    caller.until(live)  # and so is the caller
    right.stop()
    last = caller.quotes()[-1]
    caller.until(lambda: caller.quotes()[-1] > last + 500)
    assert in_a_row(caller.quotes())
    assert [gap for gap in caller.of(feedd.Gap) if "L/EFT" not in gap.topic] == []


def test_a_gap_filled_by_the_other_endpoint_is_not_requested(world: World) -> None:
    side = world.proxy()
    (one, first), (two, second) = world.dropping(side), world.dropping(side)
    one.lets = lambda topic, seq: seq % 3 != 0
    two.lets = lambda topic, seq: seq % 3 != 1
    feed = world.feed(side)
    caller = seen(world, [first, second], history=side.history_endpoint)
    feed.beat()
    topic = feed.quote_topic.encode()
    caller.until(lambda: feed.quote() or all(topic in way.carried for way in (one, two)))
    caller.until(lambda: caller.quotes()[-1:] == [feed.quotes])
    before = feed.quotes
    for _ in range(200):
        feed.quote(5)
        time.sleep(0.002)
    caller.until(lambda: caller.quotes()[-1] == feed.quotes)
    assert in_a_row(caller.quotes())
    news = [one for one in caller.of(feedd.Quote) if one.seq > before]
    live = [one for one in news if one.origin == "live"]
    assert len(news) == 1000
    assert len(live) > 500  # all but what the other brought too late


# --- callers ----------------------------------------------------------------------------------


def test_a_slow_callers_losses_are_reported_to_it(world: World) -> None:
    side = world.proxy()
    feed = world.feed(side)
    feed.beat()
    with feedd.subscribe(side.endpoint, feed.quote_topic, most_queued=100) as stream:
        event = None
        while getattr(event, "origin", None) != "live":
            feed.quote()
            event = stream.receive(0.5)
        feed.quote(1000)
        events: list[Any] = []

        def ends(some: list[Any]) -> bool:
            """Whether one of them is, or covers, the last that was published."""
            return any(feed.quotes in {getattr(one, "to_seq", 0), getattr(one, "seq", 0)}
                       for one in some)  # fmt: skip

        def taken() -> bool:
            events.extend(iter(lambda: stream.receive(0.2), None))
            return ends(events)

        eventually(lambda: (dropped := stream._events._dropped) and ends(dropped.notices()))
        eventually(taken)
        feed.quote(5)
        eventually(taken)
    (gap,) = [one for one in events if isinstance(one, feedd.Gap)]
    seqs = [one.seq for one in events if isinstance(one, feedd.Quote)]
    assert "behind" in gap.reason
    assert in_a_row(sorted({*seqs, *range(gap.from_seq, gap.to_seq + 1)}))
    assert seqs[-1] == feed.quotes
    assert len(seqs) < 300


def test_a_feed_that_becomes_silent_is_stale_within_three_seconds(world: World) -> None:
    side = world.proxy()
    feed = world.feed(side)
    caller = seen(world, side.endpoint)
    feed.beat()
    caller.until(lambda: caller.of(feedd.StateChange))
    silent_s = time.monotonic()
    feed.beat()
    caller.until(lambda: caller.of(feedd.StateChange)[-1].state == "stale", beats=False)
    assert 2.0 < time.monotonic() - silent_s < 10.0
    feed.beat()
    caller.until(lambda: caller.of(feedd.StateChange)[-1].state == "live")


def loops() -> list[Any]:
    return [
        pytest.param(asyncio.new_event_loop, id="asyncio"),
        pytest.param(uvloop.new_event_loop, id="uvloop"),
    ]


@pytest.mark.parametrize("make_loop", loops())
def test_async_for_sees_what_for_sees_and_wakes_up_each_time(
    world: World, make_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    side = world.proxy()
    feed = world.feed(side)
    feed.beat()

    async def take() -> list[int]:
        async with feedd.subscribe(side.endpoint, feed.quote_topic, only_ticks=True) as stream:
            seqs = await until_live(stream, feed)
            feed.quote(3000)  # sustained, then sparse: where a shared descriptor misses a wakeup
            async for tick in stream:
                seqs.append(tick.seq)
                if tick.seq == feed.quotes:
                    break
            for _ in range(50):
                await asyncio.sleep(0.005)
                feed.quote()
                seqs.append((await asyncio.wait_for(anext(stream), 45.0)).seq)
        return seqs

    with asyncio.Runner(loop_factory=make_loop) as runner:
        seqs = runner.run(take())
    assert in_a_row(seqs)
    assert seqs[-1] == feed.quotes


@pytest.mark.parametrize("make_loop", loops())
def test_the_loop_is_not_blocked_and_a_cancelled_wait_loses_nothing(
    world: World, make_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    side = world.proxy()
    feed = world.feed(side)
    feed.beat()

    async def take() -> tuple[int, int]:
        turns = 0

        async def turn() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        async with feedd.subscribe(side.endpoint, feed.quote_topic, only_ticks=True) as stream:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(stream), 0.3)
            last = (await until_live(stream, feed))[-1]
            feed.quote(5000)
            await asyncio.sleep(0.5)
            other = asyncio.ensure_future(turn())
            async for tick in stream:
                assert tick.seq == last + 1
                last = tick.seq
                if last == feed.quotes:
                    break
            other.cancel()
        tasks = asyncio.all_tasks() - {asyncio.current_task(), other}
        return turns, len(tasks)

    with asyncio.Runner(loop_factory=make_loop) as runner:
        turns, tasks = runner.run(take())
    assert turns > 10
    assert tasks == 0


@pytest.mark.parametrize("make_loop", loops())
def test_aclose_from_another_task_ends_the_iteration(
    world: World, make_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    side = world.proxy()

    async def take() -> None:
        stream = feedd.subscribe(side.endpoint, only_ticks=True)

        async def iterate() -> None:
            async for _ in stream:
                pass

        iterating = asyncio.ensure_future(iterate())
        await asyncio.sleep(0.2)
        await stream.aclose()
        await asyncio.wait_for(iterating, 45.0)

    with asyncio.Runner(loop_factory=make_loop) as runner:
        runner.run(take())


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_closing_leaves_no_thread_and_no_descriptor_behind(world: World) -> None:
    side = world.proxy()
    feedd.subscribe(side.endpoint).close()
    threads, files = threading.active_count(), descriptors()
    for _ in range(5):
        with feedd.subscribe(side.endpoint) as stream:
            stream.receive(0.05)
        assert list(stream) == []
    stream = feedd.subscribe(side.endpoint)
    del stream
    eventually(lambda: threading.active_count() <= threads)
    eventually(lambda: descriptors() <= files)


def test_close_from_another_thread_ends_the_iteration(world: World) -> None:
    side = world.proxy()
    stream = feedd.subscribe(side.endpoint)
    threading.Timer(0.2, stream.close).start()
    assert all(isinstance(event, feedd.StateChange) for event in stream)


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip


@pytest.mark.process
def test_the_client_loads_no_large_package_besides_pyzmq_and_msgspec() -> None:
    done = run(
        "import sys, feedd\n"
        "assert 'zmq' not in sys.modules\n"
        "feedd.subscribe, feedd.Quote\n"
        "print(sorted({'ccxt', 'aiohttp', 'structlog', 'uvloop', 'yaml', 'psutil', 'msgpack',\n"
        "              'orjson', 'supervisor'} & set(sys.modules)))\n"
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


@pytest.mark.process
def test_a_process_that_ends_without_closing_does_not_hang(world: World) -> None:
    side = world.proxy()
    program = (
        "import sys, os, feedd\n"
        "stream = feedd.subscribe(sys.argv[1])\n"
        "stream.receive(0.2)\n"
        "if pid := os.fork():\n"
        "    _, status = os.waitpid(pid, 0)\n"
        "    print('child', status)\n"
        "else:\n"
        "    try:\n"
        "        next(stream)\n"
        "    except RuntimeError as error:\n"
        "        print(error, flush=True)\n"
    )
    done = run(program, side.endpoint)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "a stream can't be used in a fork; subscribe again there\nchild 0\n"


@pytest.mark.parametrize("endpoint", ["", "127.0.0.1:5500", "tcp://nowhere", "tcp://1.2.3.4:x"])
def test_an_invalid_endpoint_is_refused_at_once(endpoint: str) -> None:
    with pytest.raises(ConfigError):
        feedd.subscribe(endpoint, history=None)


def test_topics_that_do_not_fit_into_a_history_request_are_rejected() -> None:
    many = [f"quote.exchange.{number:020}/USDT:USDT." for number in range(1000)]
    with pytest.raises(ConfigError, match="do not fit into one request to the history"):
        feedd.subscribe("tcp://127.0.0.1:1", many)
    feedd.subscribe("tcp://127.0.0.1:1", many, history=None).close()


def test_an_endpoint_without_a_port_needs_an_explicit_history() -> None:
    with pytest.raises(ConfigError, match="history=None"):
        feedd.subscribe(f"ipc:///tmp/nobody-{free_ports(1)[0]}")


# --- first contact ----------------------------------------------------------------------------


def stream_states(caller: Seen) -> dict[str, str | None]:
    return {one.state: one.reason for one in caller.of(feedd.StateChange) if not one.feed}


def test_an_endpoint_is_reported_until_a_publisher_answers_there(world: World) -> None:
    side = world.proxy()
    world.feed(side)
    way, endpoint = world.dropping(side)
    way.close()
    caller = seen(world, endpoint, history=None)
    caller.until(lambda: "no_endpoint" in stream_states(caller))
    assert f"{endpoint}: nothing answers there" in str(stream_states(caller)["no_endpoint"])
    again = world.opened(Dropping(side.endpoint, endpoint))
    caller.until(lambda: "endpoint" in stream_states(caller))
    assert again.carried is not None


def test_a_listener_that_is_no_publisher_is_named_as_such(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        endpoint = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        caller = seen(world, endpoint, history=None)
        caller.until(lambda: "no_endpoint" in stream_states(caller))
        assert "the port answers, but publishes no topics" in str(
            stream_states(caller)["no_endpoint"]
        )


@pytest.mark.parametrize("with_history", [True, False])
def test_a_prefix_that_nothing_is_published_with_is_reported(
    world: World, *, with_history: bool
) -> None:
    side = world.proxy()
    feed = world.feed(side)
    feed.beat()
    world.opened(Ticking(feed, 0.01))
    options: dict[str, Any] = {} if with_history else {"history": None}
    caller = seen(world, side.endpoint, feed.quote_topic, "quote.test.A/C.", **options)
    caller.until(lambda: "no_topic" in stream_states(caller))
    reason = str(stream_states(caller)["no_topic"])
    assert "nothing that begins with 'quote.test.A/C.' is published so far" in reason
    assert "the nearest is 'quote.test.A/B.'" in reason
    assert caller.quotes()


def test_a_stream_of_ticks_only_logs_an_endpoint_without_a_publisher(
    caplog: pytest.LogCaptureFixture,
) -> None:
    endpoint = f"tcp://127.0.0.1:{free_ports(1)[0]}"
    with feedd.subscribe(endpoint, history=None, only_ticks=True) as stream:
        began_s = time.monotonic()
        eventually(lambda: caplog.records)
        assert time.monotonic() - began_s < 10
        assert stream.receive(0) is None
    assert [one.message for one in caplog.records] == [
        f"{endpoint}: nothing answers there; the stream retries"
    ]
