"""Trades in order, whatever the stream loses, doubles and shuffles."""

from hypothesis import given
from hypothesis import strategies as st

from feedd.model import BackfilledTrade, Trade
from feedd.sources.trade_sequence import MissingTrades, TradeSequence


def trade(trade_id: int) -> Trade:
    return Trade("S", 1, 1.0, 1.0, "buy", "x", 5, id=trade_id)


def backfilled(trade_id: int) -> Trade:
    return BackfilledTrade("S", 1, 1.0, 1.0, "buy", "x", 5, id=trade_id)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=80), st.sets(st.integers(1, 40)))
def test_output_is_in_order_and_the_rest_is_in_a_gap(
    stream: list[int], to_be_had: set[int]
) -> None:
    sequence = TradeSequence()
    out: list[int] = []
    gaps: list[MissingTrades] = []
    for trade_id in stream:
        out += [one.id for one in sequence.take(trade_id, trade(trade_id))]  # type: ignore[misc]
    out += [one.id for one in sequence.fill([(i, backfilled(i)) for i in sorted(to_be_had)])]  # type: ignore[misc]
    while (given_up := sequence.give_up()) is not None:
        gap, released = given_up
        gaps.append(gap)
        out += [one.id for one in released]  # type: ignore[misc]
    assert out == sorted(set(out))
    assert set(stream) - set(range(stream[0])) <= set(out)
    missing = {i for gap in gaps for i in range(gap.from_id + 1, gap.to_id)}
    assert set(out) | missing == set(range(stream[0], max(out) + 1))
    assert not set(out) & missing


def test_backfilled_trades_are_marked() -> None:
    sequence = TradeSequence()
    assert sequence.take(1, trade(1)) == [trade(1)]
    assert sequence.take(4, trade(4)) == []
    assert sequence.gap == MissingTrades(1, 4)
    out = sequence.fill([(i, backfilled(i)) for i in (1, 2, 3, 9)])
    assert out == [backfilled(2), backfilled(3), trade(4)]
    assert sequence.gap is None


def test_an_id_that_is_no_trade_of_the_market_leaves_no_hole() -> None:
    sequence = TradeSequence()
    sequence.take(1, trade(1))
    assert sequence.take(2, None) == []
    assert sequence.take(3, trade(3)) == [trade(3)]
    sequence.take(5, trade(5))
    assert sequence.fill([(4, None)]) == [trade(5)]


def aggregated(last: int, count: int) -> list[tuple[int, Trade | None]]:
    return [*((i, None) for i in range(last - count + 1, last)), (last, trade(last))]


def test_a_known_aggregated_trade_is_dropped_also_after_a_reconnect() -> None:
    """The ids that it aggregates, which no trade has, are no restart."""
    sequence = TradeSequence()
    for number, one in aggregated(100, 8) + aggregated(120, 20):
        sequence.take(number, one)
    sequence.reconnected()
    for number, one in aggregated(120, 20):
        assert sequence.take(number, one) == []
        assert not sequence.ids_restarted
    assert sequence.take(121, trade(121)) == [trade(121)]
    assert sequence.dropped == []


def test_ids_restart_with_an_aggregated_trade_after_a_reconnect() -> None:
    sequence = TradeSequence()
    for number, one in aggregated(100, 8):
        sequence.take(number, one)
    sequence.reconnected()
    newer = timed(9, 500)
    for number, one in ((7, None), (8, None), (9, newer)):
        assert sequence.take(number, one) == []
    assert sequence.ids_restarted
    assert sequence.restart() == (MissingTrades(100, 7), [newer])
    assert sequence.take(10, trade(10)) == [trade(10)]


def priced(trade_id: int, price: float) -> Trade:
    return Trade("S", 1, price, 1.0, "buy", "x", 5, id=trade_id)


def test_another_trade_with_an_id_that_has_passed_is_reported_as_dropped() -> None:
    sequence = TradeSequence()
    for trade_id in (10, 11, 12):
        sequence.take(trade_id, trade(trade_id))
    sequence.take(11, trade(11))  # the same one again
    sequence.take(11, priced(11, 2.0))
    assert sequence.take(13, trade(13)) == [trade(13)]
    assert sequence.dropped == [11]


def test_another_trade_with_the_id_of_one_held_back_is_reported_as_dropped() -> None:
    sequence = TradeSequence()
    sequence.take(1, trade(1))
    for one in (trade(3), trade(3), priced(3, 2.0)):
        sequence.take(3, one)
    assert sequence.dropped == [3]


def test_trades_of_before_the_stream_or_of_a_reported_gap_are_not_reported_again() -> None:
    sequence = TradeSequence()
    for trade_id in (10, 15):
        sequence.take(trade_id, trade(trade_id))
    sequence.give_up()
    for trade_id in (9, 16, 12, 17):
        sequence.take(trade_id, trade(trade_id))
    assert sequence.dropped == []


def test_numbers_beside_the_ids_order_the_trades_and_a_gap_names_the_ids() -> None:
    """Ids of all markets skip numbers, the market's own numbers do not."""
    sequence = TradeSequence()
    assert [one.id for one in sequence.take(5, trade(500))] == [500]
    assert sequence.take(7, trade(790)) == []
    gap = sequence.gap
    assert gap == MissingTrades(5, 7)
    assert sequence.ids_around(gap) == (500, 790)
    assert sequence.give_up() == (gap, [trade(790)])
    sequence.reconnected()
    assert sequence.take(7, trade(790)) == []  # the first page of the new connection
    assert (sequence.ids_restarted, sequence.dropped) == (False, [])
    assert [one.id for one in sequence.take(8, trade(803))] == [803]


def timed(trade_id: int, at_ms: int | None = None) -> Trade:
    return Trade("S", at_ms or trade_id, 1.0, 1.0, "buy", "x", 5, id=trade_id)


def test_the_first_page_of_a_new_connection_may_be_older_than_the_stream() -> None:
    """The first connection's page was lost, or a gap was reported: nothing restarts."""
    sequence = TradeSequence()
    for number in (100, 101, 105):
        sequence.take(number, timed(number))
    sequence.give_up()
    for again in range(3):
        if again:
            sequence.reconnected()
        for number in range(90, 106):
            assert sequence.take(number, timed(number)) == []
        assert (sequence.ids_restarted, sequence.dropped) == (False, [])
    assert sequence.take(106, timed(106)) == [timed(106)]


def test_newer_trades_with_lower_ids_show_that_they_restarted() -> None:
    sequence = TradeSequence()
    sequence.take(100, timed(100))
    sequence.reconnected()
    assert sequence.take(1, timed(1, 500)) == []
    assert sequence.ids_restarted


def test_a_page_that_contradicts_a_published_trade_restarts_nothing() -> None:
    """The published one was altered on its way: the right one is reported and not published."""
    sequence = TradeSequence()
    for number in (100, 101, 102):
        sequence.take(number, timed(number))
    for number in (100, 101, 102) * 2:  # the pages of two new connections
        if number == 100:
            sequence.reconnected()
        right = Trade("S", number, 1.0, 2.0 if number == 101 else 1.0, "buy", "x", 5, id=number)
        assert sequence.take(number, right) == []
    assert not sequence.ids_restarted
    assert sequence.dropped == [101]
    assert sequence.take(103, timed(103)) == [timed(103)]
