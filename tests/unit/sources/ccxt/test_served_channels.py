"""The channels that ccxt serves, and the meaning of its liquidations."""

from typing import Any
from unittest.mock import Mock

import pytest

from feedd.channels import CHANNELS
from feedd.sources.ccxt.delivery import Delivery
from feedd.sources.ccxt.plan import lacking
from feedd.sources.ccxt.watching import watch_calls
from feedd.venues.contract import Venue
from feedd.venues.registry import venue


def test_a_spot_market_has_no_mark_and_no_liquidation() -> None:
    has = {"watchTicker": True, "watchMarkPrice": True, "watchLiquidations": True}
    assert lacking(has, "BTC/USDT", ("ticker", "mark"), Venue()) == ("mark", ["ticker"])
    assert lacking(has, "BTC/USDT:USDT", ("mark",), Venue())[0] == ""


class Calls:
    """An exchange of ccxt's that notes which method is called."""

    def __init__(self) -> None:
        self.called: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *_arguments: self.called.append(name)


@pytest.mark.parametrize(
    ("channel", "method"),
    [(name, spec.ccxt_method) for name, spec in CHANNELS.items() if spec.ccxt_method is not None],
)
def test_every_channel_with_a_method_of_ccxt_is_subscribed_to_and_converted(
    channel: str, method: str
) -> None:
    calls = Calls()
    unknown = venue("poloniex", "BTC/USDT:USDT")
    watch_calls(calls, "BTC/USDT:USDT", unknown, 20, "1m")(channel)
    assert [name.replace("_", "") for name in calls.called] == [method.lower()]
    delivery = Delivery(
        "poloniex", "BTC/USDT:USDT", unknown, Mock(), market_id=Mock(), backoff={},
        books=None, trades=None, book_depth=20, timeframe="1m", book_failed=Mock(),
    )  # fmt: skip
    assert channel in delivery.take
