"""JSON of `/stream`: the keys of the wire, and wide integers as strings on request."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from stream_samples import BTC, BTC_QUOTES, EXCHANGE, quote, status

from feedd.client.events import Gap, NewSession, Notice, Other, Stopped, Trade, UpstreamGap
from feedd.codec import decode, encode
from feedd.gateway.journal import Journal
from feedd.gateway.stream.encoding import message_text, notice_text
from feedd.model import Gap as GapUpstream
from feedd.model import Quote

WIDE_ID = (1 << 63) + 1


def test_a_tick_has_the_keys_of_the_wire_and_its_type_topic_and_origin() -> None:
    event = quote(7)
    wire = decode(encode(Quote(**{key: getattr(event, key) for key in Quote.__struct_fields__})))
    own = {"type": "quote", "topic": BTC_QUOTES, "origin": "live"}
    assert json.loads(message_text(BTC_QUOTES, event, strings=False)) == own | wire


def test_wide_integers_are_strings_on_request_and_others_stay_numbers() -> None:
    event = quote(7, id=WIDE_ID, published_ns=1_700_000_000_000_000_003)
    got = json.loads(message_text(BTC_QUOTES, event, strings=True))
    assert got["id"] == str(WIDE_ID)
    assert got["received_ns"] == "1700000000000000001"
    assert got["published_ns"] == "1700000000000000003"
    assert got["session"] == "1"
    assert (got["seq"], got["timestamp"], got["bid"], got["ask_size"]) == (7, 1, 1.5, None)


@pytest.mark.parametrize("id_", [None, "20f43950-d8dd"])
def test_an_id_that_is_no_integer_stays_as_it_is(id_: str | None) -> None:
    assert json.loads(message_text(BTC_QUOTES, quote(1, id=id_), strings=True))["id"] == id_


def test_a_status_has_strings_in_next_seq_and_in_its_gap() -> None:
    event = status(1, GapUpstream("quote", WIDE_ID, None, "reconnected"))
    got = json.loads(message_text("status.x.", event, strings=True))
    assert got["next_seq"] == {BTC_QUOTES: str((1 << 60) + 1)}
    assert got["gap"]["from_id"] == str(WIDE_ID)
    assert got["gap"]["to_id"] is None
    assert got["channels"]["quote"]["state"] == "live"


def test_only_a_backfilled_trade_has_the_key_as_on_the_wire() -> None:
    trade = Trade(
        symbol=BTC, timestamp=1, price=1.0, size=2.0, side="buy", exchange=EXCHANGE, received_ns=1
    )
    late = Trade(**{**{key: getattr(trade, key) for key in Trade.__struct_fields__},
                    "backfilled": True})  # fmt: skip
    assert "backfilled" not in json.loads(message_text("t", trade, strings=False))
    assert json.loads(message_text("t", late, strings=False))["backfilled"] is True


def test_a_number_that_json_lacks_is_null() -> None:
    assert json.loads(message_text("t", quote(1, bid=math.nan), strings=False))["bid"] is None


def other(payload: bytes) -> Other:
    return Other("greeks", payload, EXCHANGE, BTC, 1, 2)


def test_a_message_of_an_unknown_channel_has_its_keys() -> None:
    payload = encode({"delta": 0.5, "open": WIDE_ID, "deep": [{"id": 5}], "type": "x", "seq": 2})
    got = json.loads(message_text("greeks.x.", other(payload), strings=True))
    assert got["delta"] == 0.5
    assert got["open"] == str(WIDE_ID)
    assert got["deep"] == [{"id": "5"}]
    assert (got["type"], got["topic"], got["origin"]) == ("greeks", "greeks.x.", "live")


@pytest.mark.parametrize("payload", [b"\x81\xa1k\xd4\x05\x00", b"\xc1", b"\x91" * 5000 + b"\x90"])
def test_a_payload_that_json_can_not_express_is_sent_as_base64(payload: bytes) -> None:
    got = json.loads(message_text("greeks.x.", other(payload), strings=True))
    assert (got["type"], got["session"], got["seq"]) == ("greeks", "1", 2)
    assert isinstance(got["payload"], str)


@pytest.mark.parametrize(
    ("notice", "expected"),
    [
        (
            Gap(BTC_QUOTES, 5, 2, 3, "lost"),
            {"type": "gap", "topic": BTC_QUOTES, "session": "5", "from_seq": 2, "to_seq": 3,
             "reason": "lost"},
        ),
        (
            UpstreamGap("f.", "quote", WIDE_ID, None, "reconnected"),
            {"type": "upstream_gap", "feed": "f.", "channel": "quote", "from_id": str(WIDE_ID),
             "to_id": None, "reason": "reconnected"},
        ),
        (NewSession("f.", 1, 2), {"type": "new_session", "feed": "f.", "old": "1", "new": "2"}),
        (
            Stopped("f.", 1, None),
            {"type": "stopped", "feed": "f.", "session": "1", "reason": None},
        ),
    ],
)  # fmt: skip
def test_a_notice_has_its_keys_and_those_of_its_entry(
    notice: Notice, expected: dict[str, Any]
) -> None:
    text = notice_text(notice, Journal().add(notice, 1000), strings=True)
    assert json.loads(text) == {**expected, "at_ms": 1000, "number": 1}


def test_foreign_text_can_not_end_a_server_sent_event() -> None:
    notice = Stopped("f.", 1, "a\n\ndata: b\r\u2028")
    text = notice_text(notice, Journal().add(notice, 1), strings=False)
    assert b"\n" not in text
    assert b"\r" not in text
