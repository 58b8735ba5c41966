"""Pure parsers of Deribit's raw messages, and the page of missed trades."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict

from feedd.model import BackfilledTrade
from feedd.numbers import integer
from feedd.venues.ccxt_request import CcxtRequest
from feedd.venues.ticks import event_id, quote, side, some_number, ticker, trade

if TYPE_CHECKING:
    from feedd.model import Quote, Ticker, Trade
    from feedd.venues.market_type import MarketType

PAGE = 1000  # trades


def tickers(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Ticker]:
    """Return the ticker of `ticker.<instrument>.100ms`.

    https://docs.deribit.com/#ticker-instrument_name-interval::

        {"jsonrpc":"2.0","method":"subscription","params":{"channel":"ticker.BTC-PERPETUAL.100ms",
         "data":{"timestamp":1623060194301,"stats":{"volume_usd":284061480,"volume":7871.02139035,
          "price_change":0.7229,"low":35213.5,"high":36824.5},"state":"open",
          "last_price":36575.5,"instrument_name":"BTC-PERPETUAL","best_bid_price":36443,
          "best_bid_amount":136060,"best_ask_price":36443.5,"best_ask_amount":37670,…}}}

    `price_change` is in percent, and null without a trade in 24 h. A price is 0 or null where there
    is none.
    """
    data = message["params"]["data"]
    stats = data["stats"]
    made = ticker(
        exchange, symbol, received_ns,
        timestamp=integer(data["timestamp"]),
        last=data["last_price"],
        volume=stats["volume"],
        high=stats["high"],
        low=stats["low"],
        change_percent=some_number(stats.get("price_change")),
        bid=data["best_bid_price"],
        ask=data["best_ask_price"],
    )  # fmt: skip
    return [made]


def quotes(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[Quote]:
    """Return the quote of `quote.<instrument>`.

    https://docs.deribit.com/#quote-instrument_name::

        {"jsonrpc":"2.0","method":"subscription","params":{"channel":"quote.BTC-PERPETUAL",
         "data":{"timestamp":1550658624149,"instrument_name":"BTC-PERPETUAL",
          "best_bid_price":3914.97,"best_bid_amount":40,"best_ask_price":3996.61,
          "best_ask_amount":50}}}
    """
    data = message["params"]["data"]
    made = quote(
        exchange, symbol, received_ns,
        id=None,
        timestamp=integer(data["timestamp"]),
        bid=data["best_bid_price"],
        bid_size=data["best_bid_amount"],
        ask=data["best_ask_price"],
        ask_size=data["best_ask_amount"],
    )  # fmt: skip
    return [made]


def trades(
    message: dict[str, Any], exchange: str, symbol: str, received_ns: int, _timeframe: str
) -> list[tuple[int, Trade]]:
    """Return the trades of `trades.<instrument>.100ms` with their `trade_seq`, in its order.

    https://docs.deribit.com/#trades-instrument_name-interval::

        {"jsonrpc":"2.0","method":"subscription","params":{"channel":"trades.BTC-PERPETUAL.100ms",
         "data":[{"trade_seq":30289442,"trade_id":"48079269","timestamp":1590484512188,
          "tick_direction":2,"price":8950,"mark_price":8948.9,"instrument_name":"BTC-PERPETUAL",
          "index_price":8955.88,"direction":"sell","amount":10}]}}

    `trade_seq` is "the sequence number of the trade within instrument". `direction` is the taker's,
    `amount` in USD for perpetuals and inverse futures, else in the base currency.
    """
    rows = sorted(message["params"]["data"], key=lambda row: integer(row["trade_seq"]))
    return [(integer(row["trade_seq"]), _trade(row, exchange, symbol, received_ns)) for row in rows]


def trades_request(
    _market_type: MarketType, market_id: str, from_seq: int, _with_key: bool
) -> CcxtRequest:
    """Return the request for the trades from a number on, oldest first.

    https://docs.deribit.com/#public-get_last_trades_by_instrument
    """
    return CcxtRequest(
        "publicGetGetLastTradesByInstrument",
        {"instrument_name": market_id, "start_seq": from_seq, "count": PAGE, "sorting": "asc"},
    )


def trades_of(answer: Any) -> Any:
    """Return the trades of the answer.

    ::

        {"jsonrpc":"2.0","id":9267,"result":{"trades":[{"trade_seq":36798,"trade_id":"36798",…}],
         "has_more":true}}
    """
    return answer["result"]["trades"]


def requested_trade(
    row: dict[str, Any], exchange: str, symbol: str, received_ns: int
) -> tuple[int, BackfilledTrade]:
    """Return a trade of that page with its `trade_seq`."""
    made = _trade(row, exchange, symbol, received_ns)
    return integer(row["trade_seq"]), BackfilledTrade(**asdict(made))


def _trade(row: dict[str, Any], exchange: str, symbol: str, received_ns: int) -> Trade:
    return trade(
        exchange, symbol, received_ns,
        id=event_id(row["trade_id"]),
        timestamp=integer(row["timestamp"]),
        price_=row["price"],
        size_=row["amount"],
        taker=side(row["direction"]),
    )  # fmt: skip
