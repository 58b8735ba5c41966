"""The rest of a limit, with times given as numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedd.sources.limits.window import Window
from feedd.sources.limits.window_file import SIZE, decode, encode
from feedd.venues.limits import PAUSE_AT_MOST_S, RateLimit

CONNECTIONS = RateLimit(270, 300.0, 60)
ATTEMPTS = st.lists(
    st.tuples(st.floats(0, 4), st.floats(0.1, 12, allow_nan=False)), min_size=1, max_size=120
)


@given(ATTEMPTS, st.integers(1, 15))
def test_no_window_ever_holds_more_than_the_limit(
    attempts: list[tuple[float, float]], slots: int
) -> None:
    limit = RateLimit(20, 10.0, slots)
    window, now_s, spent = Window(limit), 1000.0, []
    for pause_s, cost in attempts:
        now_s += pause_s
        if not window.wait_s(cost, now_s):
            window.spend(cost, now_s)
            spent.append((now_s, cost))
    for first_s, _ in spent:
        held = sum(cost for at_s, cost in spent if first_s <= at_s < first_s + limit.window_s)
        assert held <= limit.most + 1e-3


@given(ATTEMPTS)
def test_a_request_fits_after_the_returned_wait(attempts: list[tuple[float, float]]) -> None:
    window, now_s = Window(RateLimit(20, 10.0, 8)), 1000.0
    for pause_s, cost in attempts:
        now_s += pause_s
        wait_s = window.wait_s(cost, now_s)
        assert 0 <= wait_s <= 10.0 * 9 / 8 + 1e-6
        now_s += wait_s + (1e-6 if wait_s else 0)
        assert window.wait_s(cost, now_s) == 0
        window.spend(cost, now_s)


def test_a_start_may_use_the_whole_limit_in_one_burst() -> None:
    window = Window(CONNECTIONS)
    for _ in range(270):
        assert window.wait_s(1, 7.0) == 0
        window.spend(1, 7.0)
    assert window.wait_s(1, 7.0) == 303.0  # its slot ends at 10 s
    assert window.wait_s(1, 309.9) > 0
    assert window.wait_s(270, 310.0) == 0


def test_only_what_was_spent_long_ago_comes_back() -> None:
    window = Window(RateLimit(10, 60.0, 12))
    window.spend(6, 0.0)
    window.spend(4, 30.0)
    assert window.wait_s(1, 40.0) == 25.0
    assert window.wait_s(6, 40.0) == 25.0
    assert window.wait_s(7, 40.0) == 55.0


def test_a_cost_above_the_limit_passes_in_an_empty_window() -> None:
    window = Window(RateLimit(10, 60.0, 12))
    assert window.wait_s(200, 0.0) == 0
    window.spend(1, 0.0)
    assert window.wait_s(200, 0.0) == 65.0


def test_a_pause_is_never_made_shorter_and_is_no_longer_than_the_longest_ban() -> None:
    window = Window(CONNECTIONS)
    window.pause(60.0, "HTTP 429", 0.0)
    window.pause(30.0, "HTTP 403", 0.0)
    assert (window.wait_s(1, 10.0), window.why) == (50.0, "HTTP 429")
    window.pause(1e9, "HTTP 418", 0.0)
    assert window.wait_s(1, 0.0) == PAUSE_AT_MOST_S
    assert Window(None, {}, 5.0).wait_s(1, 0.0) == 5.0


def test_use_by_others_on_the_address_counts() -> None:
    window = Window(RateLimit(100, 60.0, 12))
    window.spend(10, 0.0)
    window.raise_to(90, 1.0)
    assert window.used(1.0) == 90
    window.raise_to(5, 2.0)
    assert window.used(2.0) == 90


# --- the record ---------------------------------------------------------------------------------


@given(
    st.dictionaries(st.integers(0, 200), st.floats(0, 1e6, allow_nan=False), max_size=61),
    st.floats(0, 2e5),
    st.text(max_size=200),
)
def test_a_record_is_read_as_it_was_written(
    spent: dict[int, float], blocked_until_s: float, why: str
) -> None:
    window = Window(CONNECTIONS, spent, blocked_until_s, why)
    record = encode(window, "boot")
    assert len(record) == SIZE
    assert decode(record, CONNECTIONS, "boot", 1005.0) == window


def spent_window(now_s: float = 1000.0) -> Window:
    window = Window(CONNECTIONS)
    window.spend(100, now_s)
    return window


def test_an_empty_record_and_one_from_before_a_reboot_count_as_nothing_spent() -> None:
    window = spent_window()
    window.pause(2000.0, "HTTP 429", 1000.0)
    record = encode(window, "the last boot")
    assert decode(b"", CONNECTIONS, "boot", 5.0) == Window(CONNECTIONS)
    assert decode(record, CONNECTIONS, "boot", 5.0) == Window(CONNECTIONS)


@pytest.mark.parametrize("damage", ["torn", "zeros", "text", "flipped", "future", "far pause"])
def test_a_record_that_can_not_be_true_counts_as_used_up_for_one_window(damage: str) -> None:
    record = encode(spent_window(), "boot")
    damaged = {
        "torn": record[:40],
        "zeros": bytes(SIZE),
        "text": b"hello",
        "flipped": record.replace(b"100", b"1\x3000"),
        "future": encode(spent_window(1e9), "boot"),
        "far pause": encode(Window(CONNECTIONS, {}, 1e9, ""), "boot"),
    }[damage]
    window = decode(damaged, CONNECTIONS, "boot", 1000.0)
    assert window.used(1000.0) == 270
    written = decode(encode(window, "boot"), CONNECTIONS, "boot", 1100.0)
    assert written.wait_s(1, 1100.0) == 205.0
    assert written.wait_s(270, 1305.0) == 0


def test_slots_of_another_length_are_taken_over() -> None:
    record = encode(spent_window(), "boot")
    window = decode(record, RateLimit(270, 300.0, 30), "boot", 1005.0)
    assert window.used(1005.0) == 100
    assert window.used(1400.0) == 0
