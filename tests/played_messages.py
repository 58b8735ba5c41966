"""What a venue's player makes of each event of a recording, for a subscriber from its start."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from conftest import real_recording

from feedd.embedded.played.recording import Batch, PlayedRecording
from feedd.venues.played import (
    Ask,
    Event,
    MarketState,
    Player,
    Session,
    Subscription,
    channel_of,
)

# batch, event, messages, state after it
Made = tuple[Batch, Event, list[Any], MarketState]


def made_messages(
    name: str, requests: dict[str, Any], opening: tuple[Any, ...] = ()
) -> Iterator[Made]:
    """Yield the messages of every event; `requests` returns a subscription's by channel.

    `requests` has, by channel, a function from the market's id to the request.
    """
    recording = PlayedRecording(real_recording(name))
    states = {market.id: MarketState(market) for market in recording.markets.values()}
    player: Player = recording.exchange.player(states)
    session = Session("/", {})
    for message in opening:
        list(player.asks(message, session))
    subscriptions: dict[tuple[str, str], Subscription] = {}
    for batch in recording.batches():
        state = states[batch.market]
        for event in map(state.apply, batch.events):
            channel = channel_of(event)
            if channel not in requests:
                continue
            key = channel, batch.market
            if key not in subscriptions:
                (ask,) = player.asks(requests[channel](batch.market), session)
                assert isinstance(ask, Ask)
                subscriptions[key] = Subscription(ask, session)
                list(player.accepted(subscriptions[key]))
            made = list(player.messages([event], subscriptions[key], state))
            yield batch, event, [json.loads(player.encode(one)) for one in made], state
