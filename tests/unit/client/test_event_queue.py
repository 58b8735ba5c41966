"""Reports to a caller that falls behind."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from unit.client.simulated import EXCHANGE, FEED, QUOTE, SYMBOL

from feedd.client import event_queue
from feedd.client.event_queue import EventQueue
from feedd.client.events import Event, Gap, NewSession, Quote, StateChange, UpstreamGap


def quote(seq: int, session: int = 1) -> Quote:
    return Quote(
        symbol=SYMBOL, timestamp=1, bid=1.0, bid_size=1.0, ask=2.0, ask_size=1.0,
        exchange=EXCHANGE, received_ns=1, session=session, seq=seq,
    )  # fmt: skip


def taken(one: EventQueue) -> list[Any]:
    """Return all events for a caller that has caught up; the receiving thread calls `put`."""
    events = []
    while one.queue:
        events.append(one.queue.popleft())
        one.put([])
    return events


def test_messages_beyond_the_bound_are_one_gap_reported_once_there_is_room() -> None:
    one = EventQueue(3, only_ticks=False)
    for seq in range(1, 11):
        one.put([quote(seq)])
    assert [event.seq for event in one.queue if isinstance(event, Quote)] == [1, 2, 3]
    events = taken(one)
    assert events[3:] == [Gap(QUOTE, 1, 4, 10, "the caller was 3 events behind")]
    one.put([quote(11)])
    assert one.queue[-1] == quote(11)


def test_a_batch_that_is_larger_than_the_room_is_cut_where_the_room_ends() -> None:
    one = EventQueue(3, only_ticks=False)
    one.put([quote(seq) for seq in range(1, 6)])
    assert len(one.queue) == 3
    assert taken(one)[-1] == Gap(QUOTE, 1, 4, 5, "the caller was 3 events behind")


def test_gaps_of_the_stream_are_part_of_the_one_gap() -> None:
    one = EventQueue(1, only_ticks=False)
    one.put([quote(1), quote(2), Gap(QUOTE, 1, 3, 5, "lost"), quote(6)])
    assert taken(one)[1:] == [Gap(QUOTE, 1, 2, 6, "the caller was 1 events behind")]


def test_notices_are_kept_in_their_place_between_the_sessions() -> None:
    one = EventQueue(1, only_ticks=False)
    new, state = NewSession(FEED, 1, 2), StateChange(FEED, "live", None)
    one.put([quote(1), quote(2), new, state, quote(1, session=2), quote(2, session=2)])
    kinds = [type(event).__name__ for event in taken(one)]
    assert kinds == ["Quote", "Gap", "NewSession", "StateChange", "Gap"]


def test_notices_beyond_their_bound_are_counted(monkeypatch: Any) -> None:
    monkeypatch.setattr(event_queue, "MAX_DROPPED", 10)
    one = EventQueue(1, only_ticks=False)
    gaps: list[Event] = [UpstreamGap(FEED, "trade", n, n + 2, "ids jump") for n in range(15)]
    one.put([quote(1), *gaps])
    events = taken(one)
    assert events[1:11] == gaps[:10]
    assert events[11:] == [StateChange("", "behind", "5 notices were dropped")]


def test_with_only_ticks_nothing_else_is_queued() -> None:
    one = EventQueue(2, only_ticks=True)
    one.put([quote(1), Gap(QUOTE, 1, 2, 3, "lost"), StateChange(FEED, "live", None), quote(4)])
    one.put([quote(5)])
    assert [event.seq for event in taken(one)] == [1, 4]


def test_an_event_received_before_the_wait_ends_it_at_once() -> None:
    one = EventQueue(10, only_ticks=False)
    one.put([quote(1)])
    began_s = time.monotonic()
    one.wait(20.0)
    asyncio.run(asyncio.wait_for(one.wait_async(), 20.0))
    assert time.monotonic() - began_s < 10.0


def test_a_waiter_is_woken_by_the_next_event_and_by_the_end() -> None:
    async def wait() -> None:
        one = EventQueue(10, only_ticks=False)
        both = [asyncio.ensure_future(one.wait_async()) for _ in range(2)]
        await asyncio.sleep(0)
        one.put([quote(1)])
        await asyncio.wait_for(asyncio.gather(*both), 20.0)
        one.queue.clear()
        waiting = asyncio.ensure_future(one.wait_async())
        await asyncio.sleep(0)
        one.end()
        await asyncio.wait_for(waiting, 20.0)
        assert one.over

    asyncio.run(wait())


def test_the_receiving_threads_error_is_raised_after_its_last_event() -> None:
    one = EventQueue(10, only_ticks=False)
    one.put([quote(1)])
    one.end(RuntimeError("a fault"))
    assert not one.over
    one.queue.clear()
    with pytest.raises(RuntimeError, match="a fault"):
        _ = one.over
