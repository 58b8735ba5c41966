"""Limits that the sources of a machine share, for both sources unless a test is of ccxt alone."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
from integration.source_setup import SourceSetup, account, asked, prepared, running, source_setup

from feedd.clock import NS_PER_S, Clock
from feedd.embedded.rest_page import API_KEY, API_SECRET, Page
from feedd.errors import LimitError, SourceError, UnknownSymbolError
from feedd.sources import market_list
from feedd.sources.ccxt.source import CcxtSource
from feedd.sources.limits import window_file as record
from feedd.sources.limits.address_limits import address_limits
from feedd.sources.limits.window import Window

MakeSetup = Callable[..., AbstractAsyncContextManager[SourceSetup]]


@pytest.fixture(name="source_setup", params=["ccxt", "native"])
def setup_of_either_source(request: pytest.FixtureRequest) -> MakeSetup:
    return partial(source_setup, request.param)


ccxt_setup = partial(source_setup, "ccxt")
LIMITS = address_limits("binanceusdm", "BTC/USDT:USDT", 50)


def the_list(run_dir: Path) -> Path:
    (path,) = (run_dir / "markets").glob("*.jsonl")
    return path


def the_budget(run_dir: Path, kind: str) -> Path:
    (path,) = (run_dir / "budget").glob(f"*-{kind}-*")
    return path


def refusing(setup: SourceSetup, status: int, headers: dict[str, str]) -> Callable[[], float]:
    """Refuse every request; return a function that ends it and returns the last refusal's time."""
    rest, answer = setup.server._pages["usdm"], setup.server._pages["usdm"].answer
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
    """Exhaust a limit, all of which is free again after `seconds`."""
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
def test_a_refused_request_makes_all_sources_wait(
    source_setup: MakeSetup,
    status: int,
    headers: dict[str, str],
    says: str,
    others: float,
    tmp_path: Path,
) -> None:
    async def run() -> None:
        async with source_setup() as setup:
            allow = refusing(setup, status, headers)
            with pytest.raises(SourceError, match="Too many requests"):
                await prepared(setup, tmp_path)
            refused_s = allow()
            seen = asked(setup)
            if others <= 5:
                await prepared(setup, tmp_path)
                assert time.monotonic() - refused_s >= others
                assert asked(setup) == seen + 1
                return
            for _ in range(3):
                with pytest.raises(LimitError, match=says) as caught:
                    await prepared(setup, tmp_path)
                assert others - 20 < caught.value.retry_after_s <= others
                assert "binance-linear: the exchange asked for a pause" in str(caught.value)
            assert asked(setup) == seen

    asyncio.run(run())


def test_an_exhausted_weight_is_reported_and_no_request_is_sent(
    source_setup: MakeSetup, tmp_path: Path
) -> None:
    async def run() -> None:
        async with source_setup() as setup:
            await prepared(setup, tmp_path)
            until_freed(tmp_path, "weight", 40.0)
            the_list(tmp_path).unlink()
            with pytest.raises(LimitError, match="2160 of request weight in 60 s are used up"):
                await prepared(setup, tmp_path)
            assert asked(setup) == 1

    asyncio.run(run())


def test_weight_used_by_other_programs_on_this_address_counts(
    source_setup: MakeSetup, tmp_path: Path
) -> None:
    async def run() -> None:
        async with source_setup() as setup:
            clock = setup.server._pages["usdm"]._clock = Clock(1e-6)  # so that no minute of it ends
            setup.server._pages["usdm"]._weights.take("127.0.0.1", 2200, clock.now_ns() / NS_PER_S)
            await prepared(setup, tmp_path)
            the_list(tmp_path).unlink()
            with pytest.raises(LimitError, match="are used up"):
                await prepared(setup, tmp_path)

    asyncio.run(run())


def test_a_request_counts_with_the_exchanges_weight_and_not_ccxts(
    tmp_path: Path,
) -> None:
    async def run() -> None:
        async with ccxt_setup() as setup:
            source = CcxtSource("binance", "BTC/USDT", ("trade",), run_dir=tmp_path,
                                endpoint=f"http://127.0.0.1:{setup.port}/spot")  # fmt: skip
            await source.prepare()
            await source._exchange.publicGetTrades({"symbol": "BTCUSDT"})
            await source.close()
            weight = address_limits("binance", "BTC/USDT", 50).weight
            read = the_budget(tmp_path, "weight").read_bytes()
            spent = record.decode(read, weight, record.boot_id(), time.monotonic()).spent
            assert sum(spent.values()) >= account(setup, "spot")["most_weight_in_a_minute"]
            assert account(setup, "spot")["requests"] == {"exchangeInfo": 1, "trades": 1}

    asyncio.run(run())


# --- connections ----------------------------------------------------------------------------------


def test_a_connection_over_the_limit_is_not_opened_and_the_channel_reports_why(
    source_setup: MakeSetup,
    tmp_path: Path,
) -> None:
    async def run() -> None:
        async with source_setup() as setup:
            source = setup.source(("quote",), run_dir=tmp_path)
            async with running(setup, source):
                await setup.until(lambda: setup.received.ids("quote"))
                until_freed(tmp_path, "connects", 12.0)
                setup.client("bookTicker").abort()
                await setup.until(lambda: len(setup.received.losses) >= 2)
                channel, why = setup.received.losses[1]
                assert channel == "quote"
                assert "270 connections in 300 s are used up on this machine; the next" in why
                assert account(setup)["connects"] == 1
                seen = len(setup.received.ids("quote"))
                await setup.until(lambda: len(setup.received.ids("quote")) > seen, 60)
                assert account(setup)["connects"] == 2
                assert len(setup.received.losses) <= 4  # it waits for as long as it was told

    asyncio.run(run())


def test_a_refused_handshake_makes_all_sources_wait(
    source_setup: MakeSetup, tmp_path: Path
) -> None:
    async def run() -> None:
        async with source_setup() as setup:
            setup.server._connects["usdm"].take = lambda *_: 100  # type: ignore[method-assign]
            first = setup.source(("quote",), run_dir=tmp_path)
            second = setup.source(("quote",), "ETH/USDT:USDT", run_dir=tmp_path)
            async with running(setup, first):
                await setup.until(lambda: setup.received.losses)
            assert "429" in setup.received.losses[0][1]
            setup.received.losses.clear()
            async with running(setup, second):
                await setup.until(lambda: setup.received.losses)
            assert "the exchange asked for a pause (HTTP 429)" in setup.received.losses[0][1]
            assert account(setup)["refusals"] == {"429": 1}

    asyncio.run(run())


# --- the list of markets --------------------------------------------------------------------------


def test_eight_sources_starting_together_request_the_market_list_once(tmp_path: Path) -> None:
    symbols = [
        f"{base}/USDT:USDT" for base in ("BTC", "ETH", "SOL", "BNB", "XRP", "ADA", "LTC", "TRX")
    ]

    async def run() -> None:
        async with ccxt_setup() as setup:
            sources = await asyncio.gather(
                *(prepared(setup, tmp_path, symbol) for symbol in symbols)
            )
            assert asked(setup) == 1
            for symbol, source in zip(symbols, sources, strict=True):
                assert source._exchange.symbols == [symbol]
            alone = setup.source(("quote",))
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
def test_every_exchange_runs_on_a_market_list_from_another_worker(
    exchange: str, symbol: str, path: str, tmp_path: Path
) -> None:
    channels = ("ticker", "quote", "trade", "book")

    async def run() -> None:
        async with ccxt_setup() as setup:
            for _ in range(2):
                setup.received.ticks.clear()
                source = CcxtSource(exchange, symbol, channels, run_dir=tmp_path,
                                    endpoint=f"http://127.0.0.1:{setup.port}{path}")  # fmt: skip
                async with running(setup, source):
                    await setup.until(lambda: all(setup.received.ids(c) for c in channels[1:]))
            name = {"bybit": "bybit", "binance": "spot" if path else "usdm"}[exchange]
            told = account(setup, name)
            pages = told["requests"]
            assert pages.get("exchangeInfo") == 1 or pages["market/instruments-info"] == 2
            assert told["refusals"] == {}
            spent = record.decode(
                the_budget(tmp_path, "weight").read_bytes(),
                address_limits(exchange, symbol, 50).weight, record.boot_id(), time.monotonic(),
            )  # fmt: skip
            assert sum(spent.spent.values()) >= told["most_weight_in_a_minute"]

    asyncio.run(run())


def test_the_api_key_is_checked_with_a_market_list_from_another_worker(
    source_setup: MakeSetup, tmp_path: Path
) -> None:
    async def run() -> None:
        async with source_setup() as setup:
            for _ in range(2):
                await prepared(setup, tmp_path, credentials=(API_KEY, API_SECRET))
            assert (asked(setup), asked(setup, "account")) == (1, 2)

    asyncio.run(run())


def test_an_unlisted_symbol_is_looked_up_again_after_a_minute(
    source_setup: MakeSetup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        async with source_setup() as setup:
            await prepared(setup, tmp_path)
            with pytest.raises(
                UnknownSymbolError, match=r"among its 54 markets; is it .*BTC/USDT:USDT"
            ):
                await prepared(setup, tmp_path, "BTX/USDT:USDT")
            assert asked(setup) == 1
            monkeypatch.setattr(market_list, "OLD_WITHOUT_SYMBOL_MS", 0)
            await prepared(setup, tmp_path, "ETH/USDT:USDT")
            assert asked(setup) == 1
            with pytest.raises(UnknownSymbolError, match=r"is it .*BTC/USDT:USDT"):
                await prepared(setup, tmp_path, "BTX/USDT:USDT")
            assert asked(setup) == 2

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
def test_an_old_or_damaged_market_list_is_requested_again(
    damage: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    async def run() -> None:
        async with ccxt_setup() as setup:
            await prepared(setup, tmp_path)
            path = the_list(tmp_path)
            text = path.read_bytes()
            path.write_bytes(damage(text))
            assert path.read_bytes() != text
            await prepared(setup, tmp_path, "ETH/USDT:USDT")
            assert asked(setup) == 2
            await prepared(setup, tmp_path)
            assert asked(setup) == 2

    asyncio.run(run())


def test_an_answer_without_markets_is_not_stored(source_setup: MakeSetup, tmp_path: Path) -> None:
    async def run() -> None:
        async with source_setup() as setup:
            pages = setup.server._pages["usdm"]._pages
            right = pages["exchangeInfo"]
            for wrong in ({}, [1], {"symbols": []}):
                pages["exchangeInfo"] = lambda _, answer=wrong: answer
                with pytest.raises(SourceError):
                    await prepared(setup, tmp_path)
                assert not list((tmp_path / "markets").glob("*.jsonl"))
            pages["exchangeInfo"] = right
            await prepared(setup, tmp_path)

    asyncio.run(run())


def test_a_worker_that_requests_too_slowly_does_not_fail_the_others_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(market_list, "FETCH_WITHIN_S", 0.5)
    lists = [market_list.MarketList(tmp_path / "l.jsonl", "x", "1") for _ in range(2)]
    fetched = asyncio.Event()

    async def fetch() -> list[dict[str, Any]]:
        await fetched.wait()
        return [{"symbol": "A/B", "id": "AB"}]

    def market(number: int) -> Awaitable[dict[str, Any]]:
        return lists[number].market("A/B", fetch)

    async def run() -> None:
        slow = asyncio.ensure_future(market(0))
        await asyncio.sleep(0)
        with pytest.raises(SourceError, match=r"another process has held it for 0\.5 s"):
            await market(1)
        fetched.set()
        assert await slow == await market(1) == {"symbol": "A/B", "id": "AB"}

    asyncio.run(run())


def test_a_market_list_that_cannot_be_written_is_still_used(tmp_path: Path) -> None:
    (tmp_path / "l.jsonl").mkdir()

    async def fetch() -> list[dict[str, Any]]:
        return [{"symbol": "A/B", "id": "AB"}]

    async def run() -> None:
        found = await market_list.MarketList(tmp_path / "l.jsonl", "x", "1").market("A/B", fetch)
        assert found["id"] == "AB"

    asyncio.run(run())


def test_a_stored_market_list_is_json_lines(tmp_path: Path) -> None:
    async def run() -> None:
        async with ccxt_setup() as setup:
            await prepared(setup, tmp_path)
            head, *markets = map(json.loads, the_list(tmp_path).read_text().splitlines())
            assert head.keys() == {"parser", "fetched_ms", "crc32"}
            assert ["BTC/USDT:USDT", "BTCUSDT"] in [[name, m["id"]] for name, m in markets]
            assert orjson.loads(orjson.dumps(markets)) == markets

    asyncio.run(run())
