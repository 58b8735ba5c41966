"""The HTTP API: each path's answer, its schema, and its errors."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

import jsonschema
import msgspec
import pytest
from gateway_events import (
    AT_MS,
    EXCHANGE,
    FEED,
    SYMBOL,
    book,
    candle,
    quote,
    status,
    ticker,
    trade,
)  # fmt: skip
from gateway_server import STARTED_MS, Gateway, gateway

from feedd.client.events import Gap, NewSession, StateChange, Stopped, UpstreamGap
from feedd.codec import encode
from feedd.gateway.documents import ProcessReport
from feedd.gateway.openapi import OPERATIONS, document
from feedd.gateway.server import ROUTES
from feedd.gateway.stream.stream_query import stream_query
from feedd.health.report import ProcessHealth, Report, Usage
from feedd.transport.history_client import BusyError, HistoryRange, NoHistoryError

GAP = Gap(f"trade.{FEED}", 1 << 60, 3, 5, "lost")
NOTICES = (
    GAP, UpstreamGap(FEED, "book", 10, 14, "skipped"), NewSession(FEED, 6, 7),
    StateChange(FEED, "stale", "silent"), Stopped(FEED, 7, None), StateChange("", "behind", "x"),
)  # fmt: skip
PLAIN_STATUS = {
    key: value
    for key, value in msgspec.to_builtins(status(AT_MS, "trade", "book")).items()
    if key != "client.origin"
}
FEED_ROW = ProcessHealth(
    "feed-binanceusdm-BTC-USDT-USDT", "RUNNING", 7, 5, port=5555, exchange=EXCHANGE, state="live",
    usage=Usage(1.0, 50.0), channels=PLAIN_STATUS["channels"], status=PLAIN_STATUS, restarts=1,
    restarts_last_hour=0,
)  # fmt: skip
PROXY_ROW = ProcessHealth("proxy", "RUNNING", 8, 5)


def run(scenario: Callable[[Gateway], Awaitable[None]]) -> None:
    async def main() -> None:
        async with gateway() as made:
            await scenario(made)

    asyncio.run(main())


def fill(made: Gateway) -> None:
    """Let the gateway have taken some of everything."""
    events = [
        status(AT_MS, "trade", "book", "quote"), trade(AT_MS, 10.0), book(AT_MS),
        quote(AT_MS, 1.0, 2.0), ticker(AT_MS, 3.0), candle(AT_MS, 1.0), *NOTICES,
    ]  # fmt: skip
    for event in events:
        made.intake.take(event, time.monotonic(), AT_MS)
    made.trends.sample(made.intake.market, time.monotonic(), AT_MS)
    made.report(PROXY_ROW, FEED_ROW)
    payload = encode({**PLAIN_STATUS, "seq": 4})
    made.history.answer = HistoryRange(2, 9, [(b"status.", payload)])


# --- the description -----------------------------------------------------------------------------


def test_every_route_is_described_and_nothing_else() -> None:
    served = {re.sub(r":[^}]*}", "}", route.path) for routes in ROUTES for route in routes}
    assert served == {operation.path for operation in OPERATIONS}


def test_every_schema_is_valid() -> None:
    schemas = document()["components"]["schemas"]
    jsonschema.Draft202012Validator.check_schema({"$defs": schemas})


def with_schema(schema: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "components": document()["components"]}


@pytest.mark.parametrize(
    "url",
    [
        "/healthz", "/readyz", "/api/status", "/api/overview", "/api/gaps", "/api/gaps?ints=string",
        f"/api/gaps?feed={FEED}", "/api/timeline", "/api/timeline?ints=string",
        f"/api/book?feed={FEED}", f"/api/book?feed={FEED}&ints=string",
        f"/api/ticks?feed={FEED}&channel=status",
        f"/api/ticks?feed={FEED}&channel=status&ints=string", f"/api/candles?feed={FEED}",
        "/api/trends", "/api/trends?series=last",
    ],
)  # fmt: skip
def test_each_answer_satisfies_its_schema(url: str) -> None:
    described = document()["paths"][url.partition("?")[0]]["get"]
    schema = described["responses"]["200"]["content"]["application/json"]["schema"]

    async def scenario(made: Gateway) -> None:
        fill(made)
        code, content = await made.get(url)
        assert code == 200, content
        jsonschema.validate(content, with_schema(schema))

    run(scenario)


def test_the_described_parameters_are_those_that_are_accepted() -> None:
    async def scenario(made: Gateway) -> None:
        fill(made)
        for operation in OPERATIONS:
            if not operation.path.startswith("/api/") or operation.path.endswith("openapi.json"):
                continue
            described = document()["paths"][operation.path]["get"]["parameters"]
            names = {one["name"] for one in described}
            for name in {"feed", "symbol", "limit", "ints", "before", "session", *names}:
                _, content = await made.get(f"{operation.path}?{name}=")
                unknown = str(content.get("error", "")).startswith("there is no parameter")
                assert unknown == (name not in names), (operation.path, name, content)

    run(scenario)


def test_the_described_parameters_of_the_stream_are_those_that_are_accepted() -> None:
    described = document()["paths"]["/stream"]["get"]["parameters"]
    valid = {"topic": "quote.", "ints": "string", "conflate_ms": "100", "snapshot": "false"}
    assert {one["name"] for one in described} == valid.keys()
    stream_query(valid.items())


def test_the_status_has_the_keys_of_feedd_status_json() -> None:
    whole = Report((FEED_ROW,)).as_dict()

    async def scenario(made: Gateway) -> None:
        made.report(FEED_ROW)
        assert await made.get("/api/status") == (200, msgspec.to_builtins(whole))

    run(scenario)
    assert set(whole["processes"][0]) == set(ProcessReport.__struct_fields__)


# --- health --------------------------------------------------------------------------------------


def test_it_is_ready_while_a_fresh_report_is_healthy() -> None:
    async def scenario(made: Gateway) -> None:
        assert await made.get("/healthz") == (200, {"status": "ok"})
        assert (await made.error("/readyz"))[:2] == (503, "the health is not known yet")
        made.report(FEED_ROW)
        assert await made.get("/readyz") == (200, {"status": "ready", "feeds": 1})
        made.report(ProcessHealth("x", "FATAL", None, 0, reason="bad"), FEED_ROW)
        code, error, _ = await made.error("/readyz")
        assert (code, error) == (503, "x: FATAL: bad")
        made.report(FEED_ROW, age_s=60)
        assert (await made.error("/readyz"))[0] == 503

    run(scenario)


def test_before_the_first_report_there_is_neither_status_nor_overview() -> None:
    async def scenario(made: Gateway) -> None:
        for path in ("/api/status", "/api/overview"):
            code, _, remedy = await made.error(path)
            assert (code, remedy) == (503, "ask again in a second")

    run(scenario)


def test_the_overview_names_each_process_and_its_feed() -> None:
    async def scenario(made: Gateway) -> None:
        fill(made)
        _, content = await made.get("/api/overview")
        proxy, feed = content["processes"]
        assert (proxy["is_feed"], proxy["feed"], proxy["healthy"]) == (False, None, True)
        assert (feed["feed"], feed["symbol"], feed["restarts"]) == (FEED, SYMBOL, 1)
        assert content["latency_us"] == {"p50": 20.0, "p99": 90.0}
        assert content["started_ms"] == STARTED_MS
        assert content["summary"]["feeds"] == 1

    run(scenario)


# --- what happened -------------------------------------------------------------------------------


def test_gaps_are_those_of_the_streams_and_of_the_exchanges_newest_first() -> None:
    async def scenario(made: Gateway) -> None:
        fill(made)
        _, content = await made.get("/api/gaps")
        assert content == {
            "gaps": [
                {"number": 2, "at_ms": AT_MS, "kind": "upstream_gap", "feed": FEED,
                 "channel": "book", "from_id": 10, "to_id": 14, "reason": "skipped"},
                {"number": 1, "at_ms": AT_MS, "kind": "gap", "feed": FEED, "channel": "trade",
                 "session": 1 << 60, "from_seq": 3, "to_seq": 5, "reason": "lost"},
            ],
            "next_before": None, "since_ms": STARTED_MS,
        }  # fmt: skip
        _, content = await made.get("/api/gaps?ints=string")
        assert content["gaps"][1]["session"] == str(1 << 60)

    run(scenario)


def test_the_timeline_is_read_by_pages() -> None:
    async def scenario(made: Gateway) -> None:
        fill(made)
        found, before = [], ""
        while True:
            _, content = await made.get(f"/api/timeline?limit=2{before}")
            found += [(entry["number"], entry["kind"]) for entry in content["entries"]]
            if content["next_before"] is None:
                break
            before = f"&before={content['next_before']}"
        kinds = ["state", "stopped", "state", "restart", "upstream_gap", "gap"]
        assert found == list(zip(range(6, 0, -1), kinds, strict=True))
        _, content = await made.get(f"/api/timeline?feed={FEED}")
        assert [entry["number"] for entry in content["entries"]] == [5, 4, 3, 2, 1]

    run(scenario)


# --- messages ------------------------------------------------------------------------------------


def test_the_book_is_the_last_one_as_on_the_wire_with_its_age() -> None:
    async def scenario(made: Gateway) -> None:
        assert (await made.error(f"/api/book?feed={FEED}"))[:2] == (
            404, f"no book of {FEED} has arrived",
        )  # fmt: skip
        now_ms = time.time_ns() // 1_000_000
        made.intake.take(book(now_ms - 5000), 0.0, now_ms)
        _, content = await made.get("/api/book?symbol=BTCUSDT")
        assert 5000 <= content.pop("age_ms") < 60_000
        assert content == {
            "symbol": SYMBOL, "timestamp": now_ms - 5000, "bids": [[99.0, 1.0], [98.0, 2.0]],
            "asks": [[101.0, 1.0]], "exchange": EXCHANGE, "received_ns": (now_ms - 5000) * 10**6,
            "published_ns": (now_ms - 5000) * 10**6, "session": 7, "seq": 1, "id": None,
        }  # fmt: skip
        _, content = await made.get("/api/book?symbol=BTCUSDT&ints=string")
        assert content["received_ns"] == str((now_ms - 5000) * 10**6)

    run(scenario)


TOPIC = f"trade.{FEED}"


@pytest.mark.parametrize(
    ("query", "request_sent"),
    [
        (f"topic={TOPIC}", (TOPIC, 7, 401, 500)),  # the newest
        ("symbol=BTCUSDT&channel=trade&limit=10", (TOPIC, 7, 491, 500)),
        (f"topic={TOPIC}&from=3", (TOPIC, 7, 3, 102)),
        (f"topic={TOPIC}&from=3&to=9", (TOPIC, 7, 3, 9)),
        (f"topic={TOPIC}&to=50&limit=20", (TOPIC, 7, 31, 50)),
        (f"topic={TOPIC}&session=7&limit=1", (TOPIC, 7, 500, 500)),
        (f"topic={TOPIC}&session=6&limit=5", (TOPIC, 6, 1, 5)),  # an earlier one
    ],
)
def test_ticks_are_asked_for_by_bounded_ranges(query: str, request_sent: tuple[Any, ...]) -> None:
    async def scenario(made: Gateway) -> None:
        made.intake.take(trade(AT_MS, 10.0, seq=500), 0.0, AT_MS)
        code, _ = await made.get(f"/api/ticks?{query}")
        assert (code, made.history.requests) == (200, [request_sent])

    run(scenario)


def payloads(*seqs: int) -> list[tuple[bytes, bytes]]:
    return [(TOPIC.encode(), encode({"seq": seq, "price": 1.5})) for seq in seqs]


@pytest.mark.parametrize(
    ("answer", "seqs", "next_from"),
    [
        (HistoryRange(1, 90, payloads(3, 4)), [3, 4], 5),
        (HistoryRange(1, 4, payloads(3, 4)), [3, 4], None),
        (HistoryRange(1, 90, payloads(3)), [3], 4),  # it was cut off at its size
        (HistoryRange(None, None, []), [], None),
        (HistoryRange(1, 4, [*payloads(3), (b"", b"\xc1")]), [3], 4),  # unreadable
    ],
)
def test_a_page_of_ticks_names_where_the_next_one_begins(
    answer: HistoryRange, seqs: list[int], next_from: int | None
) -> None:
    async def scenario(made: Gateway) -> None:
        made.intake.take(trade(AT_MS, 10.0, seq=90), 0.0, AT_MS)
        made.history.answer = answer
        _, content = await made.get(f"/api/ticks?topic={TOPIC}&from=3&to=4")
        assert [tick["seq"] for tick in content["ticks"]] == seqs
        assert (content["low"], content["high"]) == (answer.low, answer.high)
        assert content["next_from"] == next_from

    run(scenario)


@pytest.mark.parametrize(
    ("query", "code", "error", "remedy"),
    [
        ("", 400, "no topic is given", "add topic="),
        (f"feed={FEED}", 400, "no topic is given", "add topic="),
        ("channel=trade", 400, "no feed is given", "add feed="),
        (f"topic={TOPIC}&channel=trade", 400, "topic and feed are both given", "write only topic"),
        ("topic=trade.x.Y.", 404, "there is no feed 'x.Y.'", "the feeds are binanceusdm.BTC/"),
        (f"topic=trad.{FEED}", 400, "there is no channel 'trad'", "is it trade?"),
        (f"topic=mark.{FEED}", 404, "nothing of topic mark.", "the topics of this feed are"),
        (f"topic={TOPIC}&from=9&to=3", 400, "from=9 is after to=3", "write the lower number"),
        (f"topic={TOPIC}&limit=100000", 400, "limit=100000 is above", "write at most 1000"),
    ],
)  # fmt: skip
def test_a_wrong_request_for_ticks_is_refused_with_the_remedy(
    query: str, code: int, error: str, remedy: str
) -> None:
    async def scenario(made: Gateway) -> None:
        made.intake.take(trade(AT_MS, 10.0), 0.0, AT_MS)
        found = await made.error(f"/api/ticks?{query}")
        assert found[0] == code
        assert found[1].startswith(error)
        assert found[2].startswith(remedy)

    run(scenario)


@pytest.mark.parametrize("fault", [NoHistoryError("tcp://x did not answer"), BusyError("busy")])
def test_a_history_that_does_not_answer_is_an_error(fault: Exception) -> None:
    async def scenario(made: Gateway) -> None:
        made.intake.take(trade(AT_MS, 10.0), 0.0, AT_MS)
        made.history.answer = fault
        code, error, _ = await made.error(f"/api/ticks?topic={TOPIC}")
        assert code == 503
        assert str(fault) in error

    run(scenario)


# --- series --------------------------------------------------------------------------------------


def test_candles_and_trends_are_those_of_the_feed() -> None:
    async def scenario(made: Gateway) -> None:
        fill(made)
        _, content = await made.get("/api/candles?symbol=BTCUSDT&limit=1")
        assert content == {
            "made_from": "trade", "timeframe": "1m",
            "candles": [[AT_MS, 10.0, 10.0, 10.0, 10.0, 1.0]],
        }  # fmt: skip
        _, content = await made.get(f"/api/trends?feed={FEED}&series=last")
        assert content == {"step_s": 5, "feeds": {FEED: {"end_ms": AT_MS, "last": [10.0]}}}
        code, error, _ = await made.error("/api/candles?symbol=ETHUSDT")
        assert (code, error) == (404, f"{EXCHANGE}.ETH/USDT:USDT. has no candles")
        assert await made.get("/api/trends?symbol=ETHUSDT") == (200, {"step_s": 5, "feeds": {}})

    run(scenario)


# --- errors --------------------------------------------------------------------------------------


def test_unknown_paths_and_methods_are_errors_with_a_remedy() -> None:
    async def scenario(made: Gateway) -> None:
        code, error, remedy = await made.error("/api/nothing")
        assert (code, error) == (404, "there is no /api/nothing")
        assert "/api/openapi.json" in remedy
        for method in ("post", "put", "delete", "patch"):
            call = getattr(made.client, method)
            async with call(f"http://127.0.0.1:{made.port}/api/status") as answer:
                assert answer.status == 405
                assert "use GET" in (await answer.json())["remedy"]

    run(scenario)


def test_a_fault_of_a_handler_is_an_error_and_the_next_request_is_answered() -> None:
    async def scenario(made: Gateway) -> None:
        made.report(FEED_ROW)
        made.health.latest = "no report"  # type: ignore[assignment]
        code, error, remedy = await made.error("/api/status")
        assert (code, error) == (500, "a fault in feedd")
        assert "feedd logs gateway" in remedy
        assert (await made.get("/healthz"))[0] == 200

    run(scenario)
