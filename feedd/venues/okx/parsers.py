"""Pure parsers for OKX's raw messages.

Sizes and volumes of contracts are numbers of contracts, as the venue sends them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from feedd.model import Candle, Liquidation, Mark
from feedd.numbers import integer, number
from feedd.venues import ticks
from feedd.venues.ccxt_request import CcxtRequest

if TYPE_CHECKING:
    from feedd.model import BackfilledTrade, Quote, Ticker, Trade
    from feedd.venues.market_type import MarketType

TRADES_PER_PAGE = 100  # the most that a page returns
BY_TRADE_ID = "1"  # how the page of trades counts
AGGREGATED_AT_MOST = 10_000  # matches in one trade; more is no count
NO_LEVEL = (None, None)


def tickers(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Ticker]:
    """Return the 24 h summary of `tickers`.

    https://www.okx.com/docs-v5/en/#order-book-trading-market-data-ws-tickers-channel::

        {"arg":{"channel":"tickers","instId":"BTC-USDT"},"data":[{"instType":"SPOT",
         "instId":"BTC-USDT","last":"30236","lastSz":"0.0002","askPx":"30228.7",
         "askSz":"1.55896972","bidPx":"30228.6","bidSz":"0.23393","open24h":"29700.4",
         "high24h":"31073","low24h":"28020.3","sodUtc0":"29028.8","sodUtc8":"30337.7",
         "volCcy24h":"525802090.62716611","vol24h":"17602.13085371","ts":"1652459224956"}]}

    A market without trades or orders has empty texts.
    """
    return [
        ticks.ticker(
            exchange,
            symbol,
            received_ns,
            timestamp=integer(data["ts"]),
            last=data["last"],
            volume=data["vol24h"],
            high=data["high24h"],
            low=data["low24h"],
            change_percent=ticks.change_percent(data["open24h"], data["last"]),
            bid=data["bidPx"],
            ask=data["askPx"],
        )
        for data in message["data"]
    ]


def quotes(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Quote]:
    """Return the best levels of `bbo-tbt`; a side without orders is empty.

    https://www.okx.com/docs-v5/en/#order-book-trading-market-data-ws-order-book-channel::

        {"arg":{"channel":"bbo-tbt","instId":"BTC-USDT"},"data":[{
         "asks":[["111.06","55154","0","2"]],"bids":[["111.05","57745","0","2"]],
         "ts":"1670324386802","seqId":363996337}]}

    Without a change for 60 s, the last one is sent again.
    """
    found = []
    for data in message["data"]:
        bids, asks = data["bids"], data["asks"]
        bid, ask = bids[0] if bids else NO_LEVEL, asks[0] if asks else NO_LEVEL
        quote = ticks.quote(
            exchange,
            symbol,
            received_ns,
            id=integer(data["seqId"]) if "seqId" in data else None,
            timestamp=integer(data["ts"]),
            bid=bid[0],
            bid_size=bid[1],
            ask=ask[0],
            ask_size=ask[1],
        )
        found.append(quote)
    return found


def trades(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[tuple[int, Trade | None]]:
    """Return the trades of `trades`, each behind the ids of those that it aggregates.

    https://www.okx.com/docs-v5/en/#order-book-trading-market-data-ws-trades-channel::

        {"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT",
         "tradeId":"130639474","px":"42219.9","sz":"0.12060306","side":"buy",
         "ts":"1630048897897","count":"3","source":"0","seqId":1234}]}

    "The message is sent only once per taker order, per filled price. The count field is used to
    represent the number of aggregated matches." `tradeId` is the last of them, `side` the taker's.
    """
    found: list[tuple[int, Trade | None]] = []
    for row in message["data"]:
        last = integer(row["tradeId"])
        if (count := integer(row.get("count", 1))) != 1:
            if not 0 < count <= AGGREGATED_AT_MOST:
                raise ValueError(f"trade {last} aggregates {count}")
            found += [(earlier, None) for earlier in range(last - count + 1, last)]
        found.append((last, _trade(row, last, exchange, symbol, received_ns)))
    return found


def trades_request(
    _of: MarketType, market_id: str, from_id: int, _with_key: bool
) -> CcxtRequest:  # fmt: skip
    """Return the request for missed trades, from an id on.

    https://www.okx.com/docs-v5/en/#order-book-trading-market-data-get-trades-history: `after` is
    the id that follows the newest one to be returned.
    """
    query = {
        "instId": market_id, "type": BY_TRADE_ID, "after": str(from_id + TRADES_PER_PAGE),
        "limit": str(TRADES_PER_PAGE),
    }  # fmt: skip
    return CcxtRequest("publicGetMarketHistoryTrades", query)


def rest_trade_with_id(
    row: dict[str, Any], exchange: str, symbol: str, now_ns: int
) -> tuple[int, BackfilledTrade | None]:
    """Return the id and the trade of a row of the page.

    ::

        {"code":"0","msg":"","data":[{"instId":"BTC-USDT","side":"sell","sz":"0.00001",
         "source":"0","px":"29963.2","tradeId":"242720720","ts":"1654161646974"}]}
    """
    trade_id = integer(row["tradeId"])
    return trade_id, ticks.backfilled(_trade(row, trade_id, exchange, symbol, now_ns))


def candles(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, timeframe: str
) -> list[Candle]:
    """Return the candles of `candle<interval>`, oldest first.

    https://www.okx.com/docs-v5/en/#order-book-trading-market-data-ws-candlesticks-channel::

        {"arg":{"channel":"candle1m","instId":"BTC-USDT"},"data":[["1597026383085","8533.02",
         "8553.74","8527.17","8548.26","45247","529.5858061","5529.5858061","0"]]}

    A row has the open time, open, high, low, close, the volume (of contracts their number), two
    volumes in currencies, and "1" where the candle is closed.
    """
    found = [
        Candle(
            symbol=symbol,
            timestamp=None,
            timeframe=timeframe,
            open_time=integer(row[0]),
            open=number(row[1]),
            high=number(row[2]),
            low=number(row[3]),
            close=number(row[4]),
            volume=number(row[5]),
            closed={"0": False, "1": True}[row[8]],
            exchange=exchange,
            received_ns=received_ns,
        )
        for row in message["data"]
    ]
    return sorted(found, key=lambda candle: candle.open_time)


def marks(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Mark]:
    """Return the mark price of `mark-price`, which has neither index price nor funding.

    https://www.okx.com/docs-v5/en/#public-data-websocket-mark-price-channel::

        {"arg":{"channel":"mark-price","instId":"LTC-USD-190628"},"data":[{"instType":"FUTURES",
         "instId":"LTC-USD-190628","markPx":"0.1","ts":"1597026383085"}]}
    """
    return [
        Mark(
            symbol=symbol,
            timestamp=integer(data["ts"]),
            mark_price=number(data["markPx"]),
            index_price=None,
            funding_rate=None,
            next_funding=None,
            exchange=exchange,
            received_ns=received_ns,
        )
        for data in message["data"]
    ]


def liquidations(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Liquidation]:
    """Return the liquidations of one market; `side` is the order's, `bkPx` its bankruptcy price.

    https://www.okx.com/docs-v5/en/#public-data-websocket-liquidation-orders-channel::

        {"arg":{"channel":"liquidation-orders","instType":"SWAP"},"data":[{"details":[{
         "bkLoss":"0","bkPx":"0.007831","ccy":"","posSide":"short","side":"buy","sz":"13",
         "ts":"1692266434010"}],"instFamily":"IOST-USDT","instId":"IOST-USDT-SWAP",
         "instType":"SWAP","uly":"IOST-USDT"}]}
    """
    return [
        Liquidation(
            symbol=symbol,
            timestamp=integer(one["ts"]),
            side=ticks.side(one["side"]),
            price=number(one["bkPx"]),
            size=number(one["sz"]),
            exchange=exchange,
            received_ns=received_ns,
        )
        for data in message["data"]
        for one in data["details"]
    ]


def liquidations_of(message: dict[str, Any], market_id: str) -> dict[str, Any] | None:
    """Return the part of a `liquidation-orders` message that is of one market, or None.

    The channel is of all contracts of a type.
    """
    data = [one for one in message["data"] if one["instId"] == market_id]
    return {**message, "data": data} if data else None


def _trade(
    row: dict[str, Any], trade_id: int, exchange: str, symbol: str, received_ns: int
) -> Trade:  # fmt: skip
    return ticks.trade(
        exchange,
        symbol,
        received_ns,
        id=trade_id,
        timestamp=integer(row["ts"]),
        price_=row["px"],
        size_=row["sz"],
        taker=ticks.side(row["side"]),
    )
