"""Pure parsers of Bitfinex's raw messages; a heartbeat, `[chanId,"hb"]`, has no event."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from feedd.model import Candle
from feedd.numbers import integer, number, plain_text
from feedd.venues.ticks import oldest_first, ticker, trade

if TYPE_CHECKING:
    from collections.abc import Sequence

    from feedd.model import Ticker, Trade


def tickers(
    message: list[Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> Sequence[Ticker]:
    """Return the ticker of the channel `ticker`, which has no time.

    https://docs.bitfinex.com/reference/ws-public-ticker::

        [232953,[0.0371,92097.64238255,0.038797,45955.90519262,-0.000874,-0.0221,0.03876,21929.955,
                 0.040622,0.036637],7]

    They are bid, sum of the 25 best bid sizes, ask, sum of the 25 best ask sizes, change, change as
    a fraction, last price, volume, high, low.
    """
    content = message[1]
    if content == "hb":
        return ()
    bid, _, ask, _, _, fraction, last, volume, high, low = content
    percent = None if fraction is None else float(Decimal(plain_text(str(fraction))) * 100)
    made = ticker(
        exchange, symbol, received_ns,
        timestamp=None, last=last, volume=volume, high=high, low=low, change_percent=percent,
        bid=bid, ask=ask,
    )  # fmt: skip
    return (made,)


def trades(
    message: list[Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> Sequence[Trade]:
    """Return the trades of the channel `trades`, oldest first; the first message is a page of them.

    https://docs.bitfinex.com/reference/ws-public-trades::

        [17470,[[401597393,1574694475039,0.005,7244.9],[401597392,1574694475038,-0.1,7245]],3]
        [17470,"te",[401597395,1574694478808,0.005,7245.3],4]
        [17470,"tu",[401597395,1574694478808,0.005,7245.3],5]

    They are id, time, amount, price; a positive amount was bought by the taker. The page begins
    with the newest. `tu` repeats `te`, which comes at once. Ids skip numbers.
    """
    content = message[1]
    if content == "te":
        rows = [message[2]]
    elif content in ("tu", "hb"):
        return ()
    else:
        rows = oldest_first(content, 1)
    return [_trade(row, exchange, symbol, received_ns) for row in rows]


def candles(
    message: list[Any], exchange: str, symbol: str, received_ns: int, timeframe: str
) -> Sequence[Candle]:
    """Return the candle of the channel `candles`, and of its first message the newest one.

    https://docs.bitfinex.com/reference/ws-public-candles::

        [343351,[[1574698260000,7379.785,7383.8,7388.3,7379.785,1.68829482],…],2]
        [343351,[1574698200000,7399.9,7379.7,7399.9,7371.8,41.63633658],3]

    They are time, open, close, high, low, volume.
    """
    content = message[1]
    if content == "hb" or not content:
        return ()
    opened, open_, close, high, low, volume = content[0] if type(content[0]) is list else content
    made = Candle(
        symbol=symbol,
        timestamp=None,
        timeframe=timeframe,
        open_time=integer(opened),
        open=number(open_),
        high=number(high),
        low=number(low),
        close=number(close),
        volume=number(volume),
        closed=None,
        exchange=exchange,
        received_ns=received_ns,
    )
    return (made,)


def _trade(row: list[Any], exchange: str, symbol: str, received_ns: int) -> Trade:
    id_, time_ms, amount, price = row
    size = number(amount)
    return trade(
        exchange, symbol, received_ns,
        id=integer(id_),
        timestamp=integer(time_ms),
        price_=price,
        size_=abs(size),
        taker="buy" if size > 0 else "sell",
    )  # fmt: skip
