"""The channels that ccxt serves, and the meaning of its liquidations."""

from feedd.sources.ccxt.converters import to_liquidation
from feedd.sources.ccxt.exchange_class import lacking


def test_a_liquidations_side_is_the_orders_on_every_exchange() -> None:
    parsed = {"price": 50000.0, "contracts": 0.1, "side": "sell", "timestamp": 7}
    assert to_liquidation(parsed, "binanceusdm", "S", 5).side == "sell"
    assert to_liquidation(parsed, "bybit", "S", 5, names_position=True).side == "buy"


def test_a_spot_market_has_no_mark_and_no_liquidation() -> None:
    has = {"watchTicker": True, "watchMarkPrice": True, "watchLiquidations": True}
    assert lacking(has, "BTC/USDT", ("ticker", "mark")) == ("mark", ["ticker"])
    assert lacking(has, "BTC/USDT:USDT", ("mark",))[0] == ""
