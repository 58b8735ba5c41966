"""The table of channels is complete, and everything that lists channels agrees with it."""

import runpy
from typing import ClassVar, get_args

import msgspec
import pytest
from table_samples import ticks

import feedd
from feedd import channels, model
from feedd.channels import CHANNEL_NAMES, CHANNELS, ChannelSpec
from feedd.client import events
from feedd.client.decoding import decoder
from feedd.codec import encode
from feedd.config.settings import SymbolEntry
from feedd.recordings.tables.columns import CHANNELS as TABLES
from feedd.recordings.tables.columns import COMMON
from feedd.venues.truth import published

EVERY_CHANNEL = pytest.mark.parametrize(("name", "spec"), CHANNELS.items(), ids=CHANNEL_NAMES)


def test_every_event_of_the_model_has_a_row() -> None:
    assert [spec.event for spec in CHANNELS.values()] == list(get_args(model.Tick))


def test_an_event_of_the_model_without_a_row_fails_at_import(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Basis(msgspec.Struct):
        channel: ClassVar[str] = "basis"

    monkeypatch.setattr(model, "Tick", model.Tick | Basis)
    with pytest.raises(TypeError, match="no row for Basis of"):
        runpy.run_path(channels.__file__)


@EVERY_CHANNEL
def test_the_client_has_a_frozen_event_for_each_channel(name: str, spec: ChannelSpec) -> None:
    event = events.CHANNEL_EVENTS[name]
    assert issubclass(event, spec.event)
    assert event.__struct_config__.frozen
    assert getattr(feedd, event.__name__) is event
    sample = next(tick for tick in ticks() if tick.channel == name)
    assert type(decoder(name, full_status=False)(encode(sample))) is event


@EVERY_CHANNEL
def test_keys_contents_and_units_name_fields_of_the_event(name: str, spec: ChannelSpec) -> None:
    fields = set(spec.event.__struct_fields__)
    assert fields >= {*spec.key, *spec.content, *spec.units}
    assert spec.key, name
    assert not set(spec.key) & set(spec.content)
    assert not set(spec.units) & set(COMMON)


@EVERY_CHANNEL
def test_silence_limits_are_in_order(name: str, spec: ChannelSpec) -> None:
    limits = spec.silence
    assert 0 < limits.floor_ns <= limits.first_ns <= limits.ceiling_ns, name


@EVERY_CHANNEL
def test_a_configuration_accepts_the_channel(name: str, spec: ChannelSpec) -> None:
    given = {"symbol": "BTC/USDT", "channels": [name]}
    assert msgspec.convert(given, SymbolEntry).channels == (spec.event.channel,)


def test_a_configuration_rejects_any_other_channel() -> None:
    with pytest.raises(msgspec.ValidationError, match="Invalid enum value 'tickers'"):
        msgspec.convert({"symbol": "BTC/USDT", "channels": ["tickers"]}, SymbolEntry)


@EVERY_CHANNEL
def test_a_channel_is_exported_and_audited(name: str, spec: ChannelSpec) -> None:
    columns = {column.name: column.unit for column in TABLES[name].columns}
    assert {key: columns[key] for key in spec.units} == spec.units
    sample = next(tick for tick in ticks() if tick.channel == name)
    event = published(name, msgspec.to_builtins(sample))
    assert len(event.content) == len(spec.content)
