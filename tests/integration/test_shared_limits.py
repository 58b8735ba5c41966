"""Sources that share a folder: the real ccxt against the embedded exchange's limits."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from test_ccxt_source import Setting, running, setting

from feedd.clock import NS_PER_S, Clock
from feedd.embedded.rest_page import API_KEY, API_SECRET, Page
from feedd.errors import LimitError, SourceError, UnknownSymbolError
from feedd.sources import market_list
from feedd.sources.ccxt.source import CcxtSource
from feedd.sources.limits import window_file as record
from feedd.sources.limits.address_limits import address_limits
from feedd.sources.limits.window import Window

LIMITS = address_limits("binanceusdm", "BTC/USDT:USDT", 50)


def account(place: Setting, exchange: str = "usdm") -> dict[str, Any]:
    return place.server._accounts.of("127.0.0.1", exchange).told(time.time())


def asked(place: Setting, page: str = "exchangeInfo") -> int:
    return account(place)["requests"].get(page, 0)


def the_list(run_dir: Path) -> Path:
    (path,) = (run_dir / "markets").glob("*.jsonl")
    return path


def the_budget(run_dir: Path, kind: str) -> Path:
    (path,) = (run_dir / "budget").glob(f"*-{kind}-*")
    return path


async def prepared(
    place: Setting, run_dir: Path, symbol: str = "BTC/USDT:USDT", **options: Any
) -> CcxtSource:
    source = place.source(("quote",), symbol, run_dir=run_dir, **options)
    try:
        await source.prepare()
    finally:
        await source.close()
    return source


def refusing(place: Setting, status: int, headers: dict[str, str]) -> Callable[[], float]:
    """Let every page be refused; return what ends it and tells when the last one was."""
    rest, answer = place.server._rest, place.server._rest.answer
    body = {"code": -1003, "msg": "Too many requests"}
    refused_s = 0.0

    def refuse(_: Any) -> Page:
        nonlocal refused_s
        refused_s = time.monotonic()
        return Page(status, body, headers)

    def allow() -> float:
        rest.answer = answer  # type: ignore[method-assign]
        return refused_s

    rest.answer = refuse  # type: ignore[method-assign]
    return allow


def until_freed(run_dir: Path, kind: str, seconds: float) -> None:
    """Leave a limit used up, all of which comes back after so long."""
    limit = LIMITS.connects if kind == "connects" else LIMITS.weight
    assert limit is not None
    window = Window(limit)
    slot = int((time.monotonic() + seconds) // limit.slot_s) - limit.slots - 1
    window.spent[slot] = limit.most
    the_budget(run_dir, kind).write_bytes(record.encode(window, record.boot_id()))


# --- requests -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "headers", "says", "others"),
    [
        (429, {"Retry-After": "4"}, "HTTP 429", 4),
        (418, {"retry-after": "100"}, "HTTP 418", 100),
        (429, {}, "HTTP 429", 60),
        (403, {}, "HTTP 403", 60),
    ],
)
def test_what_one_source_is_refused_all_others_wait_for(
    status: int, headers: dict[str, str], says: str, others: float, tmp_path: Path
) -> None:
    async def run() -> None:
        async with setting() as place:
            allow = refusing(place, status, headers)
            with pytest.raises(SourceError, match="Too many requests"):
                await prepared(place, tmp_path)
            refused_s = allow()
            seen = asked(place)
            if others <= 5:
                await prepared(place, tmp_path)
                assert time.monotonic() - refused_s >= others
                assert asked(place) == seen + 1
                return
            for _ in range(3):
                with pytest.raises(LimitError, match=says) as caught:
                    await prepared(place, tmp_path)
                assert others - 20 < caught.value.retry_after_s <= others
                assert "binance-linear: the exchange asked for a pause" in str(caught.value)
            assert asked(place) == seen

    asyncio.run(run())


def test_a_weight_that_is_used_up_is_said_and_nothing_is_asked(tmp_path: Path) -> None:
    async def run() -> None:
        async with setting() as place:
            await prepared(place, tmp_path)
            until_freed(tmp_path, "weight", 40.0)
            the_list(tmp_path).unlink()
            with pytest.raises(LimitError, match="2160 of request weight in 60 s are used up"):
                await prepared(place, tmp_path)
            assert asked(place) == 1

    asyncio.run(run())


def test_what_other_programs_used_on_this_address_counts(tmp_path: Path) -> None:
    async def run() -> None:
        async with setting() as place:
            clock = place.server._rest._clock = Clock(1e-6)  # so that no minute of it ends
            place.server._rest._weights.take("127.0.0.1", 2200, clock.now_ns() / NS_PER_S)
            await prepared(place, tmp_path)
            the_list(tmp_path).unlink()
            with pytest.raises(LimitError, match="are used up"):
                await prepared(place, tmp_path)

    asyncio.run(run())


def test_a_page_that_ccxt_takes_for_cheaper_than_it_is_counts_as_the_exchange_counts_it(
    tmp_path: Path,
) -> None:
    async def run() -> None:
        async with setting() as place:
            source = CcxtSource("binance", "BTC/USDT", ("trade",), run_dir=tmp_path,
                                endpoint=f"http://127.0.0.1:{place.port}/spot")  # fmt: skip
            await source.prepare()
            await source._exchange.publicGetTrades({"symbol": "BTCUSDT"})
            await source.close()
            weight = address_limits("binance", "BTC/USDT", 50).weight
            read = the_budget(tmp_path, "weight").read_bytes()
            spent = record.decode(read, weight, record.boot_id(), time.monotonic()).spent
            assert sum(spent.values()) >= account(place, "spot")["most_weight_in_a_minute"]
            assert account(place, "spot")["requests"] == {"exchangeInfo": 1, "trades": 1}

    asyncio.run(run())


# --- connections ----------------------------------------------------------------------------------


def test_connections_over_the_limit_are_not_dialled_and_the_channel_says_why(
    tmp_path: Path,
) -> None:
    async def run() -> None:
        async with setting() as place:
            source = place.source(("quote",), run_dir=tmp_path)
            async with running(place, source):
                await place.until(lambda: place.told.ids("quote"))
                until_freed(tmp_path, "connects", 12.0)
                place.client("bookTicker").abort()
                await place.until(lambda: len(place.told.losses) >= 2)
                channel, why = place.told.losses[1]
                assert channel == "quote"
                assert "270 connections in 300 s are used up on this machine; the next" in why
                assert account(place)["connects"] == 1
                seen = len(place.told.ids("quote"))
                await place.until(lambda: len(place.told.ids("quote")) > seen, 60)
                assert account(place)["connects"] == 2
                assert len(place.told.losses) <= 4  # it waits for as long as it was told

    asyncio.run(run())


def test_a_handshake_that_is_refused_makes_all_others_wait(tmp_path: Path) -> None:
    async def run() -> None:
        async with setting() as place:
            place.server._connects["usdm"].take = lambda *_: 100  # type: ignore[method-assign]
            first = place.source(("quote",), run_dir=tmp_path)
            second = place.source(("quote",), "ETH/USDT:USDT", run_dir=tmp_path)
            async with running(place, first):
                await place.until(lambda: place.told.losses)
            assert "429" in place.told.losses[0][1]
            place.told.losses.clear()
            async with running(place, second):
                await place.until(lambda: place.told.losses)
            assert "the exchange asked for a pause (HTTP 429)" in place.told.losses[0][1]
            assert account(place)["refusals"] == {"429": 1}

    asyncio.run(run())


# --- the list of markets --------------------------------------------------------------------------


def test_eight_sources_that_start_at_once_fetch_the_markets_once(tmp_path: Path) -> None:
    symbols = [
        f"{base}/USDT:USDT" for base in ("BTC", "ETH", "SOL", "BNB", "XRP", "ADA", "LTC", "TRX")
    ]

    async def run() -> None:
        async with setting() as place:
            sources = await asyncio.gather(
                *(prepared(place, tmp_path, symbol) for symbol in symbols)
            )
            assert asked(place) == 1
            for symbol, source in zip(symbols, sources, strict=True):
                assert source._exchange.symbols == [symbol]
            alone = place.source(("quote",))
            await alone.prepare()
            await alone.close()
            for symbol, source in zip(symbols, sources, strict=True):
                assert source._exchange.market(symbol) == alone._exchange.market(symbol)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("exchange", "symbol", "path"),
    [("binance", "BTC/USDT", "/spot"), ("bybit", "BTC/USDT:USDT", ""),
     ("binance", "BTC/USDT:USDT", "")],
)  # fmt: skip
def test_every_exchange_runs_on_a_list_that_another_worker_fetched(
    exchange: str, symbol: str, path: str, tmp_path: Path
) -> None:
    channels = ("ticker", "quote", "trade", "book")

    async def run() -> None:
        async with setting() as place:
            for _ in range(2):
                place.told.ticks.clear()
                source = CcxtSource(exchange, symbol, channels, run_dir=tmp_path,
                                    endpoint=f"http://127.0.0.1:{place.port}{path}")  # fmt: skip
                async with running(place, source):
                    await place.until(lambda: all(place.told.ids(c) for c in channels[1:]))
            name = {"bybit": "bybit", "binance": "spot" if path else "usdm"}[exchange]
            told = account(place, name)
            pages = told["requests"]
            assert pages.get("exchangeInfo") == 1 or pages["market/instruments-info"] == 2
            assert told["refusals"] == {}
            spent = record.decode(
                the_budget(tmp_path, "weight").read_bytes(),
                address_limits(exchange, symbol, 50).weight, record.boot_id(), time.monotonic(),
            )  # fmt: skip
            assert sum(spent.spent.values()) >= told["most_weight_in_a_minute"]

    asyncio.run(run())


def test_a_key_is_checked_on_a_list_that_another_worker_fetched(tmp_path: Path) -> None:
    async def run() -> None:
        async with setting() as place:
            for _ in range(2):
                await prepared(place, tmp_path, credentials=(API_KEY, API_SECRET))
            assert (asked(place), asked(place, "account")) == (1, 2)

    asyncio.run(run())


def test_a_symbol_that_is_not_listed_is_looked_for_again_after_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        async with setting() as place:
            await prepared(place, tmp_path)
            with pytest.raises(
                UnknownSymbolError, match=r"among its 54 markets; is it .*BTC/USDT:USDT"
            ):
                await prepared(place, tmp_path, "BTX/USDT:USDT")
            assert asked(place) == 1
            monkeypatch.setattr(market_list, "OLD_WITHOUT_SYMBOL_MS", 0)
            await prepared(place, tmp_path, "ETH/USDT:USDT")
            assert asked(place) == 1
            with pytest.raises(UnknownSymbolError, match=r"is it .*BTC/USDT:USDT"):
                await prepared(place, tmp_path, "BTX/USDT:USDT")
            assert asked(place) == 2

    asyncio.run(run())


def stale(text: bytes) -> bytes:
    return text.replace(b'"fetched_ms":1', b'"fetched_ms":', 1)


def of_the_future(text: bytes) -> bytes:
    return text.replace(b'"fetched_ms":1', b'"fetched_ms":9', 1)


def of_another_version(text: bytes) -> bytes:
    return text.replace(b'"ccxt 4', b'"ccxt 3', 1)


def flipped(text: bytes) -> bytes:
    return text.replace(b'"ETHUSDT"', b'"ETHUSDX"')


@pytest.mark.parametrize(
    "damage",
    [stale, of_the_future, of_another_version, flipped, lambda text: text[:-100],
     lambda _: b"", lambda _: b"{}\n", lambda _: b"\0" * 5000, lambda _: b"[1]\n[2]\n"],
)  # fmt: skip
def test_a_list_that_is_old_or_damaged_is_fetched_anew(
    damage: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    async def run() -> None:
        async with setting() as place:
            await prepared(place, tmp_path)
            path = the_list(tmp_path)
            text = path.read_bytes()
            path.write_bytes(damage(text))
            assert path.read_bytes() != text
            await prepared(place, tmp_path, "ETH/USDT:USDT")
            assert asked(place) == 2
            await prepared(place, tmp_path)
            assert asked(place) == 2

    asyncio.run(run())


def test_an_answer_without_markets_is_never_kept(tmp_path: Path) -> None:
    async def run() -> None:
        async with setting() as place:
            pages = place.server._rest._pages
            right = pages["exchangeInfo"]
            for wrong in ({}, [1], {"symbols": []}):
                pages["exchangeInfo"] = lambda _, answer=wrong: answer
                with pytest.raises(SourceError):
                    await prepared(place, tmp_path)
                assert not list((tmp_path / "markets").glob("*.jsonl"))
            pages["exchangeInfo"] = right
            await prepared(place, tmp_path)

    asyncio.run(run())


def test_a_worker_that_fetches_for_too_long_is_no_end_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(market_list, "FETCH_WITHIN_S", 0.5)
    lists = [market_list.MarketList(tmp_path / "l.jsonl", "x", "1") for _ in range(2)]
    fetched = asyncio.Event()

    async def fetch() -> list[dict[str, Any]]:
        await fetched.wait()
        return [{"symbol": "A/B"}]

    def market(number: int) -> Awaitable[dict[str, Any]]:
        return lists[number].market("A/B", fetch)

    async def run() -> None:
        slow = asyncio.ensure_future(market(0))
        await asyncio.sleep(0)
        with pytest.raises(SourceError, match=r"another process has held it for 0\.5 s"):
            await market(1)
        fetched.set()
        assert await slow == await market(1) == {"symbol": "A/B"}

    asyncio.run(run())


def test_a_list_that_can_not_be_written_is_used_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "l.jsonl").mkdir()

    async def fetch() -> list[dict[str, Any]]:
        return [{"symbol": "A/B", "id": "AB"}]

    async def run() -> None:
        found = await market_list.MarketList(tmp_path / "l.jsonl", "x", "1").market("A/B", fetch)
        assert found["id"] == "AB"

    asyncio.run(run())


def test_the_file_of_a_list_is_json_lines(tmp_path: Path) -> None:
    async def run() -> None:
        async with setting() as place:
            await prepared(place, tmp_path)
            head, *markets = map(json.loads, the_list(tmp_path).read_text().splitlines())
            assert head.keys() == {"parser", "fetched_ms", "crc32"}
            assert ["BTC/USDT:USDT", "BTCUSDT"] in [[name, m["id"]] for name, m in markets]
            assert orjson.loads(orjson.dumps(markets)) == markets

    asyncio.run(run())
