"""Crypto.com's recording as it is played: whole books become changes, and numbers texts."""

from __future__ import annotations

from typing import Any

from played_messages import made_messages

from feedd.venues.played import Ticker

NAME = "venues/crypto.com.jsonl.zst"


def subscribe(channel: str, more: str = "") -> Any:
    def request(market: str) -> dict[str, Any]:
        return {"method": "subscribe", "params": {"channels": [f"{channel}.{market}{more}"]}}

    return request


def test_changes_lead_from_each_recorded_book_to_the_next() -> None:
    books: dict[str, tuple[dict[str, str], dict[str, str]]] = {}
    last: dict[str, int] = {}
    messages = 0
    for batch, _, (message,), state in made_messages(NAME, {"book": subscribe("book", ".50")}):
        (data,) = message["result"]["data"]
        book = books.setdefault(batch.market, ({}, {}))
        if "pu" in data:
            assert data["pu"] == last[batch.market]
        for side, name in zip(book, ("bids", "asks"), strict=True):
            for price, size, _ in data.get("update", data)[name]:
                side[price] = size
                if not float(size):
                    del side[price]
        last[batch.market] = data["u"]
        assert book == (dict(state.book.bids(50)), dict(state.book.asks(50)))
        messages += 1
    assert messages == 1525


def test_a_change_in_the_quote_currency_becomes_a_fraction() -> None:
    for _, event, (message,), _ in made_messages(NAME, {"ticker": subscribe("ticker")}):
        assert isinstance(event, Ticker)
        (row,) = message["result"]["data"]
        last, change = float(event.raw["a"]), float(event.raw["c"])
        assert abs(float(row["c"]) - change / (last - change)) < 1e-12
        assert (row["b"], row["k"], row["t"]) == (event.bid, event.ask, event.time_ms)


def test_a_message_has_the_newest_trade_first() -> None:
    trades = 0
    for _, event, (message,), _ in made_messages(NAME, {"trade": subscribe("trade")}):
        (row,) = message["result"]["data"]
        assert (row["d"], row["p"], row["q"]) == (event.id, event.price, event.size)  # type: ignore[union-attr]
        trades += 1
    assert trades > 1000
