"""What is sent together, and when."""

from __future__ import annotations

from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from feedd.gateway.notifications.notification import Notification
from feedd.gateway.notifications.outbox import (
    BURST,
    MAX_WAITING,
    PER_MESSAGE,
    REFUSALS,
    Message,
    Outbox,
)


def notification(number: int = 0) -> Notification:
    return Notification(kind="gap", outcome="past", name="a.B/C.", since_ms=number)


def size(message: Message) -> int:
    return len(message.notifications) + sum(message.more.values())


def test_notifications_of_one_second_are_one_message() -> None:
    outbox = Outbox(10)
    outbox.add([notification(1)], 100.0)
    assert outbox.next([], 100.5) is None
    outbox.add([notification(2)], 100.9)
    message = outbox.next([], 101.0)
    assert message == Message((notification(1), notification(2)), {}, 0)
    outbox.sent(message)
    assert outbox.next([], 200.0) is None
    assert (outbox.waiting, outbox.counts.sent, outbox.counts.delivered) == (0, 1, 2)


def test_beyond_the_limit_everything_is_in_the_next_message_listed_or_counted() -> None:
    outbox, now_s, sent = Outbox(6.0), 0.0, []
    for number in range(4 * PER_MESSAGE):
        now_s += 0.1
        outbox.add([notification(number)], now_s)
        if (message := outbox.next([], now_s)) is not None:
            outbox.sent(message)
            sent.append(message)
    assert len(sent) <= BURST + 40 / 10 + 1
    while (message := outbox.next([], now_s := now_s + 1)) or outbox.waiting:
        if message is not None:
            outbox.sent(message)
            sent.append(message)
    assert sum(map(size, sent)) == 4 * PER_MESSAGE


def test_a_long_wait_counts_what_it_does_not_list() -> None:
    outbox = Outbox(10)
    outbox.add([notification(number) for number in range(MAX_WAITING + 500)], 0.0)
    message = outbox.next([], 1.0)
    assert message is not None
    assert len(message.notifications) == PER_MESSAGE
    assert message.more == {"gap": MAX_WAITING + 500 - PER_MESSAGE}


def test_a_failed_message_is_tried_again_later_and_later_with_what_came_meanwhile() -> None:
    outbox = Outbox(10)
    outbox.add([notification(1)], 0.0)
    message = outbox.next([], 1.0)
    assert message is not None
    assert outbox.failed(message, 1.0, refused=False) == 1.0
    outbox.add([notification(2)], 1.1)
    assert outbox.next([], 1.9) is None
    message = outbox.next([], 2.0)
    assert message == Message((notification(1), notification(2)), {}, 0)
    pauses = []
    now_s = 2.0
    for _ in range(8):
        pauses.append(outbox.failed(message, now_s, refused=False))
        now_s += pauses[-1]
        message = outbox.next([], now_s)
        assert message is not None
    assert pauses == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]


def test_a_requested_pause_is_kept_and_no_longer_than_an_hour() -> None:
    outbox = Outbox(10)
    outbox.add([notification(1)], 0.0)
    message = outbox.next([], 1.0)
    assert message is not None
    assert outbox.failed(message, 1.0, refused=False, retry_after_s=30.0) == 30.0
    assert outbox.next([], 30.9) is None
    message = outbox.next([], 31.0)
    assert message is not None
    assert outbox.failed(message, 31.0, refused=False, retry_after_s=1e9) == 3600.0


def test_a_message_that_is_refused_as_it_is_is_given_up_and_counted_in_the_next_one() -> None:
    outbox, now_s = Outbox(10), 1.0
    outbox.add([notification(1), notification(2)], 0.0)
    for _ in range(REFUSALS):
        message = outbox.next([], now_s)
        assert message is not None
        now_s += outbox.failed(message, now_s, refused=True)
    assert outbox.next([], now_s + 100) is None
    assert outbox.counts.undelivered == 2
    outbox.add([notification(3)], now_s)
    message = outbox.next([], now_s + 100)
    assert message == Message((notification(3),), {}, 2)
    outbox.sent(message)
    outbox.add([notification(4)], now_s + 200)
    message = outbox.next([], now_s + 300)
    assert message is not None
    assert message.undelivered == 0


def test_faults_that_last_are_repeated_where_the_receiver_needs_it() -> None:
    firing = [notification(1)]
    assert Outbox(10).next(firing, 1000.0) is None
    outbox = Outbox(10, repeat_s=60.0)
    times = []
    for second in range(200):
        message = outbox.next(firing, float(second))
        if message is not None:
            assert message.repeated
            outbox.sent(message)
            times.append(second)
    assert times == [0, 60, 120, 180]
    assert outbox.next([], 300.0) is None


Step = tuple[int, Literal["sent", "failed", "refused"], float]


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(st.integers(0, 400), st.sampled_from(["sent", "failed", "refused"]),
                  st.floats(0.1, 90)),
        max_size=30,
    ),
    st.floats(0.5, 100),
)  # fmt: skip
def test_every_notification_is_listed_or_counted_exactly_once(
    steps: list[Step], per_minute: float
) -> None:
    outbox, now_s, added, accepted = Outbox(per_minute), 0.0, 0, 0
    reported = 0
    for count, result, passes_s in [*steps, *[(0, "sent", 90.0)] * 60, (1, "sent", 500.0),
                                    (0, "sent", 500.0)]:  # fmt: skip
        outbox.add([notification(added + n) for n in range(count)], now_s)
        added += count
        now_s += passes_s
        message = outbox.next([], now_s)
        if message is None:
            continue
        if result == "sent":
            accepted += size(message)
            reported += message.undelivered
            outbox.sent(message)
        else:
            outbox.failed(message, now_s, refused=result == "refused")
    assert outbox.waiting == 0
    assert accepted + outbox.counts.undelivered == added
    assert reported == outbox.counts.undelivered
