"""Bitfinex's recording as it is played: the best 25 levels, with numbers and checksums."""

from __future__ import annotations

from typing import Any

from played_messages import made_messages

NAME = "venues/bitfinex.jsonl.zst"
CONF = {"event": "conf", "flags": 65536 + 131072}


def subscribe(channel: str) -> Any:
    def request(market: str) -> dict[str, Any]:
        return {"event": "subscribe", "channel": channel, "symbol": market}

    return request


def test_the_changes_of_the_best_levels_make_the_recorded_books() -> None:
    books: dict[str, tuple[dict[float, float], dict[float, float]]] = {}
    numbers: list[int] = []
    for batch, _, made, state in made_messages(NAME, {"book": subscribe("book")}, (CONF,)):
        book = books.setdefault(batch.market, ({}, {}))
        numbers += [message[-1] for message in made]
        for _, content, *_ in made:
            if content == "cs":
                continue
            for price, orders, amount in content if isinstance(content[0], list) else [content]:
                side = book[0 if amount > 0 else 1]
                side[price] = abs(amount)
                if not orders:
                    del side[price]
        assert not made or made[-1][1] == "cs"
        best = state.book.bids(25), state.book.asks(25)
        for side, levels in zip(book, best, strict=True):
            assert side == {float(price): float(size) for price, size in levels}
    assert len(books) == 7
    assert numbers == list(range(1, len(numbers) + 1))


def test_tickers_and_trades_have_the_recorded_digits() -> None:
    requests = {"ticker": subscribe("ticker"), "trade": subscribe("trades")}
    kinds = []
    for _, event, made, _ in made_messages(NAME, requests):
        if len(made) == 2:  # without the flags there are no numbers
            (_, one, row), (_, other, same) = made
            kinds.append((one, other))
            assert row == same
            assert row[0] == int(event.id or 0)  # type: ignore[union-attr]
        else:
            ((_, values),) = made
            assert values == [float(one) for one in event.raw]
    assert kinds == [("te", "tu")] * 210
