"""The registry of faults, and what they make of events and answers: pure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from conftest import REPOSITORY

from feedd.config.faults import NAMES, RULES, Fault, check
from feedd.config.load import load_config
from feedd.embedded.faults.events import EventFaults, Passed
from feedd.embedded.faults.pages import alter
from feedd.embedded.faults.registry import ACTIVE_AT_MOST, ActiveFault, Faults, symbol_of
from feedd.embedded.faults.replies import on_request
from feedd.embedded.frames import text_frame
from feedd.embedded.market import MarketMessage
from feedd.errors import ConfigError

QUOTE = '{"e":"bookTicker","u":7,"s":"BTCUSDT","b":"1.0","B":"2","a":"3.0","A":"4","T":5,"E":6}'
DEPTH = '{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":12,"u":15,"pu":10,"b":[["1.5","2"]],"a":[]}'


def fault(**settings: Any) -> Fault:
    made = msgspec.convert(settings, Fault)
    assert check(made) is None
    return made


def quote(id_: int, stream: str = "btcusdt@bookTicker") -> MarketMessage:
    return MarketMessage(stream, id_, QUOTE.replace('"u":7', f'"u":{id_}'))


def event_faults(*given: Fault, exchange: str = "usdm") -> EventFaults:
    faults = Faults()
    for one in given:
        faults.add(one, 0.0)
    faults.advance(0.0)
    return EventFaults(faults, exchange, lambda message: text_frame(message.data))


def ids(steps: list[Passed]) -> list[tuple[int | None, str | None, int]]:
    return [(m.id if m else None, swallowed, len(frames)) for m, swallowed, frames in steps]


def test_every_name_has_a_type_and_is_documented() -> None:
    assert set(NAMES) == RULES.keys()
    text = (REPOSITORY / "docs" / "faults.md").read_text()
    assert [name for name in NAMES if f"`{name}`" not in text] == []


def test_a_fault_begins_and_ends_on_time() -> None:
    faults, changes = Faults(), []
    faults.changed = lambda active, began: changes.append((active.name, began))
    faults.add(fault(fault="mute", after_s=2, for_s=3), 10.0)
    assert faults.next_s() == 12.0
    faults.advance(11.9)
    assert (faults.at("event"), changes) == ([], [])
    faults.advance(12.0)
    assert [one.name for one in faults.at("event")] == ["mute"]
    assert faults.next_s() == 15.0
    assert not faults.traffic_unaffected
    faults.advance(15.0)
    assert changes == [("mute", True), ("mute", False)]
    assert faults.traffic_unaffected
    assert faults.next_s() is None


def test_a_count_ends_a_fault_and_deleting_ends_it_before_its_time() -> None:
    faults = Faults()
    twice = faults.add(fault(fault="drop", count=2), 0.0)
    stays = faults.add(fault(fault="http", status=503), 0.0)
    later = faults.add(fault(fault="mute", after_s=9), 0.0)
    faults.advance(0.0)
    faults.happened(twice)
    assert faults.at("event") == [twice]
    faults.happened(twice)
    assert faults.at("event") == []
    assert faults.delete(stays.id) == [stays]
    assert faults.delete(stays.id) == []
    told = faults.as_json(1.0)
    assert [(one["id"], one["fired"]) for one in told["over"]] == [(1, 2), (2, 0)]
    assert told["waiting"][0] == {
        "id": 3, "fault": "mute", "after_s": 9.0, "fired": 0, "begins_in_s": 8.0,
    }  # fmt: skip
    assert faults.delete(None) == [later]


def test_no_more_faults_are_taken_than_the_limit() -> None:
    faults = Faults()
    for _ in range(ACTIVE_AT_MOST):
        faults.add(fault(fault="mute"), 0.0)
    with pytest.raises(ValueError, match="delete some"):
        faults.add(fault(fault="mute"), 0.0)


@pytest.mark.parametrize(
    ("settings", "meets"),
    [
        ({}, True),
        ({"streams": ["btcusdt@depth@100ms"]}, True),
        ({"streams": ["btcusdt@depth"]}, True),
        ({"streams": ["btcusdt@trade", "ethusdt"]}, False),
        ({"symbol": "BTCUSDT"}, True),
        ({"symbol": "BTC/USDT:USDT"}, True),
        ({"symbol": "ETH/USDT"}, False),
        ({"exchange": "usdm"}, True),
        ({"exchange": "spot"}, False),
    ],
)
def test_a_fault_meets_what_it_names_and_without_names_all(
    settings: dict[str, Any], meets: bool
) -> None:
    faults = Faults()
    active: ActiveFault = faults.add(fault(fault="mute", **settings), 0.0)
    assert active.meets("usdm", "btcusdt@depth@100ms") is meets
    assert active.meets_any("usdm", ["x@trade", "btcusdt@depth@100ms"]) is meets


def test_a_streams_symbol_is_read_from_its_name() -> None:
    assert symbol_of("btcusdt@depth@100ms") == "BTCUSDT"
    assert symbol_of("orderbook.50.BTCUSDT") == "BTCUSDT"


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"fault": "close", "code": 1006}, "1006 is not allowed in a close frame"),
        ({"fault": "close", "code": 1000, "text": "x" * 124}, "exceeds 123 bytes"),
        ({"fault": "close", "status": 3}, "status"),
        (
            {"fault": "mute", "code": 3},
            "mute has no parameter code; its parameters are after_s, count",
        ),
        ({"fault": "http"}, "http needs status"),
        ({"fault": "away"}, "away needs for_s"),
        ({"fault": "stale_snapshot"}, "stale_snapshot needs symbol"),
        ({"fault": "mute", "streams": [""]}, "empty name"),
        ({"fault": "mute", "for_s": 0}, "> 0"),
        ({"fault": "mute", "for_s": float("nan")}, "> 0"),
        ({"fault": "nosuch"}, "nosuch"),
        ({"fault": "mute", "extra": 1}, "extra"),
    ],
)
def test_an_invalid_fault_is_refused_with_the_reason(settings: dict[str, Any], text: str) -> None:
    try:
        why = check(msgspec.convert(settings, Fault))
    except msgspec.ValidationError as error:
        why = str(error)
    assert why is not None
    assert text in why


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ("{fault: mut}", r"faults\[0\].fault: 'mut' is not one of close"),
        ("{fault: mute, cuont: 1}", r"faults\[0\].cuont: unknown key; is it count"),
        ("{fault: http}", r"faults\[0\]: http needs status"),
        ("{fault: mute, for_s: .nan}", r"for_s: must be above 0; it is nan"),
    ],
)
def test_a_mistake_in_the_configurations_faults_names_its_line(
    tmp_path: Path, entry: str, text: str
) -> None:
    path = tmp_path / "feedd.yaml"
    path.write_text(f"symbols: [BTC/USDT]\nembedded_exchange:\n  faults:\n    - {entry}\n")
    with pytest.raises(ConfigError, match=rf"feedd.yaml:4: .*{text}"):
        load_config(path)
    path.write_text(path.read_text().replace(entry, "{fault: fin, after_s: 2}"))
    settings = load_config(path).embedded_exchange
    assert settings is not None
    assert settings.faults == (Fault(fault="fin", after_s=2.0),)


def test_events_are_dropped_doubled_and_put_behind_the_next_one() -> None:
    assert ids(event_faults(fault(fault="drop")).take([quote(1), quote(2)], 0.0)) == [
        (1, "drop", 0), (2, None, 1),
    ]  # fmt: skip
    assert ids(event_faults(fault(fault="duplicate")).take([quote(1)], 0.0)) == [(1, None, 2)]
    reordering = event_faults(fault(fault="reorder"))
    assert reordering.take([quote(1)], 0.0) == []
    assert not reordering.idle
    other = quote(9, "ethusdt@bookTicker")
    first, second, third = reordering.take([other, quote(2)], 0.0)
    assert (first.message, second.message, third.message) == (other, quote(1), quote(2))
    assert third.frames == (text_frame(quote(2).data), text_frame(quote(1).data))
    assert reordering.idle


def test_delayed_events_keep_their_order_and_nothing_passes_them() -> None:
    faults = Faults()
    active = faults.add(fault(fault="delay", delay_s=2), 0.0)
    faults.advance(0.0)
    slow = EventFaults(faults, "usdm", lambda message: text_frame(message.data))
    assert slow.take([quote(1)], 0.0) == []
    assert slow.take([quote(2)], 1.0) == []
    faults.delete(active.id)
    assert slow.take([quote(3)], 1.5) == []
    assert slow.next_s == 2.0
    assert [step.message for step in slow.release(2.0)] == [quote(1)]
    assert [step.message for step in slow.release(3.0)] == [quote(2), quote(3)]
    assert slow.idle
    faults.add(fault(fault="delay"), 3.0)
    faults.advance(3.0)
    slow.take([quote(4)], 3.0)
    assert ids(slow.end()) == [(4, "delay", 0)]


@pytest.mark.parametrize(
    ("name", "frame"),
    [
        ("malformed", text_frame(QUOTE[: len(QUOTE) // 2])),
        ("empty_list", text_frame("[]")),
        ("null", text_frame("null")),
        ("number", text_frame("123")),
        ("empty_text", text_frame("")),
        ("no_symbol", text_frame(QUOTE.replace(',"s":"BTCUSDT"', ""))),
        ("unknown_symbol", text_frame(QUOTE.replace("BTC", "NOSUCH"))),
        ("unknown_event", text_frame(QUOTE.replace("bookTicker", "noSuchEvent"))),
        ("junk_price", text_frame(QUOTE.replace("1.0", "junk").replace("3.0", "junk"))),
        ("empty_price", text_frame(QUOTE.replace("1.0", "").replace("3.0", ""))),
        ("bad_utf8", b"\x81" + bytes([len(QUOTE) + 7]) + QUOTE[:-1].encode() + b',"\xff\xfe":1}'),
        ("binary", b"\x82" + bytes([len(QUOTE) + 2]) + b"\xff\xfe" + QUOTE.encode()),
        ("reserved_opcode", b"\x83" + bytes([len(QUOTE)]) + QUOTE.encode()),
    ],
)
def test_junk_comes_instead_of_an_event_or_before_it(name: str, frame: bytes) -> None:
    event = MarketMessage("btcusdt@bookTicker", 7, QUOTE)
    assert event_faults(fault(fault=name)).take([event], 0.0) == [Passed(event, name, (frame,))]
    assert event_faults(fault(fault=name, instead=False)).take([event], 0.0) == [
        Passed(None, None, (frame,)), Passed(event, None, (text_frame(QUOTE),)),
    ]  # fmt: skip


@pytest.mark.parametrize("bids", ["", '["1.0","2"]'])
def test_a_depth_event_comes_without_pu_or_with_a_bid_above_every_ask(bids: str) -> None:
    data = f'{{"e":"depthUpdate","U":5,"u":7,"pu":4,"b":[{bids}],"a":[["3.0","4"]]}}'
    event = MarketMessage("btcusdt@depth", 7, data)
    ((_, _, (frame,)),) = event_faults(fault(fault="no_pu")).take([event], 0.0)
    assert frame == text_frame(data.replace(',"pu":4', ""))
    ((_, _, (frame,)),) = event_faults(fault(fault="crossed")).take([event], 0.0)
    (best, _), *others = json.loads(frame[2:])["b"]
    assert float(best) > 1e7
    assert others == (json.loads(f"[{bids}]"))
    assert event_faults(fault(fault="no_pu")).take([quote(1)], 0.0)[0].swallowed is None


def test_too_big_is_over_what_clients_take_and_still_json() -> None:
    ((_, _, (frame,)),) = event_faults(fault(fault="too_big")).take([quote(7)], 0.0)
    assert len(frame) > 10 * 1024 * 1024
    assert json.loads(frame[10:]) == json.loads(QUOTE)


def test_a_wrong_pu_joins_by_u_and_leaves_what_has_none_alone() -> None:
    spoiling = event_faults(fault(fault="wrong_pu"))
    event = MarketMessage("btcusdt@depth@100ms", 15, DEPTH)
    untouched, touched = spoiling.take([quote(7), event], 0.0)
    assert untouched.swallowed is None
    wrong = DEPTH.replace('"U":12,"u":15,"pu":10', '"U":10,"u":15,"pu":9')
    assert touched == Passed(event, "wrong_pu", (text_frame(wrong),))


def test_a_topic_that_restarts_counts_from_1() -> None:
    def book(kind: str, u: int) -> MarketMessage:
        return MarketMessage("orderbook.50.BTCUSDT", u, f'{{"type":"{kind}","data":{{"u":{u}}}}}')

    restarting = event_faults(exchange="bybit")
    restarting.restart("orderbook.50.BTCUSDT")
    told = restarting.take([book("delta", 6), book("snapshot", 7), book("delta", 8)], 0.0)
    assert [step.message for step in told] == [
        book("delta", 6), book("snapshot", 1), book("delta", 2),
    ]  # fmt: skip
    assert told[1].frames == (text_frame(book("snapshot", 1).data),)


@pytest.mark.parametrize(
    ("exchange", "form", "refusal"),
    [
        ("usdm", "nested", {"error": {"code": 2, "msg": "Invalid request: refused"}, "id": 4}),
        ("usdm", "flat", {"code": 2, "msg": "Invalid request: refused", "id": 4}),
        ("bybit", "nested", {"success": False, "ret_msg": "error:handler not found,topic:a@trade",
                             "conn_id": "", "req_id": "4", "op": "subscribe"}),
        ("bybit", "flat", {"success": False, "ret_msg": "error:handler not found,topic:a@trade",
                           "conn_id": "", "op": "subscribe"}),
    ],
)  # fmt: skip
def test_a_subscription_is_refused_in_the_exchanges_forms(
    exchange: str, form: str, refusal: dict[str, Any]
) -> None:
    faults = Faults()
    faults.add(fault(fault="refuse", form=form, streams=["a@"]), 0.0)
    faults.advance(0.0)
    text = {
        "usdm": '{"method":"SUBSCRIBE","params":["a@trade"],"id":4}',
        "bybit": '{"op":"subscribe","args":["a@trade"],"req_id":4}',
    }[exchange]
    answer = on_request(faults, exchange, text)
    assert answer is not None
    assert json.loads(answer.refusal or "") == refusal
    for other in (text.replace("a@", "b@"), '{"op":"ping"}', "[]", "{"):
        assert on_request(faults, exchange, other) is None


def test_pages_are_refused_with_the_exchanges_codes() -> None:
    faults = Faults()
    limit = faults.add(fault(fault="http", status=429, retry_after_s=7), 0.0)
    key = faults.add(fault(fault="http", status=401, code=-2015, page="account"), 0.0)
    cut = faults.add(fault(fault="truncated", page="depth"), 0.0)
    used = {"X-MBX-USED-WEIGHT-1M": "3"}
    answer = alter(limit, "usdm", "{}", used)
    assert (answer.status, json.loads(answer.text)["code"]) == (429, -1003)
    assert answer.headers == {**used, "Retry-After": "7"}
    assert json.loads(alter(key, "usdm", "{}", {}).text)["code"] == -2015
    assert alter(cut, "usdm", '{"a":1}', {})[:2] == (200, '{"a')
    assert alter(limit, "bybit", "{}", {}).content_type == "text/html"
    faults.advance(0.0)
    assert faults.page("usdm", "time", "") is limit
    faults.delete(limit.id)
    assert faults.page("usdm", "time", "") is None
    assert faults.page("usdm", "account", "") is key
