"""What leaves a publisher, over a real socket."""

from __future__ import annotations

import asyncio
from pathlib import Path

import zmq

from feedd.codec import decode, encode
from feedd.model import Book, Event, Quote
from feedd.transport.publisher import MOST_HELD, Publisher


def test_a_payload_is_its_event_and_nothing_of_the_message_before_it(tmp_path: Path) -> None:
    endpoint = f"ipc://{tmp_path}/p"
    publisher = Publisher("x", "S", ["book", "quote"], session=3)
    asyncio.run(publisher.bind(endpoint))
    with zmq.Context() as context, context.socket(zmq.SUB) as subscriber:
        subscriber.connect(endpoint)
        subscriber.subscribe("")
        assert publisher._socket.poll(45_000), "no subscription came"
        publisher.read_subscriptions()
        sides = [[(1.0 + n, 2.0)] * n for n in (0, 200, 1, 1000, 3)]
        events: list[Event] = []
        for side in sides:
            events += [Book("S", 1, side, side, "x", 5, id=7), Quote("S", 1, 1, 2, 3, 4, "x", 5)]
        expected = []
        for event in events:
            publisher.publish(event)
            expected.append((b"%b.x.S." % event.channel.encode(), encode(event)))
        for topic, payload in expected:
            assert subscriber.poll(45_000)
            assert subscriber.recv_multipart() == [topic, payload]
    publisher.close()


def test_what_is_held_goes_out_in_order_when_there_is_enough_or_it_is_released(
    tmp_path: Path,
) -> None:
    endpoint = f"ipc://{tmp_path}/p"
    publisher = Publisher("x", "S", ["quote"], session=3)
    asyncio.run(publisher.bind(endpoint))
    with zmq.Context() as context, context.socket(zmq.SUB) as subscriber:
        subscriber.connect(endpoint)
        subscriber.subscribe("")
        assert publisher._socket.poll(45_000), "no subscription came"
        publisher.read_subscriptions()

        def came(count: int) -> list[int]:
            found = []
            for _ in range(count):
                assert subscriber.poll(45_000), f"only {found} came"
                found.append(decode(subscriber.recv_multipart()[1])["seq"])
            assert not subscriber.poll(50), "more came than was sent"
            return found

        def publish(count: int) -> None:
            for _ in range(count):
                publisher.publish(Quote("S", 1, 1, 2, 3, 4, "x", 5))

        publish(1)
        publisher.hold()
        publish(MOST_HELD + 2)
        assert came(MOST_HELD + 1) == list(range(1, MOST_HELD + 2))
        publisher.release()
        publish(1)
        assert came(3) == list(range(MOST_HELD + 2, MOST_HELD + 5))
        publisher.hold()
        publish(1)
        publisher.close()
        assert came(1) == [MOST_HELD + 5]
