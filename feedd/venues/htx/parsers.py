"""Pure parsers for HTX's raw messages from which ccxt drops data.

Numbers are JSON numbers. The messages are those of ccxt's pages:
https://www.htx.com/en-us/opend/newApiPages/?id=7ec53b69-7773-11ed-9966-0242ac110003 (trades),
https://www.htx.com/en-us/opend/newApiPages/?id=7ec53561-7773-11ed-9966-0242ac110003 (tickers)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from feedd.numbers import integer
from feedd.venues import ticks
from feedd.venues.ccxt_request import CcxtRequest

if TYPE_CHECKING:
    from feedd.model import BackfilledTrade, Ticker, Trade
    from feedd.venues.market_type import MarketType

PAGE = 2000  # trades, the most that a page has


def spot_trades(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[tuple[int | None, Trade]]:
    """Return the trades of `market.<id>.trade.detail`, oldest first, each with its `tradeId`.

    ::

        {"ch":"market.dogeeth.trade.detail","ts":1618678069359,"tick":{"id":100532865385,
         "ts":1618678069358,"data":[{"id":100532865385255757382218709,"ts":1618678069358,
         "tradeId":100021936693,"amount":182.06,"price":1.1522E-4,"direction":"buy"}]}}

    The newest is first there. `tradeId` counts the trades of one market: in the recording of
    2021-04-17 each of 63 follows the one before. `id` has up to 27 digits and skips numbers.
    `direction` is the taker's.
    """
    trades: list[tuple[int | None, Trade]] = []
    for row in reversed(message["tick"]["data"]):
        number = row.get("tradeId")  # a message of before 2020 lacks it
        trade_id = row["id"] if number is None else number
        trade = _trade(row, trade_id, exchange, symbol, received_ns)
        trades.append((None if number is None else integer(number), trade))
    return sorted(trades, key=lambda pair: pair[0] or 0)


def spot_rest_trade(
    row: dict[str, Any], exchange: str, symbol: str, received_ns: int
) -> tuple[int, BackfilledTrade]:
    """Return a trade of GET /market/history/trade.

    https://www.htx.com/en-us/opend/newApiPages/?id=7ec4fc6d-7773-11ed-9966-0242ac110003::

        {"id":100532865385255757382218709,"ts":1618678069358,"trade-id":100021936693,
         "amount":182.06,"price":1.1522E-4,"direction":"buy"}
    """
    trade = ticks.backfilled(_trade(row, row["trade-id"], exchange, symbol, received_ns))
    return integer(trade.id), trade


def trades_of_page(answer: Any) -> list[Any]:
    """Return the trades of a page, which are in groups: `{"status":"ok","data":[{"data":[]}]}`."""
    return [row for group in answer["data"] for row in group["data"]]


def trades_request(
    _market_type: MarketType, market_id: str, _first: int, _with_key: bool
) -> CcxtRequest:
    """Return the request for the newest trades; there are no pages of earlier ones."""
    return CcxtRequest("spotPublicGetMarketHistoryTrade", {"symbol": market_id, "size": PAGE})


def swap_trades(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Trade]:
    """Return the trades of a swap's `market.<id>.trade.detail`, oldest first.

    https://www.htx.com/en-us/opend/newApiPages/?id=28c33c21-77ae-11ed-9966-0242ac110003::

        {"ch":"market.BTC-USDT.trade.detail","ts":1603708208346,"tick":{"id":131602265,
         "ts":1603708208335,"data":[{"amount":2,"ts":1603708208335,"id":1316022650000,
         "price":13073.3,"direction":"buy","quantity":0.002,"trade_turnover":26.1466}]}}

    `amount` counts contracts. The last digits of an id are the place in the message: ids skip.
    """
    trades = [
        _trade(row, row["id"], exchange, symbol, received_ns) for row in message["tick"]["data"]
    ]
    return sorted(trades, key=lambda one: integer(one.id))


def tickers(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Ticker]:
    """Return the ticker of `market.<id>.detail`; swaps have the best bid and ask in it.

    ::

        {"ch":"market.btcusdt.detail","ts":1583494163784,"tick":{"id":209988464418,"low":8988,
         "high":9155.41,"open":9078.91,"close":9136.46,"vol":237813910.5928412,
         "amount":26184.202558551195,"version":209988464418,"count":265673}}
        {"ch":"market.BTC-USDT.detail","ts":1603707870200,"tick":{"id":1603707870,"mrid":131596447,
         "open":11760,"close":13063.3,"high":13065.1,"low":11740,"amount":84.5,"vol":84500,
         "count":36,"ask":[13084.2,131],"bid":[13084,38]}}

    The change is that from `open` to `close`. `amount` is in base currency.
    """
    tick = message["tick"]
    bid, ask = (tick.get(side) or (None,) for side in ("bid", "ask"))
    ticker = ticks.ticker(
        exchange, symbol, received_ns, timestamp=integer(message["ts"]), last=tick["close"],
        volume=tick["amount"], high=tick["high"], low=tick["low"],
        change_percent=ticks.change_percent(tick["open"], tick["close"]), bid=bid[0], ask=ask[0],
    )  # fmt: skip
    return [ticker]


def _trade(
    row: dict[str, Any], trade_id: Any, exchange: str, symbol: str, received_ns: int
) -> Trade:
    return ticks.trade(
        exchange, symbol, received_ns, id=integer(trade_id), timestamp=integer(row["ts"]),
        price_=row["price"], size_=row["amount"], taker=ticks.side(row["direction"]),
    )  # fmt: skip
