"""Messages of a newer feedd: unknown keys, channels and states."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from table_samples import ticks
from unit.client.simulated import FEED, STATUS, Client, status

from feedd import codec, model
from feedd.client import events
from feedd.client.decoding import decoder
from feedd.client.events import CHANNEL_EVENTS, Gap, StateChange

LATER = {"a_later_key": 1, "another": {"nested": [1, None]}}


def with_keys(event: Any, **more: Any) -> bytes:
    return msgspec.msgpack.encode({**codec.decode(codec.encode(event)), **more})


@pytest.mark.parametrize("channel", [*CHANNEL_EVENTS, "status"])
def test_keys_that_the_client_does_not_know_are_ignored(channel: str) -> None:
    decode = decoder(channel, full_status=True)
    for event in (tick for tick in ticks() if tick.channel == channel):
        assert decode(with_keys(event, **LATER)) == decode(codec.encode(event))


def test_a_status_of_an_earlier_version_does_not_state_how_a_channel_is_checked() -> None:
    event = next(tick for tick in ticks() if tick.channel == "status")
    earlier = codec.decode(codec.encode(event))
    for channel in earlier["channels"].values():
        del channel["checked"], channel["made_from"]
    found: Any = decoder("status", full_status=True)(msgspec.msgpack.encode(earlier))
    assert {(one.checked, one.made_from) for one in found.channels.values()} == {(None, None)}


def test_a_channel_that_the_client_does_not_know_is_passed_on_undecoded() -> None:
    event = next(tick for tick in ticks() if tick.channel == "quote")
    payload = with_keys(event, **LATER)
    found = decoder("a_later_channel", full_status=False)(payload)
    assert isinstance(found, events.Other)
    assert (found.channel, found.payload, found.seq) == ("a_later_channel", payload, event.seq)


def test_a_state_that_the_client_does_not_know_is_reported_as_text() -> None:
    client = Client()
    client.receive(status(1), status(2, state="a_later_state"))
    changes = [one for one in client.received if isinstance(one, StateChange)]
    assert [(one.feed, one.state) for one in changes] == [(FEED, "live"), (FEED, "a_later_state")]


def test_a_complete_status_with_an_unknown_state_is_a_gap_in_the_topic_of_statuses() -> None:
    known = next(tick for tick in ticks() if isinstance(tick, model.Status))
    client = Client("status.")
    for seq, state in ((1, "live"), (2, "a_later_state"), (3, "live")):
        known.session, known.seq, known.next_seq = 1, seq, {STATUS: seq + 1}
        client.receive((STATUS.encode(), with_keys(known, state=state)))
    client.check(5)
    gaps = [one for one in client.received if isinstance(one, Gap)]
    assert [(one.topic, one.from_seq, one.to_seq) for one in gaps] == [(STATUS, 2, 2)]
