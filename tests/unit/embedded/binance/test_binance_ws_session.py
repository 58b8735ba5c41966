"""A connection as Binance treats it: lists of inputs, no socket."""

import json
from typing import Any

import pytest

from feedd.embedded.binance.ws_session import BinanceWsSession
from feedd.embedded.market import Refused
from feedd.embedded.ws_session import Reaction
from feedd.venues.raw_streams import RawStream

LISTED = {"BTCUSDT"}


def check(stream: RawStream) -> None:
    if stream.symbol not in LISTED:
        raise KeyError(stream.symbol)
    if stream.content == "mark":
        raise Refused("no markPrice here")


def connection(category: str = "public", combined: bool = False) -> BinanceWsSession:
    return BinanceWsSession(category, combined, check, now_s=0.0)


def say(target: BinanceWsSession, now_s: float = 1.0, **request: Any) -> Reaction:
    return target.on_text(json.dumps(request), now_s)


def reply(reaction: Reaction) -> Any:
    assert reaction.reply is not None
    return json.loads(reaction.reply)


def test_a_subscription_is_acknowledged_and_begins() -> None:
    reaction = say(connection(), method="SUBSCRIBE", params=["btcusdt@trade"], id=7)
    assert reply(reaction) == {"result": None, "id": 7}
    assert [stream.name for stream in reaction.subscribe] == ["btcusdt@trade"]


@pytest.mark.parametrize(
    ("category", "stream"),
    [
        ("public", "btcusdt@ticker"),  # a /market stream
        ("market", "btcusdt@bookTicker"),  # a /public stream
        ("", "btcusdt@markPrice"),  # a path without a category carries what /public does
        ("public", "nosuch@trade"),
        ("public", "nonsense"),
        ("private", "btcusdt@trade"),
    ],
)
def test_a_stream_of_another_path_is_acknowledged_and_silent(category: str, stream: str) -> None:
    target = connection(category)
    reaction = say(target, method="SUBSCRIBE", params=[stream], id=1)
    assert reply(reaction) == {"result": None, "id": 1}
    assert reaction.subscribe == []
    assert reply(say(target, method="LIST_SUBSCRIPTIONS", id=2))["result"] == [stream]


def test_a_path_without_a_category_carries_public_streams() -> None:
    assert say(connection(""), method="SUBSCRIBE", params=["btcusdt@depth"], id=1).subscribe


def test_subscribing_twice_does_not_send_twice() -> None:
    target = connection()
    say(target, method="SUBSCRIBE", params=["btcusdt@trade"], id=1)
    again = say(target, method="SUBSCRIBE", params=["btcusdt@trade"], id=2)
    assert reply(again) == {"result": None, "id": 2}
    assert again.subscribe == []


def test_unsubscribing_ends_what_was_subscribed_to() -> None:
    target = connection()
    say(target, method="SUBSCRIBE", params=["btcusdt@trade", "btcusdt@depth"], id=1)
    reaction = say(target, method="UNSUBSCRIBE", params=["btcusdt@trade", "x@trade"], id=2)
    assert [stream.name for stream in reaction.unsubscribe] == ["btcusdt@trade"]
    assert reply(say(target, method="LIST_SUBSCRIPTIONS", id=3))["result"] == ["btcusdt@depth"]


def test_a_stream_the_market_refuses_is_an_error_with_its_name() -> None:
    reaction = say(connection("market"), method="SUBSCRIBE", params=["btcusdt@markPrice"], id=1)
    assert reply(reaction) == {
        "error": {"code": 2, "msg": "Invalid request: no markPrice here"}, "id": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("request_", "code", "said"),
    [
        ({"method": "SUBSCRIBE", "params": [], "id": "1"}, 2, "unsigned integer"),
        ({"method": "SUBSCRIBE", "params": []}, 2, "unsigned integer"),
        ({"method": "NONSENSE", "id": 1}, 2, "unknown variant NONSENSE"),
        ({"method": "SET_PROPERTY", "params": ["combined", 1], "id": 1}, 1, "expected Boolean"),
        ({"method": "SET_PROPERTY", "params": ["other", True], "id": 1}, 0, "Unknown property"),
        ({"method": "GET_PROPERTY", "params": [5], "id": 1}, 2, "must be a string"),
        ({"method": "SUBSCRIBE", "params": "x", "id": 1}, 2, "list of streams"),
    ],
)
def test_bad_requests_get_the_exchanges_errors(
    request_: dict[str, Any], code: int, said: str
) -> None:
    error = reply(connection().on_text(json.dumps(request_), 1.0))["error"]
    assert error["code"] == code
    assert said in error["msg"]


def test_text_that_is_no_json_is_an_error_and_not_the_end() -> None:
    assert reply(connection().on_text("{", 1.0))["error"]["code"] == 3


def test_combined_is_a_property_that_can_be_set() -> None:
    target = connection()
    assert reply(say(target, method="GET_PROPERTY", params=["combined"], id=1))["result"] is False
    say(target, method="SET_PROPERTY", params=["combined", True], id=2)
    assert target.combined


def test_more_than_ten_messages_in_a_second_end_the_connection() -> None:
    target = connection()
    for number in range(10):
        assert target.on_ping(1.0 + number / 100).close is None
    assert target.on_text("{}", 1.5).close == (1008, "Too many requests")


def test_ten_messages_a_second_are_allowed_for_ever() -> None:
    target = connection()
    for number in range(100):
        assert target.on_pong(number / 10 + 0.001 * number).close is None


def test_the_server_pings_every_three_minutes_and_closes_after_ten_without_pong() -> None:
    target = connection()
    assert not target.on_time(179.0).ping
    assert target.on_time(180.0).ping
    assert not target.on_time(181.0).ping
    assert target.on_time(600.0).close == (1008, "Pong timeout")


def test_a_pong_keeps_the_connection() -> None:
    target = connection()
    target.on_pong(590.0)
    assert target.on_time(600.0).close is None


def test_a_connection_lives_for_a_day() -> None:
    target = connection()
    target.on_pong(86_399.0)
    assert target.on_time(86_399.0).close is None
    assert target.on_time(86_400.0).close == (1001, "connection is 24 h old")


def test_more_streams_than_allowed_are_refused() -> None:
    names = [f"btcusdt{number}@trade" for number in range(1025)]
    error = reply(say(connection(), method="SUBSCRIBE", params=names, id=1))["error"]
    assert "1024" in error["msg"]


def test_an_address_with_streams_subscribes_to_them() -> None:
    reaction = connection().open(["btcusdt@trade", "nosuch@trade"])
    assert [stream.name for stream in reaction.subscribe] == ["btcusdt@trade"]
    assert reaction.reply is None
