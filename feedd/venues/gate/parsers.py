"""Pure parsers for Gate's raw messages from which ccxt drops data.

https://www.gate.com/docs/developers/apiv4/ws/en/, https://www.gate.com/docs/developers/futures/ws/en/
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from feedd.numbers import exchange_id, integer, number, plain_text
from feedd.venues import ticks
from feedd.venues.ccxt_request import CcxtRequest
from feedd.venues.gate.book import futures_request

if TYPE_CHECKING:
    from feedd.model import BackfilledTrade, Quote, Ticker, Trade
    from feedd.venues.market_type import MarketType

PAGE = 1000  # trades, the most that a page has
_SECONDS_BELOW = 100_000_000_000  # a time below is in s: in ms, it would be of 1973


def spot_trades(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[tuple[int | None, Trade | None]]:
    """Return the trade of `spot.trades`, with its number in the market.

    ::

        {"time":1606292218,"time_ms":1606292218231,"channel":"spot.trades","event":"update",
         "result":{"id":309143071,"id_market":2390902,"create_time":1606292218,
         "create_time_ms":"1606292218213.4578","side":"sell","currency_pair":"GT_USDT",
         "amount":"16.4700000000","price":"0.4705000000","range":"2390902-2390902"}}

    `id` counts the trades of all markets, `id_market` those of this one: it is continuous. `range`
    is of the numbers that one message stands for. `side` is the taker's.
    """
    numbered: list[tuple[int | None, Trade | None]] = []
    for row in _rows(message["result"]):
        own = row.get("id_market")
        trade = _spot_trade(row, exchange, symbol, received_ns)
        if own is None:
            numbered.append((None, trade))
            continue
        first, last = _numbers(row.get("range"), integer(own))
        numbered += [(number, None) for number in range(first, last)]
        numbered.append((last, trade))
    return numbered


def spot_rest_trade(
    row: dict[str, Any], exchange: str, symbol: str, received_ns: int
) -> tuple[int, BackfilledTrade]:
    """Return a trade of GET /spot/trades, with its number in the market, `sequence_id`.

    https://www.gate.com/docs/developers/apiv4/en/#query-market-transaction-records::

        {"id":"309143071","create_time":"1606292218","create_time_ms":"1606292218213.4578",
         "currency_pair":"GT_USDT","side":"sell","amount":"16.47","price":"0.4705",
         "sequence_id":"11200"}
    """
    trade = _spot_trade(row, exchange, symbol, received_ns)
    return integer(row["sequence_id"]), ticks.backfilled(trade)


def trades_request(
    market_type: MarketType, market_id: str, _first: int, _with_key: bool
) -> CcxtRequest:
    """Return the request for the newest trades: a page can't begin with a number."""
    if market_type == "spot":
        return CcxtRequest("publicSpotGetTrades", {"currency_pair": market_id, "limit": PAGE})
    return futures_request(market_type, market_id, "Trades", {"limit": PAGE})


def futures_trades(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[tuple[int, Trade]]:
    """Return the trades of `futures.trades`, oldest first, with their ids.

    ::

        {"time":1541503698,"time_ms":1541503698123,"channel":"futures.trades","event":"update",
         "result":[{"size":-108,"id":27753479,"create_time":1545136464,
         "create_time_ms":1545136464123,"price":"96.4","contract":"BTC_USD","is_internal":true}]}

    The size is in contracts; below 0, the taker sold. `is_internal` marks a liquidation taken over
    by the insurance fund or by auto-deleveraging. Ids count the trades of one contract: the list of
    contracts has the last one of each in `trade_id`.
    """
    rows = sorted(_rows(message["result"]), key=lambda row: integer(row["id"]))
    return [
        (integer(row["id"]), _futures_trade(row, exchange, symbol, received_ns)) for row in rows
    ]


def futures_rest_trade(
    row: dict[str, Any], exchange: str, symbol: str, received_ns: int
) -> tuple[int, BackfilledTrade]:
    """Return a trade of GET /futures/usdt/trades, where `create_time_ms` is in s.

    https://www.gate.com/docs/developers/apiv4/en/#futures-trading-history::

        {"id":842236400,"contract":"BTC_USDT","create_time":1790359375.258,
         "create_time_ms":1790359375.258,"size":9,"price":"83775.5"}
    """
    trade = _futures_trade(row, exchange, symbol, received_ns)
    return integer(row["id"]), ticks.backfilled(trade)


def tickers(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Ticker]:
    """Return the ticker of `spot.tickers` or `futures.tickers`, with the time of its message.

    ::

        {"time":1669107766,"time_ms":1669107766406,"channel":"spot.tickers","event":"update",
         "result":{"currency_pair":"BTC_USDT","last":"15743.4","lowest_ask":"15744.4",
         "highest_bid":"15743.5","change_percentage":"-1.8254","base_volume":"9110.473081735",
         "quote_volume":"145082083.2535","high_24h":"16280.9","low_24h":"15468.5"}}
        {"time":1541659086,"time_ms":1541659086123,"channel":"futures.tickers","event":"update",
         "result":[{"contract":"BTC_USD","last":"118.4","change_percentage":"0.77",
         "volume_24h":"745487577","volume_24h_base":"5526","low_24h":"99.2","high_24h":"132.5"}]}

    Futures have no bid and ask here. `volume` is in base currency in both; without a trade in 24 h
    it may be `nan`.
    """
    sent_ms = message.get("time_ms")
    timestamp = integer(sent_ms) if sent_ms else integer(message["time"]) * 1000
    found = []
    for row in _rows(message["result"]):
        change = row.get("change_percentage")
        volume = row["base_volume"] if "base_volume" in row else row["volume_24h_base"]
        ticker = ticks.ticker(
            exchange, symbol, received_ns, timestamp=timestamp, last=row["last"],
            volume="0" if volume == "nan" else volume,
            high=row["high_24h"], low=row["low_24h"],
            change_percent=ticks.some_number(change),
            bid=row.get("highest_bid"), ask=row.get("lowest_ask"),
        )  # fmt: skip
        found.append(ticker)
    return found


def quotes(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Quote]:
    """Return the quote of `spot.book_ticker` or `futures.book_ticker`; `u` is the book's id.

    ::

        {"time":1684930165,"time_ms":1684930165631,"channel":"futures.book_ticker",
         "event":"update","result":{"t":1684930165621,"u":6159967,"s":"PHB_USDT","b":"0.7379",
         "B":814,"a":"0.739","A":677}}

    An empty side has the price "" and the size 0. Sizes of futures are contracts.
    """
    row = message["result"]
    quote = ticks.quote(
        exchange, symbol, received_ns, id=integer(row["u"]), timestamp=integer(row["t"]),
        bid=row["b"], bid_size=row["B"], ask=row["a"], ask_size=row["A"],
    )  # fmt: skip
    return [quote]


def _spot_trade(row: dict[str, Any], exchange: str, symbol: str, received_ns: int) -> Trade:
    return ticks.trade(
        exchange, symbol, received_ns, id=exchange_id(row["id"]), timestamp=_created_ms(row),
        price_=row["price"], size_=row["amount"], taker=ticks.side(row["side"]),
    )  # fmt: skip


def _futures_trade(row: dict[str, Any], exchange: str, symbol: str, received_ns: int) -> Trade:
    size = number(row["size"])
    return ticks.trade(
        exchange, symbol, received_ns, id=integer(row["id"]), timestamp=_created_ms(row),
        price_=row["price"], size_=abs(size), taker="sell" if size < 0 else "buy",
    )  # fmt: skip


def _numbers(text: Any, own: int) -> tuple[int, int]:
    """Return the first and the last number of a message's range, which holds its own."""
    if not text:
        return own, own
    begins, _, ends = str(text).partition("-")
    first, last = integer(begins), integer(ends)
    if not first <= own <= last <= first + PAGE:
        raise ValueError(f"trade {own} is not in its range {text}")
    return first, last


def _created_ms(row: dict[str, Any]) -> int:
    """Return when a trade was made, in ms: `create_time_ms` may have decimals, or be in s."""
    raw = row.get("create_time_ms") or row["create_time"]
    value = Decimal(plain_text(str(raw)))
    return int(value * 1000 if value < _SECONDS_BELOW else value)


def _rows(result: Any) -> list[dict[str, Any]]:
    return result if isinstance(result, list) else [result]
