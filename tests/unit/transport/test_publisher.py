"""A publisher's output, over a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import zmq
import zmq.asyncio
from numbered_publisher import NumberedPublisher

from feedd.codec import decode, encode
from feedd.model import Book, Event, Quote
from feedd.transport.publisher import MAX_HELD, Publisher


@asynccontextmanager
async def subscribed(publisher: Publisher, endpoint: str) -> AsyncIterator[Any]:
    """Bind a publisher, and yield a socket that has subscribed to all of it."""
    await publisher.bind(endpoint)
    with zmq.asyncio.Context() as context, context.socket(zmq.SUB) as subscriber:
        subscriber.connect(endpoint)
        subscriber.subscribe("")
        while not all(publisher._socket.send_queues.values()):
            await asyncio.sleep(0.01)
        yield subscriber


async def came(subscriber: Any, count: int) -> list[list[bytes]]:
    """Return `count` messages; fail if more arrive."""
    found = []
    for _ in range(count):
        assert await subscriber.poll(45_000), f"only {len(found)} came"
        found.append(await subscriber.recv_multipart())
    assert not await subscriber.poll(50), "more came than was sent"
    return found


def test_a_payload_contains_its_event_and_no_rest_of_an_earlier_one(tmp_path: Path) -> None:
    asyncio.run(payloads(tmp_path))


async def payloads(tmp_path: Path) -> None:
    publisher = Publisher("x", "S", ["book", "quote"])
    async with subscribed(publisher, f"ipc://{tmp_path}/p") as subscriber:
        sides = [[(1.0 + n, 2.0)] * n for n in (0, 200, 1, 1000, 3)]
        events: list[Event] = []
        for side in sides:
            events += [Book("S", 1, side, side, "x", 5, id=7), Quote("S", 1, 1, 2, 3, 4, "x", 5)]
        expected = []
        for event in events:
            publisher.publish(event)
            expected.append([b"%b.x.S." % event.channel.encode(), encode(event)])
        assert await came(subscriber, len(expected)) == expected
        await publisher.close()


def test_held_messages_are_sent_in_order_when_full_or_released(
    tmp_path: Path,
) -> None:
    asyncio.run(held(tmp_path))


async def held(tmp_path: Path) -> None:
    publisher = NumberedPublisher("x", "S", ["quote"], session=3)
    async with subscribed(publisher, f"ipc://{tmp_path}/p") as subscriber:

        async def seqs(count: int) -> list[int]:
            return [decode(payload)["seq"] for _, payload in await came(subscriber, count)]

        def publish(count: int) -> None:
            for _ in range(count):
                publisher.publish(Quote("S", 1, 1, 2, 3, 4, "x", 5))

        publish(1)
        publisher.hold()
        publish(MAX_HELD + 2)
        assert await seqs(MAX_HELD + 1) == list(range(1, MAX_HELD + 2))
        publisher.release()
        publish(1)
        assert await seqs(3) == list(range(MAX_HELD + 2, MAX_HELD + 5))
        publisher.hold()
        publish(1)
        await publisher.close()
        assert await seqs(1) == [MAX_HELD + 5]
