"""Pure parsers for KuCoin's raw messages from which ccxt drops data.

https://www.kucoin.com/docs-new/websocket-api/base-info/introduction. Numbers are texts on spot and
either on futures, whose sizes are contracts.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from feedd.numbers import exchange_id, integer, plain_text
from feedd.venues import ticks

if TYPE_CHECKING:
    from feedd.model import Quote, Ticker, Trade

NS_PER_MS = 1_000_000


def trades(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Trade]:
    """Return the trade of `/market/match` or `/contractMarket/execution`; `side` is the taker's.

    https://www.kucoin.com/docs-new/3470072w0, https://www.kucoin.com/docs-new/3470084w0::

        {"topic":"/market/match:BTC-USDT","type":"message","subject":"trade.l3match",
         "data":{"makerOrderId":"671b5007389355000701b1d3","price":"67523","sequence":"11067996711",
         "side":"buy","size":"0.003","symbol":"BTC-USDT","takerOrderId":"671b50161777ff00074c168d",
         "time":"1729843222921000000","tradeId":"11067996711960577","type":"match"}}
        {"topic":"/contractMarket/execution:XBTUSDTM","type":"message","subject":"match",
         "sn":1794100537695,"data":{"symbol":"XBTUSDTM","sequence":1794100537695,"side":"buy",
         "size":2,"price":"90503.9","takerOrderId":"247822202957807616",
         "makerOrderId":"247822167163555840","tradeId":"1794100537695","ts":1731898619520000000}}

    The sequence is shared with the book's updates: it has no place for a trade that is missing.
    """
    row = message["data"]
    made_ns = row["time"] if "time" in row else row["ts"]
    trade = ticks.trade(
        exchange, symbol, received_ns, id=exchange_id(row["tradeId"]),
        timestamp=integer(made_ns) // NS_PER_MS, price_=row["price"], size_=row["size"],
        taker=ticks.side(row["side"]),
    )  # fmt: skip
    return [trade]


def spot_tickers(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Ticker]:
    """Return the ticker of `/market/snapshot`, whose change is a fraction.

    https://www.kucoin.com/docs-new/3470063w0::

        {"topic":"/market/snapshot:KCS-BTC","type":"message","subject":"trade.snapshot",
         "data":{"sequence":"1545896669291","data":{"symbol":"KCS-BTC","buy":0.00011,
         "sell":0.00012,"datetime":1548388122031,"high":0.00013,"vol":27514.34842,"low":0.0001,
         "changePrice":-1.0e-5,"changeRate":-0.0769,"lastTradedPrice":0.00012}}}

    `/market/ticker` is read too, which has neither change, volume, high nor low::

        {"topic":"/market/ticker:BTC-USDT","type":"message","subject":"trade.ticker",
         "data":{"bestAsk":"62163","bestAskSize":"0.99011388","bestBid":"62162.9",
         "bestBidSize":"0.04794181","price":"62162.9","sequence":"1621383371852",
         "size":"0.00832274","time":1634641987564}}
    """
    data = message["data"]
    row = data.get("data")
    if row is None:
        ticker = ticks.ticker(
            exchange, symbol, received_ns, timestamp=integer(data["time"]), last=data["price"],
            volume=None, high=None, low=None, change_percent=None, bid=data["bestBid"],
            ask=data["bestAsk"],
        )  # fmt: skip
    else:
        ticker = ticks.ticker(
            exchange, symbol, received_ns, timestamp=integer(row["datetime"]),
            last=row["lastTradedPrice"], volume=row["vol"], high=row["high"], low=row["low"],
            change_percent=_percent(row["changeRate"]), bid=row["buy"], ask=row["sell"],
        )  # fmt: skip
    return [ticker]


def futures_tickers(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Ticker]:
    """Return the ticker of `/contractMarket/ticker`: the last trade, and the best bid and ask.

    https://www.kucoin.com/docs-new/3470081w0::

        {"topic":"/contractMarket/ticker:XBTUSDTM","type":"message","subject":"ticker",
         "sn":1719834000000,"data":{"symbol":"XBTUSDTM","sequence":1719834000000,"side":"sell",
         "size":2,"price":"90503.9","bestBidSize":795,"bestBidPrice":"90503.8",
         "bestAskPrice":"90503.9","tradeId":"1719834000000","bestAskSize":284,
         "ts":1731898619520000000}}
    """
    row = message["data"]
    ticker = ticks.ticker(
        exchange, symbol, received_ns, timestamp=integer(row["ts"]) // NS_PER_MS,
        last=row["price"], volume=None, high=None, low=None, change_percent=None,
        bid=row["bestBidPrice"], ask=row["bestAskPrice"],
    )  # fmt: skip
    return [ticker]


def spot_quotes(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Quote]:
    """Return the quote of `/spotMarket/level1`, which has no id; an empty side is an empty list.

    https://www.kucoin.com/docs-new/3470067w0::

        {"topic":"/spotMarket/level1:BTC-USDT","type":"message","subject":"level1",
         "data":{"asks":["68145.8","0.51987471"],"bids":["68145.7","1.29267802"],
         "timestamp":1729816058766}}
    """
    data = message["data"]
    bid, bid_size = data["bids"] or (None, None)
    ask, ask_size = data["asks"] or (None, None)
    quote = ticks.quote(
        exchange, symbol, received_ns, id=None, timestamp=integer(data["timestamp"]), bid=bid,
        bid_size=bid_size, ask=ask, ask_size=ask_size,
    )  # fmt: skip
    return [quote]


def futures_quotes(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Quote]:
    """Return the quote of `/contractMarket/tickerV2`.

    https://www.kucoin.com/docs-new/3470080w0::

        {"topic":"/contractMarket/tickerV2:XBTUSDTM","type":"message","subject":"tickerV2",
         "sn":1719834000000,"data":{"symbol":"XBTUSDTM","sequence":1719834000000,
         "bestBidSize":713,"bestBidPrice":"90503.8","bestAskPrice":"90503.9","bestAskSize":2339,
         "ts":1731898619520000000}}
    """
    row = message["data"]
    number = row.get("sequence")
    quote = ticks.quote(
        exchange, symbol, received_ns, id=None if number is None else integer(number),
        timestamp=integer(row["ts"]) // NS_PER_MS, bid=row["bestBidPrice"],
        bid_size=row["bestBidSize"], ask=row["bestAskPrice"], ask_size=row["bestAskSize"],
    )  # fmt: skip
    return [quote]


def _percent(fraction: Any) -> float | None:
    """Return a fraction in percent, exactly as it is written."""
    return None if fraction is None else float(Decimal(plain_text(str(fraction))) * 100)
