"""A connection as Bybit treats it: lists of inputs, no socket."""

import json
from typing import Any

import pytest

from feedd.embedded.bybit.ws_session import MAX_ARGS_CHARACTERS, BybitWsSession
from feedd.embedded.ws_session import Reaction
from feedd.venues.raw_streams import RawStream


def check(stream: RawStream) -> None:
    {"BTCUSDT": True}[stream.symbol]


def connection() -> BybitWsSession:
    return BybitWsSession("id-1", check, now_s=0.0)


def say(target: BybitWsSession, now_s: float = 1.0, **request: Any) -> Reaction:
    return target.on_text(json.dumps(request), now_s)


def reply(reaction: Reaction) -> Any:
    assert reaction.reply is not None
    return json.loads(reaction.reply)


def test_a_subscription_is_acknowledged_with_the_requests_id_and_begins() -> None:
    args = ["tickers.BTCUSDT", "orderbook.50.BTCUSDT"]
    reaction = say(connection(), req_id=1, op="subscribe", args=args)
    assert reply(reaction) == {
        "success": True, "ret_msg": "", "conn_id": "id-1", "req_id": "1", "op": "subscribe",
    }  # fmt: skip
    assert [stream.name for stream in reaction.subscribe] == args


@pytest.mark.parametrize(
    "topic",
    ["tickers.NOSUCH", "nonsense", "orderbook.25.BTCUSDT", "kline.7.BTCUSDT", "tickers.btcusdt"],
)
def test_a_topic_that_is_not_there_is_refused_with_all_that_came_with_it(topic: str) -> None:
    target = connection()
    reaction = say(target, op="subscribe", args=["tickers.BTCUSDT", topic])
    assert reply(reaction)["success"] is False
    assert reply(reaction)["ret_msg"] == f"error:handler not found,topic:{topic}"
    assert reaction.subscribe == target.streams() == []


def test_subscribing_twice_is_refused_and_the_first_goes_on() -> None:
    target = connection()
    say(target, op="subscribe", args=["tickers.BTCUSDT"])
    again = say(target, op="subscribe", args=["tickers.BTCUSDT"])
    assert reply(again)["success"] is False
    assert reply(again)["ret_msg"] == "error:already subscribed,topic:tickers.BTCUSDT"
    assert again.subscribe == []
    assert [stream.name for stream in target.streams()] == ["tickers.BTCUSDT"]


def test_unsubscribing_ends_what_was_subscribed_to_and_it_can_begin_again() -> None:
    target = connection()
    say(target, op="subscribe", args=["tickers.BTCUSDT"])
    ended = say(target, req_id="x", op="unsubscribe", args=["tickers.BTCUSDT", "tickers.NOSUCH"])
    assert (reply(ended)["success"], reply(ended)["req_id"]) == (True, "x")
    assert [stream.name for stream in ended.unsubscribe] == ["tickers.BTCUSDT"]
    assert say(target, op="subscribe", args=["tickers.BTCUSDT"]).subscribe


def test_a_ping_is_answered_in_the_form_of_linear() -> None:
    assert reply(say(connection(), req_id="100001", op="ping")) == {
        "success": True, "ret_msg": "pong", "conn_id": "id-1", "req_id": "100001", "op": "ping",
    }  # fmt: skip
    assert reply(say(connection(), op="ping"))["req_id"] == ""


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"op":"order"}', '{"op":"subscribe"}', '{"op":"subscribe","args":[1]}']
)
def test_bad_requests_are_refused_and_not_the_end(text: str) -> None:
    reaction = connection().on_text(text, 1.0)
    assert reply(reaction)["success"] is False
    assert reaction.close is None


def test_more_than_21_000_characters_of_args_are_refused() -> None:
    topics = [f"publicTrade.X{number}" for number in range(MAX_ARGS_CHARACTERS // 14)]
    refused = reply(say(connection(), op="subscribe", args=topics))
    assert "over 21000 characters" in refused["ret_msg"]


def test_ten_minutes_of_silence_are_the_end_and_any_word_counts() -> None:
    target = connection()
    assert target.on_time(599.0).close is None
    say(target, now_s=599.0, op="ping")
    assert target.on_time(1198.0).close is None
    target.on_ping(1198.0)
    assert target.on_time(1797.0).close is None
    target.on_pong(1797.0)
    assert target.on_time(2396.0).close is None
    assert target.on_time(2397.0).close == (1001, "no ping within 10 min")
