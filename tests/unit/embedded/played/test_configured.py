"""Recordings that a configuration names, and those that don't fit its feeds."""

import json
from pathlib import Path

import pytest
from conftest import real_recording
from test_recording import LISTING, TRADE, lines

from feedd.config.faults import Fault, check
from feedd.config.settings import Config, EmbeddedExchange, SymbolEntry
from feedd.embedded.configured_markets import configured_markets
from feedd.errors import ConfigError


def config(path: Path, *, exchange: str = "okx", symbol: str = "BTC/USDT") -> Config:
    return Config(
        symbols=(SymbolEntry(symbol=symbol, exchange=exchange),),
        embedded_exchange=EmbeddedExchange(recording={symbol: str(path)}),
    )


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "okx.jsonl"
    path.write_text(lines(TRADE))
    return path


def served(settings: Config) -> dict[str, str]:
    assert settings.embedded_exchange is not None
    markets = configured_markets(settings.embedded_exchange, settings.feeds())
    return {market.name: market.below for market in markets}


def test_a_recording_is_served_below_its_exchanges_path_beside_the_other_markets(
    recording: Path,
) -> None:
    settings = config(recording)
    assert served(settings)["okx"] == "/okx"
    assert "usdm" in served(settings)
    assert settings.endpoint_of("okx", "BTC/USDT") == "http://127.0.0.1:8765/okx"
    assert settings.endpoint_of("binanceusdm", "BTC/USDT:USDT") == "http://127.0.0.1:8765"


def test_a_symbol_that_the_recording_lacks_is_refused(recording: Path) -> None:
    with pytest.raises(ConfigError, match=r"okx\.jsonl: does not hold ETH/USDT; it holds BTC/USDT"):
        served(config(recording, symbol="ETH/USDT"))


def test_a_recording_of_another_exchange_than_the_feeds_is_refused(recording: Path) -> None:
    with pytest.raises(ConfigError, match="is a recording of okx, and BTC/USDT is configured on k"):
        served(config(recording, exchange="kraken"))


def test_a_path_alone_without_the_symbol_is_refused_with_what_it_holds(recording: Path) -> None:
    feeds = config(recording, symbol="ETH/USDT").feeds()
    with pytest.raises(
        ConfigError, match="does not hold ETH/USDT of okx; it holds BTC/USDT of okx"
    ):
        configured_markets(EmbeddedExchange(recording=str(recording)), feeds)


def test_a_file_of_no_played_exchange_is_refused_for_the_feeds_alone(recording: Path) -> None:
    recording.write_text("no recording\n")
    with pytest.raises(ConfigError, match=r"okx\.jsonl: is not a recording of okx$"):
        served(config(recording))


def test_a_path_alone_plays_every_symbol_that_the_file_holds(recording: Path) -> None:
    entry = {**LISTING, "instId": "ETH-USDT", "baseCcy": "ETH"}
    other = json.loads(json.dumps(TRADE).replace("BTC-USDT", "ETH-USDT"))
    recording.write_text(lines(TRADE, other, listing=[LISTING, entry]))
    feeds = config(recording).feeds() + config(recording, symbol="ETH/USDT").feeds()
    markets = configured_markets(EmbeddedExchange(recording=str(recording)), feeds)
    assert next(market.name for market in markets) == "okx"


def test_a_played_market_has_a_name_of_its_own_beside_the_generated_one() -> None:
    path = real_recording("venues/bybit.jsonl.zst")
    settings = config(path, exchange="bybit", symbol="BTC/USDT")
    assert settings.embedded_exchange is not None
    markets = configured_markets(settings.embedded_exchange, settings.feeds())
    names = [market.name for market in markets]
    assert len(names) == len(set(names))
    assert {"bybit", "bybit_played"} <= set(names)
    assert settings.endpoint_of("bybit", "BTC/USDT") == "http://127.0.0.1:8765/bybit"
    assert check(Fault(fault="mute", exchange="bybit_played")) is None
