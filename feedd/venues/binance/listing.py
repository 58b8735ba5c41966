"""What Binance lists: its `exchangeInfo`, and ccxt's names of the markets in it."""

from __future__ import annotations

import time

import msgspec

CODES = {"XBT": "BTC", "BCHSV": "BSV", "YOYO": "YOYOW"}  # ids of assets that mean another code
NO_DELIVERY_MS = 4_133_404_800_000  # of contracts that are perpetual by another name
VERSION = "native 1"  # of what is kept of a market


class Entry(msgspec.Struct, rename="camel"):
    """One market, as far as it matters here; spot's have no contract's fields.

    ::

        {"symbol":"BTCUSDT","contractType":"PERPETUAL","deliveryDate":4133404800000,
         "baseAsset":"BTC","quoteAsset":"USDT","marginAsset":"USDT"}
    """

    symbol: str
    base_asset: str
    quote_asset: str
    margin_asset: str = ""
    contract_type: str | None = None
    delivery_date: int = 0


class _Info(msgspec.Struct):
    symbols: list[Entry]


_decode = msgspec.json.Decoder(_Info).decode


def markets(body: bytes) -> list[dict[str, str]]:
    """Return `symbol` and `id` of each market of an answer; raise ValueError for another one."""
    return [{"symbol": unified(entry), "id": entry.symbol} for entry in _decode(body).symbols]


def unified(entry: Entry) -> str:
    """Return ccxt's name of a market: `BTC/USDT`, `BTC/USDT:USDT`, `BTC/USDT:USDT-260327`."""
    base, quote = _code(entry.base_asset), _code(entry.quote_asset)
    if entry.contract_type is None:
        return f"{base}/{quote}"
    symbol = f"{base}/{quote}:{_code(entry.margin_asset)}"
    if entry.contract_type == "PERPETUAL" or entry.delivery_date == NO_DELIVERY_MS:
        return symbol
    return symbol + time.strftime("-%y%m%d", time.gmtime(entry.delivery_date / 1000))


def _code(asset: str) -> str:
    return CODES.get(asset.upper(), asset.upper())
