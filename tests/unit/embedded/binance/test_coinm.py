"""COIN-M's streams: their recorded forms, contracts, and volumes in the base currency."""

import json

import pytest

from feedd.embedded.binance.coinm import Coinm, contract_usd
from feedd.embedded.instruments import listed_inverse, units
from feedd.embedded.trade_history import TradeHistory, TradeRow
from feedd.venues.binance import messages

INSTRUMENT, PRICE = listed_inverse(contract_usd, "_PERP")["BTCUSD_PERP"]
FORM = Coinm(INSTRUMENT)
NOW_MS = 1_723_161_257_476
# As recorded on 2024-08-08; st came with the merger of the futures' systems in 2026.
RECORDED = {
    "quote": '{"u":1007198632021,"e":"bookTicker","s":"BTCUSD_PERP","ps":"BTCUSD","b":"61804.7",'
    '"B":"35","a":"61804.8","A":"1645","T":1723161257465,"E":1723161257476}',
    "trade": '{"e":"trade","E":1723161257687,"T":1723161257679,"s":"BTCUSD_PERP","t":849714402,'
    '"p":"61804.8","q":"4","X":"MARKET","m":false}',
}


def made() -> dict[str, str]:
    row = TradeRow(849714402, 1723161257679, units("61804.8", 1), 4, buyer_is_maker=False)
    best = (units("61804.7", 1), 35, units("61804.8", 1), 1645)
    return {
        "quote": FORM.quote(1007198632021, best, NOW_MS),
        "trade": FORM.trade(row, 1723161257687),
    }


@pytest.mark.parametrize("stream", RECORDED)
def test_an_event_has_the_form_of_the_recorded_one(stream: str) -> None:
    event, recorded = json.loads(made()[stream]), json.loads(RECORDED[stream])
    assert event.pop("st") == 2
    if stream == "quote":
        event["T"] = recorded["T"]
    assert event == recorded


def test_a_ticker_counts_contracts_and_the_base_currency() -> None:
    history = TradeHistory(INSTRUMENT)
    for number, price in enumerate(("50000.0", "40000.0"), 1):
        history.add(TradeRow(number, NOW_MS, units(price, 1), 10, buyer_is_maker=False))
    text = FORM.ticker(history, None, NOW_MS)
    assert text is not None
    event = json.loads(text)
    # 10 contracts of 100 USD at either price: 0.02 and 0.025 BTC.
    assert (event["v"], event["q"]) == ("20", "0.04500000")
    assert event["w"] == "44444.4"
    tick = messages.to_coinm_ticker(messages.read(text.encode()), "binancecoinm", "", 0)
    assert tick.volume == 0.045
    del event["q"]
    with pytest.raises(ValueError, match="no q"):
        messages.to_coinm_ticker(messages.read(json.dumps(event).encode()), "binancecoinm", "", 0)


def test_marks_have_no_index_and_liquidations_name_the_pair() -> None:
    assert "i" not in json.loads(FORM.mark(6_180_000_000_000, 6_180_000_000_000, NOW_MS))
    row = TradeRow(1, NOW_MS, PRICE, 3, buyer_is_maker=True)
    order = json.loads(FORM.liquidation(row, NOW_MS))["o"]
    assert (order["s"], order["ps"], order["S"], order["l"]) == (
        "BTCUSD_PERP",
        "BTCUSD",
        "SELL",
        "3",
    )
