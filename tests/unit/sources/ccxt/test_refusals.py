"""Forms of refusals, and messages that are none."""

from __future__ import annotations

from typing import Any

import pytest

from feedd.sources.ccxt.refusals import refusal_of


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"type": "error", "message": "failure to subscribe", "reason": "X is not a product"},
         "failure to subscribe: X is not a product"),
        ({"id": "1", "type": "error", "code": 404, "data": "topic /market/match:X is not found"},
         "topic /market/match:X is not found"),
        ({"jsonrpc": "2.0", "id": 1, "error": {"message": "Invalid params", "code": -32602}},
         "Invalid params"),
        ({"event": "error", "msg": "symbol: invalid", "code": 10300, "symbol": "tX"},
         "symbol: invalid"),
        ({"event": "bts:error", "channel": "", "data": {"code": 4004, "message": "Bad string."}},
         "Bad string."),
        ({"error": {"code": 6001, "message": "invalid argument"}, "id": 1, "result": None},
         "invalid argument"),
        ({"event": "error", "message": "Invalid product id"}, "Invalid product id"),
        ({"event": "alert", "message": "Bad request"}, "Bad request"),
        ({"id": "1", "event": "subscribe", "success": False, "errorMsg": "no topic"}, "no topic"),
        ({"id": 1, "code": 20001, "message": "invalid argument"}, "invalid argument"),
        ({"id": "", "code": 80015, "msg": "dataType not support", "data": None},
         "dataType not support"),
        ({"status": 400, "error": "Unknown table: x", "meta": {}, "request": {}},
         "Unknown table: x"),
        ({"result": "error", "reason": "InvalidJson"}, "InvalidJson"),
        ({"channel": "error", "data": "Invalid subscription"}, "Invalid subscription"),
        ({"errorCode": 205, "error": "market parameter is invalid.", "action": "subscribe"},
         "market parameter is invalid."),
        ({"m": "error", "code": 100005, "reason": "INVALID_WS_REQUEST_DATA"},
         "INVALID_WS_REQUEST_DATA"),
        ({"e": "subscribe", "data": {"error": "Invalid pair"}, "ok": "error"}, "Invalid pair"),
        ({"error": {"name": "NO_CODES", "message": "no codes"}}, "no codes"),
        ({"Event": "x", "status": "error", "err-code": "bad-request", "err-msg": "invalid topic"},
         "invalid topic"),
        ([{"T": "error", "code": 400, "msg": "invalid syntax"}], "invalid syntax"),
        ({"id": 0, "code": 0, "msg": "Not Subscribed successfully! [x]"},
         "Not Subscribed successfully! [x]"),
        ({"action": "error", "args": ["x"], "message": "no topic"}, "no topic"),
        ({"type": "error"}, "refused"),
    ],
)  # fmt: skip
def test_a_refusal_is_recognized_with_its_reason(message: Any, reason: str) -> None:
    assert refusal_of(message) == reason


@pytest.mark.parametrize(
    "message",
    [
        {"event": "subscribed", "channel": "trades", "chanId": 5, "symbol": "tX"},
        {"type": "subscriptions", "channels": [{"name": "level2", "product_ids": ["X"]}]},
        {"jsonrpc": "2.0", "id": 1, "result": ["trades.X"]},
        {"id": 1, "result": {"status": "success"}, "error": None},
        {"id": 1, "code": 0, "msg": "spot@public.deals.v3.api@X"},
        {"success": True, "ret_msg": "", "op": "subscribe"},
        {"event": "bts:subscription_succeeded", "channel": "live_trades_x", "data": {}},
        {"type": "ticker", "code": "KRW-BTC", "trade_price": 5.0, "message": "x"},
        {"topic": "trades", "code": 1, "data": [{"price": "1", "message": "x"}]},
        {"channel": "trades", "data": [{"id": "5", "error": None}]},
        {"event": "pong", "ts": 5},
        {"success": ["trades.X"], "op": "subscribe"},
        {"success": {"topic": "trades.X"}, "fail": []},
        {"type": "heartbeat", "sequence": 90},
        {"status": "ok", "subbed": "market.x.trade.detail", "ts": 5},
        {"code": 200, "msg": "OK"},
        {"errorCode": 0, "errorMsg": "", "data": 1},
        [5, "hb"], [5, [[1.0, 2, 3.0]]], "pong", 5, None, [], {},
    ],
)  # fmt: skip
def test_data_acknowledgements_and_heartbeats_are_no_refusals(message: Any) -> None:
    assert refusal_of(message) is None
