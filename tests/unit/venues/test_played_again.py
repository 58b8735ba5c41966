"""A recording of the messages that are played, today's, holds the events that are played."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

import pytest
from conftest import real_recording
from played_messages import made_messages

from feedd.embedded.played.recording import PlayedRecording
from feedd.venues.played import (
    Depth,
    Frame,
    Quote,
    Ticker,
    Trade,
    TrueBook,
    channel_of,
)

_IDS = count(1)


def deribit(channel: str, market: str) -> Any:
    name = {"trade": "trades"}.get(channel, channel)
    params = {"channels": [f"{name}.{market}.100ms"]}
    return {"id": next(_IDS), "method": "public/subscribe", "params": params}


def cryptocom(channel: str, market: str) -> Any:
    name = f"{channel}.{market}" + (".50" if channel == "book" else "")
    return {"method": "subscribe", "params": {"channels": [name]}}


def bitget(channel: str, market: str) -> Any:
    product, _, id_ = market.rpartition(":")
    name = {"book": "books"}.get(channel, channel)
    arg = {"instType": product or "SPOT", "channel": name, "instId": id_}
    return {"op": "subscribe", "args": [arg]}


def bitfinex(channel: str, market: str) -> Any:
    name = {"trade": "trades"}.get(channel, channel)
    return {"event": "subscribe", "channel": name, "symbol": market, "len": 100}


RECORDINGS = {"deribit": deribit, "crypto.com": cryptocom, "bitget": bitget, "bitfinex": bitfinex}
CHANNELS = ("book", "trade", "ticker")
LEVELS = 25


def values(event: Any) -> tuple[Any, ...]:
    """Return what two readings of an event have equal."""
    if isinstance(event, Trade):
        return event.id, event.time_ms, float(event.price), float(event.size), event.side
    if isinstance(event, Quote):
        return event.time_ms, event.bid, event.bid_size, event.ask, event.ask_size
    assert isinstance(event, Ticker)
    numbers = (event.last, event.bid, event.ask, event.high, event.low, event.volume)
    percent = event.change_percent
    change = None if percent is None else round(float(percent), 9)
    return event.time_ms, *(None if one is None else float(one) for one in numbers), change


def best(book: TrueBook) -> list[list[tuple[float, float]]]:
    return [
        [(float(price), float(size)) for price, size in side]
        for side in (book.bids(LEVELS), book.asks(LEVELS))
    ]


@pytest.mark.parametrize("name", RECORDINGS)
def test_todays_messages_hold_the_events_that_are_played(name: str) -> None:
    path, request = f"venues/{name}.jsonl.zst", RECORDINGS[name]
    reader = PlayedRecording(real_recording(path)).exchange.reader()
    books: dict[str, TrueBook] = {}
    named: set[int] = set()
    events = 0
    requests = {one: (lambda market, one=one: request(one, market)) for one in CHANNELS}
    for batch, event, made, state in made_messages(path, requests):
        found = []
        for message in made:
            if isinstance(message, list) and message[0] not in named:
                named.add(message[0])
                answer = {**request(channel_of(event), batch.market), "event": "subscribed"}
                answer["chanId"] = message[0]
                list(reader.events(Frame("recv", 0, "w", "", json.dumps(answer))))
            found += list(reader.events(Frame("recv", 0, "w", "", json.dumps(message))))
        if isinstance(event, Depth):
            book = books.setdefault(batch.market, TrueBook())
            for one in found:
                book.apply(one)  # type: ignore[arg-type]
            assert best(book) == best(state.book)
        else:
            again = [one for one in found if channel_of(one) == channel_of(event)]
            assert [values(one) for one in again] == [values(event)]
        events += 1
    assert events > 100
