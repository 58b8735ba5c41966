"""Trades over REST: selection, order, API key and weight."""

from typing import Any

import pytest

from feedd.clock import Clock
from feedd.embedded.binance.rest_pages import BinanceRestPages
from feedd.embedded.binance.spot import Spot
from feedd.embedded.binance.usdm import Usdm
from feedd.embedded.instruments import Instrument, listed
from feedd.embedded.rest_page import API_KEY, Page, Request
from feedd.embedded.trade_history import TRADES_KEPT, TradeHistory, TradeRow
from feedd.venues.binance import weights

INSTRUMENT, _ = listed()["BTCUSDT"]
FIRST, COUNT = 1000, TRADES_KEPT + 500


class OneSymbol:
    """A market of trades alone."""

    def __init__(self, form: type[Usdm | Spot]) -> None:
        self.instruments: dict[str, Instrument] = {"BTCUSDT": INSTRUMENT}
        self._form = form(INSTRUMENT)
        self._history = TradeHistory(INSTRUMENT)
        for number in range(FIRST, FIRST + COUNT):
            self._history.add(TradeRow(number, 1_700_000_000_000 + number, 400, 12_000, True))

    def trades(self, _symbol: str, limit: int, from_id: int | None = None) -> list[dict[str, Any]]:
        return [self._form.trade_row(row) for row in self._history.trades(limit, from_id)]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *_: pytest.fail(name)


def get(page: str, *, spot: bool = False, key: str | None = None, **query: str) -> Page:
    market, costs = (OneSymbol(Spot), weights.SPOT) if spot else (OneSymbol(Usdm), weights.USDM)
    rest = BinanceRestPages(market, Clock(), costs)  # type: ignore[arg-type]
    headers = {} if key is None else {"X-MBX-APIKEY": key}
    return rest.answer(Request(page, {"symbol": "BTCUSDT", **query}, "", headers, "a"))


def ids(page: Page) -> list[int]:
    assert page.status == 200
    return [row["id"] for row in page.body]


NEWEST = FIRST + COUNT


@pytest.mark.parametrize("spot", [False, True])
def test_trades_are_the_newest_oldest_first(spot: bool) -> None:
    assert ids(get("trades", spot=spot)) == list(range(NEWEST - 500, NEWEST))
    assert ids(get("trades", spot=spot, limit="1000")) == list(range(NEWEST - 1000, NEWEST))
    assert get("trades", spot=spot, limit="1001").body["code"] == -1130


def test_a_trade_has_the_fields_of_its_exchange() -> None:
    row = {"id": NEWEST - 1, "price": "4.00", "qty": "12.000", "quoteQty": "48.00000",
           "time": 1_700_000_000_000 + NEWEST - 1, "isBuyerMaker": True}  # fmt: skip
    assert get("trades").body[-1] == row
    assert get("trades", spot=True).body[-1] == {
        **row, "price": "4.00000000", "qty": "12.00000000", "quoteQty": "48.00000000",
        "isBestMatch": True,
    }  # fmt: skip


def test_historical_trades_go_on_from_an_id() -> None:
    first = NEWEST - 3000
    page = get("historicalTrades", key=API_KEY, fromId=str(first), limit="1000")
    assert ids(page) == list(range(first, first + 1000))
    assert ids(get("historicalTrades", spot=True, fromId=str(NEWEST - 2))) == [
        NEWEST - 2, NEWEST - 1,
    ]  # fmt: skip
    assert ids(get("historicalTrades", spot=True, fromId=str(NEWEST))) == []
    assert ids(get("historicalTrades", spot=True)) == list(range(NEWEST - 500, NEWEST))


def test_ten_thousand_trades_are_kept() -> None:
    oldest = NEWEST - TRADES_KEPT
    assert ids(get("historicalTrades", spot=True, fromId="0", limit="1"))[0] == oldest


def test_historical_trades_of_futures_need_a_key_and_those_of_spot_none() -> None:
    refused = get("historicalTrades")
    assert (refused.status, refused.body) == (
        401, {"code": -2014, "msg": "API-key format invalid."},
    )  # fmt: skip
    assert get("historicalTrades", key="a" * 64).body["code"] == -2015
    assert get("historicalTrades", key=API_KEY).status == 200
    assert get("historicalTrades", spot=True).status == 200
    assert get("historicalTrades", spot=True, fromId="x").body["code"] == -1130


@pytest.mark.parametrize(
    ("page", "spot", "cost"),
    [("trades", False, "5"), ("trades", True, "25"), ("historicalTrades", False, "200"),
     ("historicalTrades", True, "25")],
)  # fmt: skip
def test_trades_have_their_weight(page: str, spot: bool, cost: str) -> None:
    assert get(page, spot=spot, key=API_KEY).headers["X-MBX-USED-WEIGHT-1M"] == cost
