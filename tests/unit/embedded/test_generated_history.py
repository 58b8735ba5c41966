"""The matching history: its book, its trades and its ids agree with each other."""

import json
from itertools import pairwise

from feedd.embedded.binance.usdm import Usdm
from feedd.embedded.instruments import decimal, listed, units
from feedd.embedded.integer_book import Changes, IntegerBook
from feedd.embedded.matching import Matching, Step

STEPS = 20_000


def history(seed: str = "1", symbol: str = "BTCUSDT") -> tuple[Matching, list[Step]]:
    instrument, price = listed()[symbol]
    matching = Matching(instrument, price, seed)
    return matching, [matching.step(number) for number in range(STEPS)]


def test_the_same_seed_is_the_same_history() -> None:
    assert history("7")[1] == history("7")[1]
    assert history("7")[1] != history("8")[1]


def test_no_book_is_crossed_and_every_trade_is_in_the_book() -> None:
    for symbol in ("BTCUSDT", "DOGEUSDT", "CRVUSDT"):
        instrument, price = listed()[symbol]
        matching = Matching(instrument, price, "1")
        for number in range(STEPS):
            before = {side: dict(matching.book.sizes[side]) for side in matching.book.sizes}
            step = matching.step(number)
            bid, ask = matching.book.best("bid"), matching.book.best("ask")
            assert bid is not None
            assert ask is not None
            assert 0 < bid[0] < ask[0]
            assert matching.book.worst_price("bid") > 0
            if step.trades:
                side = "bid" if step.trades[0].buyer_is_maker else "ask"
                best = max(before["bid"]) if side == "bid" else min(before["ask"])
                assert step.trades[0].price == best
            taken: dict[int, int] = {}
            for trade in step.trades:
                taken[trade.price] = taken.get(trade.price, 0) + trade.size
            for at, size in taken.items():
                assert before["bid" if step.trades[0].buyer_is_maker else "ask"][at] >= size


def test_trade_ids_have_no_holes_and_update_ids_jump_as_in_the_recording() -> None:
    _, steps = history()
    ids = [trade.id for step in steps for trade in step.trades]
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    updates = [step.update_id for step in steps]
    jumps = sorted(b - a for a, b in pairwise(updates))
    assert jumps[0] >= 1
    # The recording's quartiles are 14, 72 and 296.
    quartiles = [jumps[len(jumps) * n // 4] for n in (1, 2, 3)]
    assert 8 < quartiles[0] < 25
    assert 50 < quartiles[1] < 100
    assert 200 < quartiles[2] < 450


def test_a_steps_best_moved_flag_matches_the_book() -> None:
    instrument, price = listed()["ETHUSDT"]
    matching = Matching(instrument, price, "1")
    for number in range(2000):
        before = matching.book.best("bid"), matching.book.best("ask")
        step = matching.step(number)
        assert step.best_moved == (before != (matching.book.best("bid"), matching.book.best("ask")))


def test_every_diff_joins_the_one_before_and_rebuilds_the_book() -> None:
    instrument, price = listed()["BTCUSDT"]
    matching = Matching(instrument, price, "1")
    rebuilt = IntegerBook()
    for side in ("bid", "ask"):
        for at, size in matching.book.levels(side, 10_000):
            rebuilt.set(side, at, size)
    previous = matching.update_id
    changes, form = Changes(previous), Usdm(instrument)

    for number in range(3000):
        step = matching.step(number)
        for side, at, size in step.changes:
            changes.change(side, at, size, step.update_id, number)
        if number % 7:
            continue
        taken = changes.take()
        if taken is None:
            continue
        diff = json.loads(form.depth(taken, number))
        assert diff["pu"] == previous < diff["U"] <= diff["u"] == taken.last_id
        previous = diff["u"]
        for key, side in (("b", "bid"), ("a", "ask")):
            for at, size in diff[key]:
                rebuilt.set(side, units(at, 2), units(size, 3))  # type: ignore[arg-type]
        assert rebuilt.sizes == matching.book.sizes


def test_the_book_stays_between_its_limits() -> None:
    matching, _ = history()
    for side in ("bid", "ask"):
        assert 200 <= len(matching.book.sizes[side]) <= 1001  # type: ignore[index]


def test_decimals_are_written_and_read_without_loss() -> None:
    for number, decimals, text in ((6180020, 2, "61800.20"), (5, 3, "0.005"), (-131, 2, "-1.31"),
                                   (7, 0, "7")):  # fmt: skip
        assert decimal(number, decimals) == text
        assert units(text, decimals) == number
    assert units("1.500", 1) == 15
