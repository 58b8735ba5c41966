"""Events made of a venue's raw values, each value checked: what every venue's parsers share. Pure.

Values are JSON numbers or texts. Every function raises ValueError, TypeError or OverflowError for a
value that is not what it has to be.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from feedd.clock import iso8601
from feedd.model import BackfilledTrade, Quote, Ticker, Trade
from feedd.numbers import exchange_id, integer, number

if TYPE_CHECKING:
    from feedd.model import EventId

SIDES: dict[str, Literal["buy", "sell"]] = {
    "buy": "buy", "sell": "sell", "BUY": "buy", "SELL": "sell", "Buy": "buy", "Sell": "sell",
}  # fmt: skip


def price(raw: Any) -> float:
    """Return a price, which is above 0."""
    value = number(raw)
    if value <= 0:
        raise ValueError(f"{raw!r} is not a price")
    return value


def size(raw: Any) -> float:
    """Return a size, which is not below 0."""
    value = number(raw)
    if value < 0:
        raise ValueError(f"{raw!r} is not a size")
    return value


def some_number(raw: Any) -> float | None:
    """Return a number, or None for null and the empty text."""
    return None if raw is None or raw == "" else number(raw)


def some_price(raw: Any) -> float | None:
    """Return a price, or None for null, the empty text and 0: there is none."""
    value = some_number(raw)
    if value is not None and value < 0:
        raise ValueError(f"{raw!r} is not a price")
    return value or None


def side(raw: Any) -> Literal["buy", "sell"]:
    """Return a side, in whatever letters."""
    found = SIDES.get(raw)
    if found is None:
        raise ValueError(f"{raw!r} is not a side")
    return found


def change_percent(before: Any, now: Any) -> float | None:
    """Return the change from one price to another in percent, None where one is missing or 0.

    It is exact before it becomes a float64.
    """
    if some_price(before) is None or some_price(now) is None:
        return None
    start = Decimal(str(before))
    return float((Decimal(str(now)) - start) * 100 / start)


def event_id(raw: Any) -> EventId:
    """Return an event's id, a number or a text, as `feedd.numbers.exchange_id` reads it."""
    if type(raw) is int or (type(raw) is str and raw):
        return exchange_id(raw)
    raise ValueError(f"{raw!r} is not an id")


def oldest_first(rows: Any, time: Any) -> list[Any]:
    """Return the rows of a message, which has the newest first, by their times.

    `time` is the key of the time. Rows of one time are turned round too.
    """
    if type(rows) is not list:
        raise TypeError(f"a {type(rows).__name__} in the place of rows")
    turned = rows[::-1]
    turned.sort(key=lambda row: integer(row[time]))
    return turned


def trade(
    exchange: str,
    symbol: str,
    received_ns: int,
    *,
    id: EventId,  # noqa: A002  the field's name
    timestamp: int | None,
    price_: Any,
    size_: Any,
    taker: Literal["buy", "sell"] | None,
) -> Trade:
    """Return a trade, whose size is above 0."""
    amount = size(size_)
    if not amount:
        raise ValueError(f"trade {id} has no size")
    return Trade(
        symbol=symbol,
        timestamp=timestamp,
        price=price(price_),
        size=amount,
        side=taker,
        exchange=exchange,
        received_ns=received_ns,
        id=id,
    )


def backfilled(of: Trade) -> BackfilledTrade:
    """Return a trade that was requested over REST as such."""
    return BackfilledTrade(
        symbol=of.symbol,
        timestamp=of.timestamp,
        price=of.price,
        size=of.size,
        side=of.side,
        exchange=of.exchange,
        received_ns=of.received_ns,
        id=of.id,
    )


def quote(
    exchange: str,
    symbol: str,
    received_ns: int,
    *,
    id: EventId,  # noqa: A002  the field's name
    timestamp: int | None,
    bid: Any,
    bid_size: Any,
    ask: Any,
    ask_size: Any,
) -> Quote:
    """Return a quote; a side whose price is null, empty or 0 has neither price nor size."""
    best_bid, best_ask = some_price(bid), some_price(ask)
    return Quote(
        symbol=symbol,
        timestamp=timestamp,
        bid=best_bid,
        bid_size=_size_at(best_bid, bid_size),
        ask=best_ask,
        ask_size=_size_at(best_ask, ask_size),
        exchange=exchange,
        received_ns=received_ns,
        id=id,
    )


def ticker(
    exchange: str,
    symbol: str,
    received_ns: int,
    *,
    timestamp: int | None,
    last: Any,
    volume: Any,
    high: Any,
    low: Any,
    change_percent: float | None,
    bid: Any = None,
    ask: Any = None,
) -> Ticker:
    """Return a ticker; `bid` and `ask` are those of its message, where it has them.

    A price that is null, empty or 0 is None: without a trade in 24 h there is none.
    """
    return Ticker(
        symbol=symbol,
        timestamp=timestamp,
        datetime=None if timestamp is None else iso8601(timestamp),
        bid=some_price(bid),
        ask=some_price(ask),
        last=some_price(last),
        volume=some_number(volume),
        high=some_price(high),
        low=some_price(low),
        change_percent=change_percent,
        spread=None,
        bid_ask="none",
        exchange=exchange,
        received_ns=received_ns,
    )


def _size_at(best: float | None, raw: Any) -> float | None:
    if best is not None:
        return None if raw is None or raw == "" else size(raw)
    if raw is not None and raw != "" and size(raw):
        raise ValueError(f"a quote has the size {raw} at no price")
    return None
