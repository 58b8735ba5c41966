"""Limits of an address, checked against ccxt's table and the exchange's documentation."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from feedd.sources.limits.address_limits import address_limits, place, requested_pause_s
from feedd.venues.binance import weights
from feedd.venues.limits import PAUSE_S

USDM = address_limits("binanceusdm", "BTC/USDT:USDT", 50)
BYBIT = address_limits("bybit", "BTC/USDT:USDT", 20)


def ccxt_cost(exchange: str, api: str, page: str, query: dict[str, Any]) -> float:
    made = getattr(importlib.import_module(f"ccxt.pro.{exchange}"), exchange)()
    config = made.api[api]["get"][page]
    return float(made.calculate_rate_limiter_cost([api], "GET", page, query, config))


@pytest.mark.parametrize(
    ("exchange", "symbol", "api", "page", "query"),
    [
        ("binanceusdm", "BTC/USDT:USDT", "fapiPublic", "exchangeInfo", {}),
        ("binanceusdm", "BTC/USDT:USDT", "fapiPublic", "depth", {"limit": 1000}),
        ("binanceusdm", "BTC/USDT:USDT", "fapiPublic", "trades", {"limit": 1000}),
        ("binanceusdm", "BTC/USDT:USDT", "fapiPublic", "historicalTrades", {"limit": 1000}),
        ("binance", "BTC/USDT", "public", "exchangeInfo", {}),
        ("binance", "BTC/USDT", "public", "depth", {"limit": 1000}),
        ("binance", "BTC/USDT", "private", "account", {}),
    ],
)
def test_ccxts_cost_equals_binances_weight(
    exchange: str, symbol: str, api: str, page: str, query: dict[str, Any]
) -> None:
    limits = address_limits(exchange, symbol, 50)
    costs = weights.SPOT if api in {"public", "private"} else weights.USDM
    assert limits.per_cost is not None
    charged = ccxt_cost(exchange, api, page, query) * limits.per_cost
    assert charged == weights.weight(page, {k: str(v) for k, v in query.items()}, costs)
    assert limits.weight.most == costs.limit * 0.9


def test_one_budget_is_of_one_limit_whichever_class_of_ccxt_asks() -> None:
    assert address_limits("binance", "BTC/USDT:USDT", 50) is USDM
    assert address_limits("binance", "BTC/USDT", 50).name == "binance-spot"
    assert address_limits("binancecoinm", "BTC/USD:BTC", 50).name == "binance-inverse"
    assert address_limits("bybit", "BTC/USDT", 20) is BYBIT
    other = address_limits("bitstamp", "BTC/USD", 1000)
    assert (other.name, other.weight.most, other.connects) == ("bitstamp", 54, None)


@pytest.mark.parametrize(
    ("endpoint", "end"),
    [
        (None, ""),
        ("http://127.0.0.1:8765", "-127.0.0.1-8765"),
        ("http://127.0.0.1:8765/spot/", "-127.0.0.1-8765-spot"),
        ("https://me:secret@[::1]/a%2Fb", "-1-a-2Fb"),
    ],
)
def test_an_endpoint_is_part_of_the_name_without_its_secrets(endpoint: str, end: str) -> None:
    assert place(endpoint) == end


@pytest.mark.parametrize(
    ("status", "headers", "body", "seconds"),
    [
        (429, {"Retry-After": "57"}, "", 57),
        (429, {"retry-after": "0"}, "", 1),
        (429, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, "", PAUSE_S[429]),
        (429, {"Retry-After": "-5"}, "", PAUSE_S[429]),
        (418, {}, "IP(1.2.3.4) banned until 1700000300000. Please", 300),
        (418, {}, "banned until 1600000000000", 1),
        (418, {}, "", 120),
        (403, {}, "", 60),
    ],
)
def test_a_refusal_sets_the_length_of_the_pause(
    status: int, headers: dict[str, str], body: str, seconds: float
) -> None:
    assert requested_pause_s(USDM, status, headers, body, 1_700_000_000.0) == seconds
    assert requested_pause_s(BYBIT, 403, {}, "access too frequent", 0.0) == 600
