"""Both sources on lists of markets with odd entries, doubles, and symbols that are not traded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from integration.source_setup import SourceSetup, running, source_setup

from feedd.errors import SourceError, UnknownSymbolError
from feedd.model import ABSENT

MakeSetup = Callable[..., AbstractAsyncContextManager[SourceSetup]]


@pytest.fixture(name="source_setup", params=["ccxt", "native"])
def setup_of_either_source(request: pytest.FixtureRequest) -> MakeSetup:
    return partial(source_setup, request.param)


def alter_list(setup: SourceSetup, alter: Callable[[list[Any]], list[Any]]) -> None:
    """Let the exchange's list be what a function makes of the right one."""
    pages = setup.server._pages["usdm"]._pages
    right = pages["exchangeInfo"]

    def altered(query: Any) -> Any:
        answer = right(query)
        return {**answer, "symbols": alter(list(answer["symbols"]))}

    pages["exchangeInfo"] = altered


def with_odd_entries(symbols: list[Any]) -> list[Any]:
    btc = next(one for one in symbols if one["symbol"] == "BTCUSDT")
    new = {**btc, "symbol": "NEWUSDT", "baseAsset": "NEW"}
    odd = [
        {**new, "deliveryDate": None}, {**new, "deliveryDate": "soon"},
        {**new, "marginAsset": None}, {**new, "quoteAsset": None},
        {key: value for key, value in new.items() if key != "quoteAsset"},
        {**new, "baseAsset": 7}, {**new, "baseAsset": None}, {**new, "symbol": None},
        {**new, "contractType": "NEW_KIND", "deliveryDate": None}, {**new, "filters": None},
        {key: value for key, value in new.items() if key != "filters"},
        {**new, "symbol": "币安人生USDT", "baseAsset": "币安人生"}, "NEWUSDT", None, 7, [], {},
        {**btc, "symbol": "BTCUSDT_SETTLED", "status": "CLOSE"},
    ]  # fmt: skip
    return [*odd, *symbols, *odd]


@pytest.mark.parametrize("shared", [True, False])
def test_odd_entries_and_doubles_harm_no_symbol(
    source_setup: MakeSetup, shared: bool, tmp_path: Path
) -> None:
    async def run() -> None:
        async with source_setup() as setup:
            alter_list(setup, with_odd_entries)
            source = setup.source(("quote",), run_dir=tmp_path if shared else None)
            async with running(setup, source):
                await setup.until(lambda: setup.received.ids("quote"))
                assert source.listing is None
                assert await source.check_listing() is None

    asyncio.run(run())


@pytest.mark.parametrize("shared", [True, False])
def test_an_odd_entry_of_the_symbol_itself_is_one_clear_line(
    source_setup: MakeSetup, shared: bool, tmp_path: Path
) -> None:
    async def run() -> None:
        async with source_setup() as setup:
            alter_list(
                setup,
                lambda symbols: [
                    {**one, "baseAsset": None} if one["symbol"] == "BTCUSDT" else one
                    for one in symbols
                ],
            )
            source = setup.source(("quote",), run_dir=tmp_path if shared else None)
            try:
                with pytest.raises(SourceError) as failure:
                    await source.prepare()
            finally:
                await source.close()
            text = str(failure.value)
            assert text.startswith("binanceusdm lists BTCUSDT in a form that can't be read: ")
            assert "\n" not in text

    asyncio.run(run())


def test_the_exchanges_word_for_a_symbol_that_it_does_not_trade_is_followed(
    source_setup: MakeSetup, tmp_path: Path
) -> None:
    """The shared list is a minute old at most where it says so, or is asked again."""

    def a_minute_passes() -> None:
        for path in tmp_path.glob("markets/*.jsonl"):
            path.unlink()

    word: list[str | None] = ["PENDING_TRADING"]

    def alter(symbols: list[Any]) -> list[Any]:
        btc = next(one for one in symbols if one["symbol"] == "BTCUSDT")
        others = [one for one in symbols if one["symbol"] != "BTCUSDT"]
        return others if word[0] is None else [*others, {**btc, "status": word[0]}]

    async def run() -> None:
        async with source_setup() as setup:
            alter_list(setup, alter)
            source = setup.source(("quote",), run_dir=tmp_path)
            await source.prepare()
            assert source.listing == "PENDING_TRADING"
            for listed, expected in (("TRADING", None), ("SETTLING", "SETTLING"), (None, ABSENT)):
                word[0] = listed
                a_minute_passes()
                assert await source.check_listing() == expected
            with pytest.raises(UnknownSymbolError):
                await source.prepare()
            await source.close()

    asyncio.run(run())
