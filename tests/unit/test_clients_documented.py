"""docs/channels.md and docs/clients.md list each key and each event."""

from __future__ import annotations

import inspect
import re

import msgspec
import pytest
from conftest import REPOSITORY

import feedd
from feedd import model
from feedd.client.events import CHANNEL_EVENTS

CHANNELS = (REPOSITORY / "docs" / "channels.md").read_text()
CLIENTS = (REPOSITORY / "docs" / "clients.md").read_text()
COMMON = {"channel", "symbol", "timestamp", "exchange", "received_ns", "published_ns", "session",
          "seq", "id", "origin"}  # fmt: skip


def keys(table: str) -> list[str]:
    """Return the names in the first column of a table."""
    rows = re.findall(r"^\| (`[^|]+`) \|", table, re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`(\w+)`", row)]


def names(struct: type) -> list[str]:
    return [field.name for field in msgspec.structs.fields(struct)]


def rows(text: str) -> dict[str, set[str]]:
    """Return the words in code of the second column, by the name in the first."""
    found = re.findall(r"^\| `(\w+)` \| `([^|`]+)`", text, re.MULTILINE)
    return {name: set(attributes.split()) for name, attributes in found}


def test_the_table_of_status_keys_has_every_key_and_no_other() -> None:
    section = CHANNELS.partition("\n## status\n")[2]
    own, _, rest = section.partition("| key of a channel |")
    of_channels, _, of_counts = rest.partition("### Counts of latencies")
    assert sorted(keys(own)) == sorted(names(model.Status))
    assert sorted(keys(of_channels)) == sorted(names(model.ChannelStatus))
    assert sorted(keys(of_counts)) == sorted(names(model.LatencyCounts))
    for key in (*names(model.Gap), *names(model.Latency)):
        assert f"`{key}`" in own


def test_the_states_of_a_status_are_documented() -> None:
    section = CHANNELS.partition("\n## status\n")[2]
    for state in model.State.__args__:  # type: ignore[attr-defined]
        assert f"`{state}`" in section


@pytest.mark.parametrize("event", CHANNEL_EVENTS.values(), ids=lambda event: event.__name__)
def test_each_tick_is_listed_with_its_attributes(event: type) -> None:
    documented = rows(CLIENTS)[event.__name__]
    assert documented == set(names(event)) - COMMON
    assert {*names(event), "channel"} >= COMMON


def test_each_notice_is_listed_with_its_attributes() -> None:
    documented = rows(CLIENTS)
    for event in (feedd.Gap, feedd.UpstreamGap, feedd.NewSession, feedd.StateChange,
                  feedd.Stopped, feedd.Other):  # fmt: skip
        assert documented[event.__name__] == set(names(event))


def test_each_argument_of_subscribe_is_listed() -> None:
    section = CLIENTS.partition("\n## Python: subscribing\n")[2].partition("\n## ")[0]
    assert keys(section) == list(inspect.signature(feedd.subscribe).parameters)
