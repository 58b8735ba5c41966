"""Bybit's recording as the player reads it, and the messages that it makes of it."""

import json
from typing import Any

from conftest import real_recording

from feedd.embedded.played.recording import PlayedRecording, frames
from feedd.venues.bybit.played import SOCKETS, BybitPlayer
from feedd.venues.played import Depth, MarketState, Session, Subscription, channel_of

TOPICS = {"book": "orderbook.200", "trade": "publicTrade", "ticker": "tickers"}


def levels(rows: list[Any]) -> list[list[str]]:
    return sorted(map(list, rows))


def test_made_messages_are_the_recorded_ones() -> None:
    path = real_recording("venues/bybit.jsonl.zst")
    recording = PlayedRecording(path)
    recorded = {number: json.loads(frame.data) for number, frame in frames(path) if frame.data}
    states = {market.id: MarketState(market) for market in recording.markets.values()}
    player = BybitPlayer(states)
    sessions = {category: Session(path, {}) for path, category in SOCKETS.items()}
    subscriptions: dict[tuple[str, str], Subscription] = {}
    compared = 0
    for batch in recording.batches():
        state, (category, _, id_) = states[batch.market], batch.market.partition(":")
        events = [state.apply(one) for one in batch.events]
        channel = channel_of(events[0])
        key = batch.market, channel
        if key not in subscriptions:
            request = {"op": "subscribe", "args": [f"{TOPICS[channel]}.{id_}"]}
            (ask,) = player.asks(request, sessions[category])
            subscriptions[key] = Subscription(ask, sessions[category])
        own = [event for event in events if channel_of(event) == channel]
        (made,) = player.messages(own, subscriptions[key], state)
        want = recorded[batch.number]
        assert (made["topic"], made["type"]) == (want["topic"], want["type"])
        if isinstance(own[0], Depth):
            made, want = made["data"], want["data"]
            assert (made["u"], levels(made["b"])) == (want["u"], levels(want["b"]))
            assert levels(made["a"]) == levels(want["a"])
        else:
            assert made["data"] == want["data"]
        compared += 1
    assert compared == 3107


def test_fewer_levels_are_a_book_of_their_own() -> None:
    recording = PlayedRecording(real_recording("venues/bybit.jsonl.zst"))
    market = recording.market("BTC/USDT")
    state = MarketState(market)
    player, session = BybitPlayer({market.id: state}), Session("/v5/public/spot", {})
    (ask,) = player.asks({"op": "subscribe", "args": ["orderbook.5.BTCUSDT"]}, session)
    subscription = Subscription(ask, session)
    sides: list[dict[str, str]] = [{}, {}]
    for batch in recording.batches(market.id):
        for event in map(state.apply, batch.events):
            if not isinstance(event, Depth):
                continue
            (message,) = player.messages([event], subscription, state)
            for side, rows in zip(sides, (message["data"]["b"], message["data"]["a"]), strict=True):
                for price, size in rows:
                    if size == "0":
                        del side[price]
                    else:
                        side[price] = size
            assert [sorted(side.items()) for side in sides] == [
                sorted(state.book.bids(5)), sorted(state.book.asks(5)),
            ]  # fmt: skip
