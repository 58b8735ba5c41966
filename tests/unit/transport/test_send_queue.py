"""Output of a send queue, through socketpairs with small buffers."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Awaitable, Callable, Iterator

import pytest
import uvloop

from feedd.transport.send_queue import TRIMMED, SendQueue
from feedd.transport.zmtp import COMMAND, LENGTH_BYTES, MORE, command, message_end, message_head

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
PATIENCE_S = 30


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Callable[[Awaitable[None]], None]:
    def in_the_loop(work: Awaitable[None]) -> None:
        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            runner.run(asyncio.wait_for(work, PATIENCE_S))  # type: ignore[arg-type]

    return in_the_loop


def message(number: int, size: int = 100) -> bytes:
    payload = number.to_bytes(4, "big") + random.Random(number).randbytes(size)
    return (
        message_head(b"t.")[:-LENGTH_BYTES] + len(payload).to_bytes(LENGTH_BYTES, "big") + payload
    )


def whole(data: bytes) -> list[bytes]:
    """Return the complete messages at the beginning of one connection's bytes."""
    found, at = [], 0
    while at < len(data):
        head_bytes = 2 if data[at] & COMMAND else len(message_head(b"t."))
        if len(data) < at + head_bytes or (end := message_end(data, at)) > len(data):
            break
        found.append(data[at:end])
        at = end
    return found


def small_pair() -> tuple[socket.socket, socket.socket]:
    ours, theirs = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    ours.setblocking(False)
    theirs.setblocking(False)
    return ours, theirs


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = small_pair()
    with ours, theirs:
        yield ours, theirs


async def read(theirs: socket.socket, count: int, at_once: int = 1500) -> bytes:
    data = b""
    while len(data) < count:
        piece = await asyncio.get_running_loop().sock_recv(theirs, min(at_once, count - len(data)))
        assert piece, "it ended"
        data += piece
    return data


def left_in(theirs: socket.socket) -> bytes:
    """Return the bytes that the system holds for the peer now."""
    data = b""
    while True:
        try:
            piece = theirs.recv(1 << 16)
        except BlockingIOError:
            return data
        if not piece:
            return data
        data += piece


Pair = tuple[socket.socket, socket.socket]
Run = Callable[[Awaitable[None]], None]


def test_messages_arrive_complete_and_in_order_after_partial_sends(run: Run, pair: Pair) -> None:
    """More chunks than one system call sends, of sizes above and below its buffer."""
    ours, theirs = pair
    messages = [message(number, (10, 100, 9000)[number % 3]) for number in range(1000)]

    async def work() -> None:
        send_queue = SendQueue(asyncio.get_running_loop())
        send_queue.attach(ours)
        for one in messages:
            send_queue.send(bytearray(one))
        assert send_queue.waits
        expected = b"".join(messages)
        assert await read(theirs, len(expected), 50_000) == expected
        await send_queue.empty(PATIENCE_S)
        send_queue.send(messages[0])  # directly again
        assert not send_queue.waits
        assert left_in(theirs) == messages[0]
        assert send_queue.dropped == 0
        assert send_queue._bytes == 0
        send_queue.detach()

    run(work())


@pytest.mark.parametrize("together", [1, 7])
@pytest.mark.parametrize("taken", [0, 1, 500, 4000, 20_000])
def test_after_a_disconnect_the_message_is_resent_from_its_start_and_none_twice(
    run: Run, pair: Pair, together: int, taken: int
) -> None:
    """A message passed whole to the system for the old connection is not resent on the new one."""
    old, old_end = pair
    new, new_end = small_pair()
    messages = [message(number, 300) for number in range(210)]

    async def work() -> None:
        send_queue = SendQueue(asyncio.get_running_loop())
        send_queue.attach(old)
        for first in range(0, 140, together):
            for one in messages[first : first + together]:
                send_queue.add(one)
            send_queue.flush()
        arrived = await read(old_end, taken)
        for _ in range(5):  # more of it is given to the system
            await asyncio.sleep(0)
        assert send_queue.waits
        send_queue.detach()
        arrived += left_in(old_end)
        for one in messages[140:]:
            send_queue.send(one)
        before = whole(arrived)
        assert 0 < len(before) < 140
        expected = b"".join(messages[len(before) :])
        assert send_queue.unsent == len(messages) - len(before)
        assert send_queue._bytes == len(expected)
        send_queue.attach(new)
        assert before == messages[: len(before)]
        assert await read(new_end, len(expected)) == expected
        await send_queue.empty(PATIENCE_S)
        assert left_in(new_end) == b""
        assert send_queue._bytes == 0
        send_queue.detach()

    with new, new_end:
        run(work())


def test_a_peer_that_disconnects_repeatedly_loses_nothing(run: Run) -> None:
    messages = [message(number, random.Random(number).randrange(3000)) for number in range(400)]
    randomly = random.Random(7)

    async def work() -> None:
        send_queue, got = SendQueue(asyncio.get_running_loop()), list[bytes]()
        to_send = iter(messages)
        while len(got) < len(messages):
            ours, theirs = small_pair()
            with ours, theirs:
                send_queue.attach(ours)
                send_queue.send(command(b"PONG", b"x"))
                for _ in range(randomly.randrange(40)):
                    if (one := next(to_send, None)) is not None:
                        send_queue.add(one)
                        if randomly.random() < 0.5:
                            send_queue.flush()
                send_queue.flush()
                for _ in range(randomly.randrange(4)):
                    await asyncio.sleep(0)
                send_queue.detach()
                got += [one for one in whole(left_in(theirs)) if one[0] == MORE]
        assert got == messages

    run(work())


def test_a_message_without_room_is_dropped_whole_and_counted_in_a_batch_too(
    run: Run, pair: Pair
) -> None:
    ours, theirs = pair
    size = len(message(0))

    async def work() -> None:
        send_queue = SendQueue(asyncio.get_running_loop())
        send_queue.max_bytes = 10 * size
        for number in range(12):  # before it is attached: it waits
            send_queue.send(message(number))
        assert send_queue.dropped == 2
        for number in range(12, 17):
            send_queue.add(message(number))
        send_queue.flush()
        assert send_queue.dropped == 7
        send_queue.attach(ours)
        kept = [message(number) for number in range(10)]
        assert await read(theirs, 10 * size) == b"".join(kept)
        await send_queue.empty(PATIENCE_S)
        send_queue.detach()
        for number in range(20, 26):
            send_queue.send(message(number))
        for number in range(26, 31):
            send_queue.add(message(number))
        send_queue.flush()  # as one they find no room: a batch is one piece
        send_queue.send(message(31))
        send_queue.attach(ours)
        kept = [message(number) for number in (*range(20, 26), 31)]
        assert await read(theirs, 7 * size) == b"".join(kept)
        assert send_queue.dropped == 12
        send_queue.detach()

    run(work())


def test_a_sent_buffer_may_be_reused(run: Run, pair: Pair) -> None:
    ours, theirs = pair

    async def work() -> None:
        send_queue = SendQueue(asyncio.get_running_loop())
        send_queue.attach(ours)
        expected = b""
        for number in range(50):
            buffer = bytearray(message(number, 1000))
            expected += buffer
            send_queue.send(buffer)
            buffer[:] = bytes(3)
        assert await read(theirs, len(expected)) == expected
        send_queue.detach()

    run(work())


def test_a_closed_peer_raises_nothing_and_the_next_receives_the_rest(run: Run, pair: Pair) -> None:
    ours, theirs = pair
    theirs.close()
    new, new_end = small_pair()
    faults: list[dict[str, object]] = []

    async def work() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: faults.append(context))
        send_queue = SendQueue(loop)
        send_queue.attach(ours)
        for number in range(3):
            send_queue.send(message(number))
            await asyncio.sleep(0.01)  # the loop tries to write and fails
        send_queue.detach()
        send_queue.detach()
        send_queue.attach(new)
        expected = b"".join(map(message, range(3)))
        assert await read(new_end, len(expected)) == expected
        send_queue.detach()

    with new, new_end:
        run(work())
    assert not faults


def test_a_send_failure_is_reported_to_the_reader(run: Run, pair: Pair) -> None:
    """The peer has shut down reading and could still write: the reader alone would wait forever."""
    ours, theirs = pair
    theirs.shutdown(socket.SHUT_RD)

    async def work() -> None:
        loop = asyncio.get_running_loop()
        send_queue = SendQueue(loop)
        send_queue.attach(ours)
        reading = asyncio.ensure_future(loop.sock_recv(ours, 1))
        await asyncio.sleep(0)
        send_queue.send(message(0))
        assert await reading == b""
        send_queue.detach()
        assert send_queue.unsent == 1

    run(work())


def test_a_reduced_bound_trims_the_queue_step_by_step(run: Run, pair: Pair) -> None:
    ours, theirs = pair
    size, count = len(message(0)), 10 * TRIMMED

    async def work() -> None:
        send_queue = SendQueue(asyncio.get_running_loop())
        for number in range(count):
            send_queue.send(message(number))
        send_queue.max_bytes = 2 * size
        for _ in range(3):
            send_queue.send(message(count))
        assert send_queue.dropped == 3 + 3 * TRIMMED
        for _ in range(20):
            send_queue.send(message(count))
        assert send_queue.dropped == 23 + count - 2
        assert send_queue._bytes == 2 * size
        send_queue.max_bytes = 0
        send_queue.send(message(count))
        assert send_queue.unsent == 1  # the first may be sent in part
        send_queue.attach(ours)
        assert await read(theirs, size) == message(0)
        send_queue.detach()

    run(work())


@pytest.mark.parametrize("slow", [False, True])
def test_a_batch_is_the_same_bytes_as_single_messages(run: Run, slow: bool) -> None:
    messages = [message(number, 100 * (number % 5)) for number in range(60 if slow else 5)]

    async def bytes_of(*, together: bool) -> bytes:
        ours, theirs = small_pair()
        with ours, theirs:
            send_queue = SendQueue(asyncio.get_running_loop())
            send_queue.attach(ours)
            for number, one in enumerate(messages):
                if together:
                    send_queue.add(one)
                    if number % 7 == 6:
                        send_queue.flush()
                else:
                    send_queue.send(one)
            send_queue.flush()
            send_queue.flush()
            assert send_queue.waits is slow
            data = await read(theirs, sum(map(len, messages)))
            await send_queue.empty(PATIENCE_S)
            data += left_in(theirs)
            send_queue.detach()
            return data

    async def work() -> None:
        assert await bytes_of(together=True) == await bytes_of(together=False) == b"".join(messages)

    run(work())


def test_empty_returns_at_the_timeout_or_when_the_peer_is_gone(run: Run, pair: Pair) -> None:
    ours, _ = pair

    async def work() -> None:
        loop = asyncio.get_running_loop()
        send_queue = SendQueue(loop)
        send_queue.attach(ours)
        for number in range(100):
            send_queue.send(message(number, 1000))
        await send_queue.empty(0.05)
        assert send_queue.waits
        loop.call_later(0.05, send_queue.detach)
        await send_queue.empty(10 * PATIENCE_S)
        assert send_queue.waits

    run(work())


def test_empty_waits_until_a_unix_sockets_peer_has_read_everything(run: Run, pair: Pair) -> None:
    ours, theirs = pair

    async def check() -> None:
        send_queue = SendQueue(asyncio.get_running_loop())
        send_queue.attach(ours)
        send_queue.send(message(1))
        await send_queue.empty(0.05)
        waiting = asyncio.ensure_future(send_queue.empty(PATIENCE_S))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        theirs.recv(65_536)
        await waiting
        send_queue.detach()

    run(check())
