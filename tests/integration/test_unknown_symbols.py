"""A symbol that an exchange does not list is final in both sources, with the nearest one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from source_setup import SOURCES, source_setup

from feedd.errors import FeeddError, FinalError, SourceError, UnknownSymbolError
from feedd.venues.registry import embedded_path, unified_symbol


async def refusal(
    kind: str, exchange: str, symbol: str, run_dir: Path | None, path: str | None = None
) -> FeeddError:
    """Return what the source of a symbol raises for it; `path` is that of another market."""
    async with source_setup(kind) as setup:
        symbol = unified_symbol(exchange, symbol)
        below = embedded_path(exchange, symbol) if path is None else path
        source = SOURCES[kind](
            exchange, symbol, ("quote",), run_dir=run_dir,
            endpoint=f"http://127.0.0.1:{setup.port}{below}",
        )  # fmt: skip
        with pytest.raises(FeeddError) as caught:
            await source.prepare()
        await source.close()
        return caught.value


@pytest.mark.parametrize(
    ("exchange", "symbol", "nearest"),
    [
        ("binanceusdm", "BTCUSDT", "BTC/USDT:USDT"),
        ("binanceusdm", "XRP", "XRP/USDT:USDT"),
        ("binanceusdm", "BTC/USDT:BTC", "BTC/USDT:USDT"),
        ("binanceusdm", "BTC/USD:BTC", "BTC/USDT:USDT"),
        ("binanceusdm", "btc/usdt", "BTC/USDT:USDT"),
        ("binance", "BTCUSDT", "BTC/USDT"),
        ("binance", "XRP/USTD", "XRP/USDT"),
    ],
)
@pytest.mark.parametrize("kind", ["ccxt", "native"])
def test_a_mistyped_symbol_is_final_and_the_nearest_is_named(
    kind: str, exchange: str, symbol: str, nearest: str, tmp_path: Path
) -> None:
    error = asyncio.run(refusal(kind, exchange, symbol, tmp_path))
    assert isinstance(error, UnknownSymbolError)
    assert f"is it {nearest}" in str(error)
    assert error.exit_code == 65


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize(
    ("exchange", "symbol", "kind"),
    [
        ("bybit", "ETH/USDT", "spot"),  # an empty list
        ("bybit", "ETHUSDT", "spot"),
        ("bybit", "ETH/USDT:ETH", "inverse"),
        ("binance", "ETH/USDT:ETH", "inverse"),  # no such page
    ],
)
def test_a_symbol_of_a_type_of_market_that_is_not_served_is_final(
    exchange: str, symbol: str, kind: str, tmp_path: Path, *, shared: bool
) -> None:
    error = asyncio.run(refusal("ccxt", exchange, symbol, tmp_path if shared else None, path=""))
    assert isinstance(error, UnknownSymbolError)
    assert f"{exchange} lists no {kind} markets there, and so not {symbol}" in str(error)
    assert "is it ETH/USDT:USDT" in str(error)


def test_the_native_source_names_the_nearest_symbol_that_it_serves() -> None:
    with pytest.raises(FinalError, match=r"Is it BTC/USDT:USDT\?"):
        SOURCES["native"]("okx", "BTC/USDT:BTC-260925-50000-C", ("quote",))


@pytest.mark.parametrize("kind", ["ccxt", "native"])
def test_a_text_of_no_symbols_form_is_final_while_the_exchange_is_away(kind: str) -> None:
    async def run(symbol: str) -> FeeddError:
        source = SOURCES[kind]("binanceusdm", symbol, ("quote",), endpoint="http://127.0.0.1:9")
        with pytest.raises(FeeddError) as caught:
            await source.prepare()
        await source.close()
        return caught.value

    error = asyncio.run(run("BTCUSDT"))
    assert isinstance(error, UnknownSymbolError)
    assert "is it BTC/USDT:USDT?" in str(error)
    assert isinstance(asyncio.run(run("BTC/USDT:USDT")), SourceError)
