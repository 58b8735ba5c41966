"""Pure parsers for Kraken Futures' raw messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from feedd.numbers import integer
from feedd.venues import ticks

if TYPE_CHECKING:
    from feedd.model import Quote, Ticker, Trade


def tickers(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Ticker]:
    """Return the ticker of `ticker`; `volume` is in contracts, `change` in percent.

    https://docs.kraken.com/api/docs/futures-api/websocket/ticker::

        {"time":1680811086487,"product_id":"PI_XBTUSD","funding_rate":7.792297e-12,
         "next_funding_rate_time":1680811200000,"feed":"ticker","bid":28060,"ask":28070,
         "bid_size":2844,"ask_size":1902,"volume":19628180,"dtm":0,"leverage":"50x",
         "index":28062.14,"premium":0,"last":28053.5,"change":-0.7710945651981715,
         "suspended":false,"tag":"perpetual","pair":"XBT:USD","openInterest":28875946,
         "markPrice":28064.92082724592,"maturityTime":0,"post_only":false,"volumeQuote":19628180}

    Newer ones have `high` and `low` too.
    """
    return [
        ticks.ticker(
            exchange,
            symbol,
            received_ns,
            timestamp=integer(message["time"]),
            last=message.get("last"),
            volume=message["volume"],
            high=message.get("high"),
            low=message.get("low"),
            change_percent=ticks.some_number(message.get("change")),
            bid=message["bid"],
            ask=message["ask"],
        )
    ]


def quotes(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Quote]:
    """Return the quote of `ticker_lite`, which has neither sizes nor a time.

    https://docs.kraken.com/api/docs/futures-api/websocket/ticker_lite::

        {"feed":"ticker_lite","product_id":"FI_ETHUSD_210625","bid":1753.45,"ask":1760.35,
         "change":13.448175559936647,"premium":9.1,"volume":6899673.0,"tag":"semiannual",
         "pair":"ETH:USD","dtm":141,"maturityTime":1624633200000,"volumeQuote":6899673.0}
    """
    return [
        ticks.quote(
            exchange,
            symbol,
            received_ns,
            id=None,
            timestamp=None,
            bid=message["bid"],
            bid_size=None,
            ask=message["ask"],
            ask_size=None,
        )
    ]


def trades(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[tuple[int, Trade]]:
    """Return the trades of `trade` with their `seq`, oldest first.

    https://docs.kraken.com/api/docs/futures-api/websocket/trade::

        {"feed":"trade","product_id":"PI_XBTUSD","uid":"05af78ac-a774-478c-a50c-8b9c234e071e",
         "side":"sell","type":"fill","seq":653355,"time":1612266317519,"qty":15000,"price":34969.5}

    `seq` grows by one for each trade of a product, `side` is the taker's, `qty` counts contracts.
    A subscription begins with the last 100 trades, the newest first::

        {"feed":"trade_snapshot","product_id":"PI_XBTUSD","trades":[{"feed":"trade",…},…]}
    """
    rows = message["trades"] if message["feed"] == "trade_snapshot" else [message]
    found = [
        (
            integer(row["seq"]),
            ticks.trade(
                exchange,
                symbol,
                received_ns,
                id=str(row["uid"]),
                timestamp=integer(row["time"]),
                price_=row["price"],
                size_=row["qty"],
                taker=ticks.side(row["side"]),
            ),
        )
        for row in rows
    ]
    return sorted(found, key=lambda numbered: numbered[0])
