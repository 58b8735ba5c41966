"""Connections that are counted, and the account of it all, on a clock of numbers."""

from feedd.embedded.address_usage import Accounts, AddressAccount
from feedd.embedded.rate_limits import Connects


def test_so_many_connections_in_five_minutes_and_no_more() -> None:
    connects = Connects(3)
    assert [connects.take("a", now_s) for now_s in (0.0, 100.0, 200.0)] == [0, 0, 0]
    assert connects.take("b", 200.0) == 0
    assert connects.take("a", 299.0) == 101  # the attempt counts: 100, 200 and 299 are left
    assert connects.take("a", 400.5) == 0


def test_usage_counts_requests_weights_refusals_and_connections() -> None:
    accounts = Accounts()
    account = accounts.of("a", "usdm")
    account.request("exchangeInfo", 200, 1, 60.0)
    account.request("depth", 200, 21, 61.0)
    account.request("depth", 429, 20, 121.0)
    for now_s in (0.0, 10.0, 300.0, 310.0):
        account.handshake(101, now_s)
    account.handshake(429, 310.0)
    assert accounts.of("a", "usdm") is account
    assert accounts.as_json(130.0) == {
        "a": {
            "usdm": {
                "requests": {"exchangeInfo": 1, "depth": 2},
                "weight_this_minute": 20,
                "most_weight_in_a_minute": 21,
                "refusals": {"429": 2},
                "connects": 4,
                "most_connects_in_5_min": 2,
            }
        }
    }
    assert account.as_json(180.0)["weight_this_minute"] == 0


def test_without_weights_every_request_counts_as_one() -> None:
    account = AddressAccount()
    for now_s in (0.0, 1.0, 60.0):
        account.request("market/time", 200, None, now_s)
    assert (account.weight, account.most_weight) == (1, 2)
