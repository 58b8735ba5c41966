"""Bitstamp's recording as the player reads it, and the messages that it makes of it."""

import json

from conftest import real_recording

from feedd.embedded.played.recording import PlayedRecording, frames
from feedd.venues.bitstamp.played import BitstampPlayer
from feedd.venues.played import Depth, MarketState, PageRequest, Session, Subscription


def test_made_messages_are_the_recorded_ones_and_the_page_is_the_true_book() -> None:
    path = real_recording("venues/bitstamp.jsonl.zst")
    recording = PlayedRecording(path)
    recorded = {
        number: json.loads(frame.data) for number, frame in frames(path) if frame.kind == "recv"
    }
    states = {market.id: MarketState(market) for market in recording.markets.values()}
    player, session = BitstampPlayer(states), Session("", {})
    made_of = {True: "diff_order_book", False: "live_trades"}
    compared = 0
    for batch in recording.batches():
        state = states[batch.market]
        for event in map(state.apply, batch.events):
            channel = f"{made_of[isinstance(event, Depth)]}_{batch.market}"
            request = {"event": "bts:subscribe", "data": {"channel": channel}}
            (ask,) = player.asks(request, session)
            for made in player.messages([event], Subscription(ask, session), state):
                assert json.loads(player.encode(made)) == recorded[batch.number]
                compared += 1
    assert compared == 625
    asked = PageRequest("GET", "/api/v2/order_book/ethusd/", {}, "", "http://x", 0)
    book = states["ethusd"].book
    assert player.page(asked)["bids"] == book.bids()
    assert player.page(asked)["microtimestamp"] == str(book.last)
