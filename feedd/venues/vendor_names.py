"""Names of exchanges in the files of data vendors and recorders, as ccxt's names.

https://docs.tardis.dev/api/instruments-metadata-api and cryptofeed's `defines.py`. A name of a
vendor may cover one type of market of an exchange.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from feedd.venues.market_type import MarketType


class VendorName(NamedTuple):
    """ccxt's exchange, and the type of its markets where the vendor's name fixes it."""

    exchange: str
    of: MarketType | None = None


TARDIS = {
    "binance": VendorName("binance", "spot"),
    "binance-futures": VendorName("binanceusdm", "linear"),
    "binance-delivery": VendorName("binancecoinm", "inverse"),
    "binance-us": VendorName("binanceus", "spot"),
    "bybit": VendorName("bybit"),
    "bybit-spot": VendorName("bybit", "spot"),
    "okex": VendorName("okx", "spot"),
    "okex-futures": VendorName("okx"),
    "okex-swap": VendorName("okx"),
    "bitmex": VendorName("bitmex"),
    "deribit": VendorName("deribit"),
    "bitfinex": VendorName("bitfinex", "spot"),
    "bitfinex-derivatives": VendorName("bitfinex"),
    "bitflyer": VendorName("bitflyer"),
    "bitget": VendorName("bitget", "spot"),
    "bitget-futures": VendorName("bitget"),
    "bitstamp": VendorName("bitstamp", "spot"),
    "coinbase": VendorName("coinbaseexchange", "spot"),
    "coinbase-international": VendorName("coinbaseinternational"),
    "crypto-com": VendorName("cryptocom"),
    "cryptofacilities": VendorName("krakenfutures"),
    "kraken": VendorName("kraken", "spot"),
    "delta": VendorName("delta"),
    "gate-io": VendorName("gate", "spot"),
    "gate-io-futures": VendorName("gate"),
    "gemini": VendorName("gemini", "spot"),
    "huobi": VendorName("htx", "spot"),
    "huobi-dm": VendorName("htx", "inverse"),
    "huobi-dm-swap": VendorName("htx", "inverse"),
    "huobi-dm-linear-swap": VendorName("htx", "linear"),
    "hyperliquid": VendorName("hyperliquid"),
    "kucoin": VendorName("kucoin", "spot"),
    "kucoin-futures": VendorName("kucoinfutures"),
    "phemex": VendorName("phemex"),
    "poloniex": VendorName("poloniex", "spot"),
    "upbit": VendorName("upbit", "spot"),
    "woo-x": VendorName("woo"),
}

CRYPTOFEED = {
    "BINANCE": "binance", "BINANCE_FUTURES": "binanceusdm", "BINANCE_DELIVERY": "binancecoinm",
    "BINANCE_US": "binanceus", "BYBIT": "bybit", "OKX": "okx", "OKEX": "okx", "KRAKEN": "kraken",
    "KRAKEN_FUTURES": "krakenfutures", "COINBASE": "coinbase", "BITFINEX": "bitfinex",
    "BITMEX": "bitmex", "BITSTAMP": "bitstamp", "BITGET": "bitget", "CRYPTO.COM": "cryptocom",
    "DERIBIT": "deribit", "GATEIO": "gate", "GATEIO_FUTURES": "gate", "HUOBI": "htx",
    "HUOBI_SWAP": "htx", "HUOBI_DM": "htx", "KUCOIN": "kucoin", "GEMINI": "gemini",
    "POLONIEX": "poloniex", "PHEMEX": "phemex", "UPBIT": "upbit", "DYDX": "dydx",
}  # fmt: skip


def cryptofeed_symbol(text: str) -> str | None:
    """Return the unified symbol of BTC-USDT or BTC-USDT-PERP, or None for another text."""
    base, _, rest = text.partition("-")
    quote, _, kind = rest.partition("-")
    if not base.isalnum() or not quote.isalnum() or kind not in {"", "PERP"}:
        return None
    if not kind:
        return f"{base}/{quote}"
    return f"{base}/{quote}:{base if quote == 'USD' else quote}"
