"""Recordings of Binance that a configuration names: played on their own market, or refused."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import real_recording

from feedd.config.settings import Config, EmbeddedExchange, Feed, SymbolEntry
from feedd.embedded.binance.recorded import RecordedMarket
from feedd.embedded.configured_markets import configured_markets
from feedd.embedded.market import MarketMessage
from feedd.embedded.served_market import ServedMarket
from feedd.errors import ConfigError
from feedd.venues.binance import streams

NS = 1_723_161_255_000_000_000
FEEDS = {
    "spot": ("binance", "BTC/USDT"),
    "usdm": ("binanceusdm", "BTC/USDT:USDT"),
    "coinm": ("binancecoinm", "BTC/USD:BTC"),
}
IDS = {"spot": "BTCUSDT", "usdm": "BTCUSDT", "coinm": "BTCUSD_PERP"}


def quote(market: str, id_: str) -> dict[str, Any]:
    one = {"u": 1, "s": id_, "b": "99.0", "B": "1", "a": "100.0", "A": "1"}
    if market == "spot":
        return one
    pair = id_.partition("_")[0]
    return {"e": "bookTicker", **one, "ps": pair, "T": 5, "E": 6}


def recording(folder: Path, market: str, *ids: str) -> Path:
    path = folder / f"{market}.txt"
    names = ids or (IDS[market],)
    path.write_text(
        "".join(
            f"{NS + number} "
            + json.dumps(
                {"stream": f"{id_.lower()}@bookTicker", "data": quote(market, id_)},
                separators=(",", ":"),
            )
            + "\n"
            for number, id_ in enumerate(names)
        )
    )
    return path


def feed(market: str) -> Feed:
    exchange, symbol = FEEDS[market]
    return Config(symbols=(SymbolEntry(symbol=symbol, exchange=exchange),)).feeds()[0]


def served(given: Any, *feeds: Feed) -> dict[str, ServedMarket]:
    async def make() -> tuple[ServedMarket, ...]:
        return configured_markets(EmbeddedExchange(recording=given), feeds)

    return {one.name: one for one in asyncio.run(make())}


def played(markets: dict[str, ServedMarket]) -> dict[str, set[str]]:
    return {
        name: set(one.market.instruments)
        for name, one in markets.items()
        if isinstance(one.market, RecordedMarket)
    }


@pytest.mark.parametrize("market", FEEDS)
def test_a_recording_is_played_on_the_market_of_its_messages(tmp_path: Path, market: str) -> None:
    path = str(recording(tmp_path, market))
    symbol = FEEDS[market][1]
    assert played(served({symbol: path}, feed(market))) == {market: {IDS[market]}}
    assert played(served({symbol: path})) == {market: {IDS[market]}}
    whole = {name: set() for name in FEEDS} | {market: {IDS[market]}}
    assert played(served(path, feed(market))) == whole  # and no market is generated beside it


@pytest.mark.parametrize("market", FEEDS)
@pytest.mark.parametrize("other", FEEDS)
def test_a_recording_of_another_market_is_refused(tmp_path: Path, market: str, other: str) -> None:
    if market == other:
        return
    path = str(recording(tmp_path, market))
    with pytest.raises(ConfigError, match=r"is of .* can't be played as"):
        served({FEEDS[other][1]: path}, feed(other))
    with pytest.raises(ConfigError, match=r"does not hold .* name it under"):
        served(path, feed(other))


def test_a_symbol_in_short_is_the_feeds(tmp_path: Path) -> None:
    path = str(recording(tmp_path, "usdm"))
    assert played(served({"BTC/USDT": path}, feed("usdm"))) == {"usdm": {"BTCUSDT"}}


def test_a_file_plays_as_another_symbol_of_its_market(tmp_path: Path) -> None:
    for market, symbol, id_ in (
        ("usdm", "ETH/USDT:USDT", "ETHUSDT"),
        ("spot", "ETH/USDT", "ETHUSDT"),
        ("coinm", "ETH/USD:ETH", "ETHUSD_PERP"),
    ):
        path = str(recording(tmp_path, market))
        markets = served({symbol: path})
        assert played(markets) == {market: {id_}}
        instrument = markets[market].market.instruments[id_]
        assert (instrument.base, instrument.id) == ("ETH", id_)


def test_which_of_several_symbols_plays_must_be_clear(tmp_path: Path) -> None:
    path = str(recording(tmp_path, "usdm", "BTCUSDT", "ETHUSDT"))
    assert played(served({"ETH/USDT:USDT": path})) == {"usdm": {"ETHUSDT"}}
    with pytest.raises(ConfigError, match="not clear"):
        served({"XRP/USDT:USDT": path})


def test_messages_of_two_markets_under_one_id_are_refused(tmp_path: Path) -> None:
    path = recording(tmp_path, "usdm")
    trade = {"e": "trade", "E": 1, "s": "BTCUSDT", "t": 1, "p": "1", "q": "1", "T": 1, "m": True,
             "M": True}  # fmt: skip
    row = json.dumps({"stream": "btcusdt@trade", "data": trade}, separators=(",", ":"))
    path.write_text(path.read_text() + f"{NS + 5} {row}\n")
    with pytest.raises(ConfigError, match="binance and binanceusdm; split it"):
        served({"BTC/USDT:USDT": str(path)})


@pytest.mark.parametrize("market", FEEDS)
def test_a_played_stream_has_the_recorded_messages(tmp_path: Path, market: str) -> None:
    path = str(recording(tmp_path, market))

    class Outlet:
        def __init__(self) -> None:
            self.got: list[str] = []

        def send(self, messages: list[MarketMessage]) -> None:
            self.got += [message.data for message in messages]

        def backlog(self) -> int:
            return 0

        def abort(self) -> None:
            raise AssertionError

    async def run() -> list[str]:
        settings = EmbeddedExchange(recording={FEEDS[market][1]: path})
        one = next(m for m in configured_markets(settings, [feed(market)]) if m.name == market)
        outlet = Outlet()
        stream = streams.parse(f"{IDS[market].lower()}@bookTicker")
        assert stream is not None
        one.market.subscribe(stream, outlet)
        for _ in range(100):
            if outlet.got:
                break
            await asyncio.sleep(0.01)
        await one.market.close()
        return outlet.got

    assert [json.loads(text) for text in asyncio.run(run())] == [quote(market, IDS[market])]


REAL: list[tuple[str, str, Callable[[str], bool]]] = [
    ("binance_btcusdt_20240808.gz", "spot", lambda id_: id_ == "BTCUSDT"),
    ("binancecoinm_btcusd_20240808.gz", "coinm", lambda id_: id_ == "BTCUSD_PERP"),
    ("venues/binance_delivery.jsonl.zst", "coinm", lambda id_: "USD_" in id_),
]


@pytest.mark.parametrize(("name", "market", "fits"), REAL)
def test_a_real_recording_is_played_on_its_market(
    name: str, market: str, fits: Callable[[str], bool]
) -> None:
    path = str(real_recording(name))
    ids = played(served(path))
    assert ids.pop(market)
    assert all(not others for others in ids.values())
    assert all(fits(id_) for id_ in played(served(path))[market])
