"""The messages and answers of Bybit v5. Pure: numbers in, JSON out.

https://bybit-exchange.github.io/docs/v5/websocket/public/orderbook and the pages beside it. Prices
and sizes are text; times are ms, as numbers in messages and as text in answers of REST.
"""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from feedd.embedded.engine import MARK_DECIMALS, next_funding_ms
from feedd.embedded.instruments import decimal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from feedd.embedded.engine import SymbolHistory
    from feedd.embedded.instruments import Instrument
    from feedd.embedded.integer_book import Level
    from feedd.embedded.trade_history import Candle, TradeHistory, TradeRow

FUNDING_RATE = "0.0001"
OPEN_INTEREST = 68_744  # contracts, the same for every symbol
HOUR_MS = 3_600_000
SPOT_TICKER = (
    "symbol", "lastPrice", "highPrice24h", "lowPrice24h", "prevPrice24h", "volume24h",
    "turnover24h", "price24hPcnt",
)  # fmt: skip


def book_message(
    topic: str,
    symbol: str,
    body: str,
    *,
    snapshot: bool,
    now_ms: int,
    book_ms: int,
    is_spot: bool = False,
) -> str:
    """Return an `orderbook` message; `body` is the rest of its data.

    `ts` precedes `type` on spot and on level 1, and follows it on the other levels.
    """
    kind = "snapshot" if snapshot else "delta"
    head = (
        f'"ts":{now_ms},"type":"{kind}"'
        if is_spot or topic.startswith("orderbook.1.")
        else f'"type":"{kind}","ts":{now_ms}'
    )
    return f'{{"topic":"{topic}",{head},"data":{{"s":"{symbol}",{body}}},"cts":{book_ms}}}'


def book_body(
    instrument: Instrument, bids: Sequence[Level], asks: Sequence[Level], u: int, seq: int
) -> str:
    """Return levels, and the ids of the topic (`u`) and of the exchange's orders (`seq`)."""
    price, size = instrument.price, instrument.size
    b, a = (",".join([f'["{price(p)}","{size(s)}"]' for p, s in levels]) for levels in (bids, asks))
    return f'"b":[{b}],"a":[{a}],"u":{u},"seq":{seq}'


def ticker_fields(history: SymbolHistory, now_ms: int) -> dict[str, str] | None:
    """Return the fields of `tickers` and GET tickers, or None before the first trade."""
    i, trades = history.instrument, history.trades
    day, hour_ago = trades.day(now_ms), trades.price_at(now_ms - HOUR_MS)
    if day is None or hour_ago is None:
        return None
    bid, bid_size, ask, ask_size = history.best()
    coarse = 10 ** (MARK_DECIMALS - i.price_decimals)
    mark, index = (value // coarse for value in history.mark())
    open_interest = OPEN_INTEREST * 10**i.size_decimals
    return {
        "symbol": i.id,
        "tickDirection": tick_direction(trades, -1),
        "price24hPcnt": f"{(day.close - day.open) / day.open:.6f}",
        "lastPrice": i.price(day.close),
        "prevPrice24h": i.price(day.open),
        "highPrice24h": i.price(day.high),
        "lowPrice24h": i.price(day.low),
        "prevPrice1h": i.price(hour_ago),
        "markPrice": i.price(mark),
        "indexPrice": i.price(index),
        "openInterest": i.size(open_interest),
        "openInterestValue": decimal(mark * OPEN_INTEREST, i.price_decimals),
        "turnover24h": i.turnover(day.turnover),
        "volume24h": i.size(day.volume),
        "nextFundingTime": str(next_funding_ms(now_ms)),
        "fundingRate": FUNDING_RATE,
        "bid1Price": i.price(bid),
        "bid1Size": i.size(bid_size),
        "ask1Price": i.price(ask),
        "ask1Size": i.size(ask_size),
        "fundingIntervalHour": "8",
    }


def spot_ticker(fields: dict[str, str]) -> dict[str, str]:
    """Return the fields that spot's tickers have; there is no index price."""
    return {key: fields[key] for key in SPOT_TICKER} | {"usdIndexPrice": ""}


def trade_entry(
    history: SymbolHistory, trade: TradeRow, position: int, *, is_spot: bool = False
) -> dict[str, Any]:
    """Return a trade of a `publicTrade` message; `position` is its place among the newest."""
    i = history.instrument
    if is_spot:
        return {
            "i": str(trade.id), "T": trade.time, "p": i.price(trade.price),
            "v": i.size(trade.size), "S": taker_side(trade), "seq": trade.update_id, "s": i.id,
            "BT": False, "RPI": False,
        }  # fmt: skip
    return {
        "T": trade.time, "s": i.id, "S": taker_side(trade), "v": i.size(trade.size),
        "p": i.price(trade.price), "L": tick_direction(history.trades, position),
        "i": trade_id(history, trade), "BT": False, "RPI": False, "seq": trade.update_id,
    }  # fmt: skip


def trade_row(history: SymbolHistory, trade: TradeRow) -> dict[str, Any]:
    """Return a row of GET recent-trade."""
    i = history.instrument
    return {
        "execId": trade_id(history, trade), "symbol": i.id, "price": i.price(trade.price),
        "size": i.size(trade.size), "side": taker_side(trade), "time": str(trade.time),
        "isBlockTrade": False, "isRPITrade": False, "seq": str(trade.update_id),
    }  # fmt: skip


def trade_id(history: SymbolHistory, trade: TradeRow) -> str:
    """Return a trade's UUID; a regenerated history has the same ones."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{history.seed} {trade.id}"))


def candle_entry(
    instrument: Instrument, candle: Candle, interval: str, span_ms: int, *, ended: bool, now_ms: int
) -> dict[str, Any]:
    """Return the candle of a `kline` message."""
    i = instrument
    return {
        "start": candle.open_time, "end": candle.open_time + span_ms - 1, "interval": interval,
        "open": i.price(candle.open), "close": i.price(candle.close), "high": i.price(candle.high),
        "low": i.price(candle.low), "volume": i.size(candle.volume),
        "turnover": i.turnover(candle.turnover), "confirm": ended, "timestamp": now_ms,
    }  # fmt: skip


def candle_row(instrument: Instrument, candle: Candle) -> list[str]:
    """Return a row of GET kline."""
    i = instrument
    return [
        str(candle.open_time), i.price(candle.open), i.price(candle.high), i.price(candle.low),
        i.price(candle.close), i.size(candle.volume), i.turnover(candle.turnover),
    ]  # fmt: skip


def liquidation_entry(instrument: Instrument, trade: TradeRow) -> dict[str, Any]:
    """Return a liquidation of an `allLiquidation` message.

    `S` is the side of the position: a long one is sold when it is liquidated.
    """
    i = instrument
    side = "Buy" if trade.buyer_is_maker else "Sell"
    return {"T": trade.time, "s": i.id, "S": side, "v": i.size(trade.size),
            "p": i.price(trade.price)}  # fmt: skip


def taker_side(trade: TradeRow) -> str:
    """Return the taker's side."""
    return "Sell" if trade.buyer_is_maker else "Buy"


def tick_direction(trades: TradeHistory, position: int) -> str:
    """Return the price direction of one of the newest trades; -1 is the last of them."""
    newest = trades.newest
    price = newest[position].price
    for place in range(position - 1, -len(newest) - 1, -1):
        before = newest[place].price
        if before != price:
            way = "Plus" if price > before else "Minus"
            return f"{way}Tick" if place == position - 1 else f"Zero{way}Tick"
    return "ZeroPlusTick"


def dumps(body: Any) -> str:
    """Write JSON as the exchange does, without spaces."""
    return json.dumps(body, separators=(",", ":"))
