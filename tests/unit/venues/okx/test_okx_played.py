"""OKX's recording as the player reads it, and the messages that it makes of it."""

import json

from conftest import real_recording

from feedd.embedded.played.recording import PlayedRecording, frames
from feedd.venues.okx.played import OkxPlayer, OkxReader
from feedd.venues.played import Depth, Frame, MarketState, Quote, Session, Subscription, channel_of

ASKED = {"book": "books", "trade": "trades", "ticker": "tickers"}


def test_made_messages_are_the_recorded_ones_and_their_checksums_too() -> None:
    path = real_recording("venues/okx.jsonl.zst")
    recording = PlayedRecording(path)
    recorded = {number: json.loads(frame.data) for number, frame in frames(path) if frame.data}
    states = {market.id: MarketState(market) for market in recording.markets.values()}
    player, session = OkxPlayer(states), Session("/ws/v5/public", {})
    books = 0
    for batch in recording.batches():
        state = states[batch.market]
        for event in map(state.apply, batch.events):
            if channel_of(event) == "quote":
                continue  # made of the book
            asked = {"channel": ASKED[channel_of(event)], "instId": batch.market}
            (ask,) = player.asks({"op": "subscribe", "args": [asked]}, session)
            (made,) = player.messages([event], Subscription(ask, session), state)
            want = recorded[batch.number]
            assert made["arg"] == want["arg"]
            if isinstance(event, Depth):
                books += 1
                row, raw = made["data"][0], want["data"][0]
                assert made["action"] == want["action"]
                assert row["checksum"] == raw["checksum"]
                assert [level[:2] for level in row["bids"]] == [one[:2] for one in raw["bids"]]
                assert row["seqId"] == state.book.last
            else:
                assert want["data"][0].items() <= made["data"][0].items()
    assert books == 290


def test_a_later_subscriber_gets_the_book_as_it_is() -> None:
    recording = PlayedRecording(real_recording("venues/okx.jsonl.zst"))
    market = recording.market("BTC/USDT")
    state = MarketState(market)
    for batch in recording.batches(market.id):
        for event in batch.events:
            state.apply(event)
    player, session = OkxPlayer({market.id: state}), Session("/ws/v5/public", {})
    request = {"op": "subscribe", "args": [{"channel": "books", "instId": market.id}]}
    (ask,) = player.asks(request, session)
    (snapshot,) = player.first(Subscription(ask, session))
    assert snapshot["action"] == "snapshot"
    assert snapshot["data"][0]["prevSeqId"] == -1
    assert snapshot["data"][0]["seqId"] == state.book.last
    assert [tuple(row[:2]) for row in snapshot["data"][0]["bids"]] == state.book.bids(400)


def frame(kind: str, message: dict[str, object]) -> Frame:
    return Frame(kind, 0, "w", "", json.dumps(message))  # type: ignore[arg-type]


def test_a_recorded_channel_of_quotes_replaces_those_of_the_book() -> None:
    asked = {"op": "subscribe", "args": [{"channel": "bbo-tbt", "instId": "BTC-USDT"}]}
    levels = {"bids": [["5", "1", "0", "1"]], "asks": [["6", "2", "0", "1"]], "ts": "7"}
    book = frame("recv", {
        "arg": {"channel": "books", "instId": "BTC-USDT"}, "action": "snapshot",
        "data": [{**levels, "seqId": 8, "prevSeqId": -1}],
    })  # fmt: skip
    best = frame(
        "recv",
        {"arg": {"channel": "bbo-tbt", "instId": "BTC-USDT"}, "data": [{**levels, "seqId": 9}]},
    )
    assert [channel_of(event) for event in OkxReader().events(book)] == ["book", "quote"]
    reader = OkxReader()
    found = [event for one in (frame("send", asked), book, best) for event in reader.events(one)]
    assert found[1:] == [Quote("BTC-USDT", 7, "5", "1", "6", "2", "9")]


def test_a_channel_that_is_not_played_is_left_out() -> None:
    rate = {
        "arg": {"channel": "funding-rate", "instId": "BTC-USD-SWAP"},
        "data": [{"fundingRate": "0.0001", "fundingTime": "1"}],
    }
    assert list(OkxReader().events(frame("recv", rate))) == []
