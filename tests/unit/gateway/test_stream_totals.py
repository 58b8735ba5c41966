"""Totals of all clients of /stream."""

from made_readings import feed, status

from feedd.gateway.market import Market
from feedd.gateway.stream.client_queue import EveryMessage
from feedd.gateway.stream.hub import StreamHub
from feedd.gateway.stream.stream_query import StreamQuery


def test_messages_missed_by_clients_that_left_still_count() -> None:
    hub = StreamHub(Market())
    topic = "status.binanceusdm.BTC/USDT:USDT."
    query = StreamQuery(topics=("status.",), strings=False, conflate_s=0.0, snapshot=False)
    client = hub.join(query, lambda: None)
    client.queue = EveryMessage(strings=False, max_messages=2)
    for _ in range(5):
        hub.message(topic, status(feed()), 0.0)
    assert (hub.missed, hub.waiting) == (3, 2)
    hub.leave(client)
    assert (hub.missed, hub.waiting) == (3, 0)
