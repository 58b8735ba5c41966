"""A publisher's messages of events whose ids are no integers of MessagePack's."""

from __future__ import annotations

from typing import Any

import pytest

from feedd import codec
from feedd.model import Trade
from feedd.transport.publisher import Publisher


class Queue:
    """A subscriber's queue that keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def send(self, message: bytearray) -> None:
        self.sent.append(bytes(message))


@pytest.mark.parametrize("trade_id", [2**64 - 1, 2**64, 10**30])
def test_an_event_with_an_id_of_any_length_is_sent_whole(trade_id: int) -> None:
    publisher, queue = Publisher("binanceusdm", "BTC/USDT:USDT", ["trade"]), Queue()
    output: Any = publisher._outputs["trade"]
    output.queues.append(queue)
    for number in (5, trade_id, 6):
        publisher.publish(Trade("BTC/USDT:USDT", 1, 2.0, 3.0, "buy", "binanceusdm", 4, id=number))
    ids = [codec.decode(message[output.head_bytes :])["id"] for message in queue.sent]
    assert ids == [5, trade_id if trade_id < 2**64 else str(trade_id), 6]
    for message in queue.sent:
        length = message[output.head_bytes - 8 : output.head_bytes]
        assert int.from_bytes(length, "big") == len(message) - output.head_bytes
