"""Entries of an exchange's list: doubles, odd ones, and those that are not traded."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from feedd.errors import SourceError, UnknownSymbolError
from feedd.sources.listing import by_symbol, doubles, entry_of, not_traded, unreadable
from feedd.venues.binance import listing

BTC: dict[str, Any] = {
    "symbol": "BTCUSDT", "contractType": "PERPETUAL", "deliveryDate": listing.NO_DELIVERY_MS,
    "baseAsset": "BTC", "quoteAsset": "USDT", "marginAsset": "USDT", "status": "TRADING",
}  # fmt: skip
ODD: list[Any] = [
    {**BTC, "symbol": "XUSDT", "baseAsset": None},
    {**BTC, "symbol": "XUSDT", "quoteAsset": None},
    {key: value for key, value in BTC.items() if key != "baseAsset"} | {"symbol": "XUSDT"},
    {**BTC, "symbol": "XUSDT", "baseAsset": ["X"]},
    {**BTC, "symbol": "XUSDT", "marginAsset": {"a": 1}},
    {**BTC, "symbol": "XUSDT_27", "contractType": "NEW", "deliveryDate": "soon"},
    {**BTC, "symbol": "XUSDT_27", "contractType": "NEW", "deliveryDate": 10**30},
    {**BTC, "symbol": None},
    "XUSDT", None, 7, [], {},
]  # fmt: skip


def listed(*entries: Any) -> dict[str, dict[str, Any]]:
    return by_symbol(listing.markets(msgspec.json.encode({"symbols": entries})))


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("first", [True, False])
def test_an_odd_entry_harms_no_other_symbol(odd: Any, first: bool) -> None:
    markets = listed(*((odd, BTC) if first else (BTC, odd)))
    assert entry_of("x", "BTC/USDT:USDT", markets)["id"] == "BTCUSDT"


def test_an_odd_entry_of_the_symbol_itself_is_named_with_its_fault() -> None:
    markets = listed({**BTC, "baseAsset": None}, {**BTC, "symbol": "ETHUSDT", "baseAsset": "ETH"})
    with pytest.raises(SourceError, match=r"^x lists BTCUSDT in a form .*: .*baseAsset"):
        entry_of("x", "BTC/USDT:USDT", markets)
    with pytest.raises(UnknownSymbolError, match="among its 1 markets"):
        entry_of("x", "BTC/USDC:USDC", markets)


@pytest.mark.parametrize(
    ("entry", "symbol"),
    [
        ({"deliveryDate": None}, "BTC/USDT:USDT"),
        ({"deliveryDate": "soon"}, "BTC/USDT:USDT"),
        ({"marginAsset": None}, "BTC/USDT:USDT"),
        ({"baseAsset": 1000}, "1000/USDT:USDT"),
        ({"contractType": "NEW_KIND", "deliveryDate": None}, "BTC/USDT:USDT"),
        ({"contractType": "", "deliveryDate": 1_700_000_000_000}, "BTC/USDT:USDT"),
        ({"baseAsset": "币安人生", "symbol": "币安人生USDT"}, "币安人生/USDT:USDT"),
        ({"filters": None, "underlyingType": 5, "status": None}, "BTC/USDT:USDT"),
    ],
)
def test_an_entry_is_read_as_long_as_its_name_is_certain(entry: Any, symbol: str) -> None:
    assert list(listed({**BTC, **entry})) == [symbol]


@pytest.mark.parametrize("settled_first", [True, False])
def test_of_two_entries_with_one_symbol_the_traded_one_wins(settled_first: bool) -> None:
    settled = {**BTC, "symbol": "BTCUSDT_SETTLED", "status": "CLOSE"}
    entries = (settled, BTC) if settled_first else (BTC, settled)
    market = entry_of("x", "BTC/USDT:USDT", listed(*entries))
    assert (market["id"], not_traded(market)) == ("BTCUSDT", None)
    assert doubles("BTC/USDT:USDT", market) == (
        "BTC/USDT:USDT is listed 2 times: BTCUSDT is used, not BTCUSDT_SETTLED"
    )
    both_closed = [{**one, "status": "SETTLING"} for one in entries]
    market = entry_of("x", "BTC/USDT:USDT", listed(*both_closed))
    assert (market["id"], not_traded(market)) == ("BTCUSDT", "SETTLING")


@pytest.mark.parametrize("first", [True, False])
def test_of_a_repeated_entry_the_traded_one_counts_and_there_is_no_double(first: bool) -> None:
    settling = {**BTC, "status": "SETTLING"}
    markets = listed(*((BTC, settling) if first else (settling, BTC)))
    market = entry_of("x", "BTC/USDT:USDT", markets)
    assert (not_traded(market), doubles("BTC/USDT:USDT", market)) == (None, None)


@pytest.mark.parametrize("asset", ["", True, None, 1.5, ["X"]])
@pytest.mark.parametrize("key", ["baseAsset", "quoteAsset"])
def test_an_asset_without_a_name_is_a_fault_in_both_sources(key: str, asset: Any) -> None:
    odd = {**BTC, key: asset}
    assert listing.entry_fault(odd) == f"{key} is {asset!r}"
    (market,) = listing.markets(msgspec.json.encode({"symbols": [odd]}))
    assert market["symbol"] is None
    assert "Asset" in market["unreadable"]


def test_a_market_that_is_not_traded_is_named_with_the_exchanges_own_word() -> None:
    for word in ("PENDING_TRADING", "PRE_DELIVERING", "SETTLING", "CLOSE", "BREAK", "HALT"):
        market = entry_of("x", "BTC/USDT:USDT", listed({**BTC, "status": word}))
        assert not_traded(market) == word
    assert listing.entry_status({"contractStatus": "PRE_SETTLE"}) == "PRE_SETTLE"  # of COIN-M
    assert not_traded({"active": False, "status": None}) == "inactive"
    assert not_traded({"active": None}) is None
    assert not_traded({"active": True, "status": "Trading"}) is None


def test_a_list_of_unreadable_entries_is_no_list() -> None:
    with pytest.raises(SourceError, match="listed no markets at all"):
        entry_of("x", "BTC/USDT:USDT", by_symbol([unreadable("A", "why"), None]))
