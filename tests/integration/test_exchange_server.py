"""The embedded exchange over real sockets, as a Binance client sees it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from raw_recordings import one_symbol

from feedd.clock import Clock
from feedd.embedded.binance import served
from feedd.embedded.binance import ws_session as binance
from feedd.embedded.binance.recorded import RecordedMarket, load_tapes
from feedd.embedded.binance.served import usdm
from feedd.embedded.engine import SymbolHistory
from feedd.embedded.generated import GeneratedMarket, GeneratedSpot
from feedd.embedded.market import Market, MarketMessage
from feedd.embedded.rest_page import API_KEY
from feedd.embedded.server import ExchangeServer
from feedd.embedded.truth import TruthLog
from feedd.errors import EndpointInUseError
from feedd.runtime import bind_retry

WITHIN_S = 45
STILL = 1e-6  # the scale of a clock that all but stands still: no minute and no second ends


@asynccontextmanager
async def serving(
    market: Market | None = None,
    scale: float = 1.0,
    truth: Path | None = None,
    spot: bool = False,
) -> AsyncIterator[tuple[ExchangeServer, aiohttp.ClientSession]]:
    log = None if truth is None else TruthLog(truth)
    server = ExchangeServer(
        [
            usdm(market or GeneratedMarket(Clock(), rate=500)),
            *([served.spot(GeneratedSpot(Clock(), rate=500))] if spot else []),
        ],
        Clock(scale),
        log,
    )
    port = await server.start(0)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        yield server, session
    await server.stop()


async def subscribe(socket: aiohttp.ClientWebSocketResponse, *streams: str) -> None:
    await socket.send_json({"method": "SUBSCRIBE", "params": streams, "id": 1})
    assert await socket.receive_json(timeout=WITHIN_S) == {"result": None, "id": 1}


async def gather(
    socket: aiohttp.ClientWebSocketResponse, seconds: float, least: int = 1
) -> list[Any]:
    """Return the messages of `seconds`, and wait longer until there are `least`."""
    messages: list[Any] = []
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    while True:
        within_s = seconds if len(messages) >= least else max(seconds, WITHIN_S)
        left = began_s + within_s - loop.time()
        if left <= 0:
            break
        try:
            message = await socket.receive(timeout=left)
        except TimeoutError:
            break
        if message.type != aiohttp.WSMsgType.TEXT:
            break
        messages.append(json.loads(message.data))
    assert len(messages) >= least
    return messages


def events(truth: Path) -> list[Any]:
    return [json.loads(line) for line in truth.read_text().splitlines()]


def test_book_quotes_and_trades_of_one_history_agree() -> None:
    """A quote and a book with the same update id agree."""

    async def run() -> None:
        async with serving() as (_, session), session.ws_connect("/public/ws/0") as socket:
            await subscribe(socket, "btcusdt@depth@0ms", "btcusdt@bookTicker", "btcusdt@trade")
            early = await gather(socket, 0.5, least=100)
            async with session.get("/fapi/v1/depth?symbol=BTCUSDT&limit=1000") as answer:
                snapshot = await answer.json()
            messages = early + await gather(socket, 3.0, least=1000)
        book = {"b": dict(snapshot["bids"]), "a": dict(snapshot["asks"])}
        book = {side: {float(p): float(q) for p, q in levels.items()}
                for side, levels in book.items()}  # fmt: skip
        quotes = {m["u"]: m for m in messages if m["e"] == "bookTicker"}
        trades = [m for m in messages if m["e"] == "trade"]
        tops = [(q["b"], q["B"], q["a"], q["A"]) for q in quotes.values()]
        assert all(before != after for before, after in pairwise(tops))
        last_u, compared = None, 0
        for diff in (m for m in messages if m["e"] == "depthUpdate"):
            assert last_u is None or diff["pu"] == last_u
            assert diff["pu"] < diff["U"] <= diff["u"]
            last_u = diff["u"]
            if diff["u"] <= snapshot["lastUpdateId"]:
                continue
            for side in ("b", "a"):
                for price, size in diff[side]:
                    book[side][float(price)] = float(size)
            best_bid = max(p for p, q in book["b"].items() if q)
            best_ask = min(p for p, q in book["a"].items() if q)
            assert best_bid < best_ask
            if diff["u"] in quotes:
                quote = quotes[diff["u"]]
                assert (float(quote["b"]), float(quote["a"])) == (best_bid, best_ask)
                assert float(quote["B"]) == book["b"][best_bid]
                assert float(quote["A"]) == book["a"][best_ask]
                compared += 1
        assert compared > 10
        ids = [trade["t"] for trade in trades]
        assert ids == list(range(ids[0], ids[0] + len(ids)))

    asyncio.run(run())


def test_every_market_stream_of_a_symbol_speaks_and_agrees_with_rest() -> None:
    async def run() -> None:
        streams = ["ticker", "miniTicker", "markPrice@1s", "kline_1m", "aggTrade", "forceOrder"]
        async with serving() as (_, session), session.ws_connect("/market/ws/1") as socket:
            await subscribe(socket, *(f"ethusdt@{name}" for name in streams))
            seen: dict[str, Any] = {}
            async with asyncio.timeout(WITHIN_S):
                while len(seen) < len(streams):
                    message = await socket.receive_json()
                    seen[message["e"]] = message
            async with session.get("/fapi/v1/ticker/24hr?symbol=ETHUSDT") as answer:
                ticker = await answer.json()
        assert seen.keys() == {
            "24hrTicker", "24hrMiniTicker", "markPriceUpdate", "kline", "aggTrade", "forceOrder",
        }  # fmt: skip
        assert ticker["openPrice"] == seen["24hrTicker"]["o"] == seen["24hrMiniTicker"]["o"]
        assert ticker["count"] >= seen["24hrTicker"]["n"]

    asyncio.run(run())


def test_rest_answers_carry_the_weight_used_and_the_exchanges_errors() -> None:
    async def run() -> None:
        async with serving() as (_, session):
            async with session.get("/fapi/v1/depth?symbol=BTCUSDT&limit=1000") as answer:
                assert answer.headers["X-MBX-USED-WEIGHT-1M"] == "20"
                body = await answer.json()
                assert float(body["bids"][0][0]) < float(body["asks"][0][0])
            async with session.get("/fapi/v1/depth?symbol=NOSUCH") as answer:
                assert answer.status == 400
                assert await answer.json() == {"code": -1121, "msg": "Invalid symbol."}
            async with session.get("/fapi/v1/nonsense") as answer:
                assert answer.status == 404
            async with session.get("/fapi/v1/klines?symbol=BTCUSDT&interval=7m") as answer:
                assert (await answer.json())["code"] == -1120

    asyncio.run(run())


def test_too_much_weight_is_429_with_retry_after_and_then_a_ban() -> None:
    async def run() -> None:
        # Each answer covers every symbol: at a rate, all of them would be busy from then on.
        market = GeneratedMarket(Clock(), rate=0.001)
        async with serving(market, scale=STILL) as (_, session):
            statuses = []
            for _ in range(80):  # 40 each: the limit is 2,400
                async with session.get("/fapi/v1/ticker/24hr") as answer:
                    statuses.append(answer.status)
                    if answer.status != 200:
                        assert int(answer.headers["Retry-After"]) > 0
                        assert (await answer.json())["code"] == -1003
            assert statuses == [200] * 60 + [429] * 10 + [418] * 10

    asyncio.run(run())


def test_a_connection_is_pinged_and_ends_after_a_day_of_the_scaled_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A day passes in 11 s: pings come every 3 min of it, and the end after 24 h.

    The 10 min for a pong would be 75 ms, for which a busy machine may stop us; it is half a day.
    """
    monkeypatch.setattr(binance, "_USDM_RULES", binance.ConnectionRules(180.0, 12 * 3600.0, 10))

    async def run() -> None:
        async with serving(scale=8_000) as (_, session):
            socket = await session.ws_connect("/public/ws/0", autoping=False)
            pings = 0
            while True:
                message = await socket.receive(timeout=WITHIN_S)
                if message.type == aiohttp.WSMsgType.PING:
                    pings += 1
                    assert message.data.isdigit()
                    await socket.pong(message.data)
                elif message.type == aiohttp.WSMsgType.CLOSE:
                    break
            assert message.data == 1001
            assert pings > 50

    asyncio.run(run())


def test_a_connection_that_answers_no_ping_is_closed() -> None:
    async def run() -> None:
        async with serving(scale=1000) as (_, session):
            socket = await session.ws_connect("/public/ws/0", autoping=False)
            message = await socket.receive(timeout=WITHIN_S)
            while message.type == aiohttp.WSMsgType.PING:
                message = await socket.receive(timeout=WITHIN_S)
            assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1008)

    asyncio.run(run())


def test_pings_are_answered_and_a_flood_is_the_end() -> None:
    async def run() -> None:
        async with serving(scale=STILL) as (_, session):
            socket = await session.ws_connect("/public/ws/0", autoping=False)
            await socket.ping(b"hello")
            message = await socket.receive(timeout=WITHIN_S)
            assert (message.type, message.data) == (aiohttp.WSMsgType.PONG, b"hello")
            for number in range(11):
                await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": number})
            message = await socket.receive(timeout=WITHIN_S)
            while message.type == aiohttp.WSMsgType.TEXT:
                message = await socket.receive(timeout=WITHIN_S)
            assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1008)

    asyncio.run(run())


def test_the_query_mode_wraps_each_message_in_its_streams_name() -> None:
    async def run() -> None:
        async with serving() as (_, session):
            path = "/public/stream?streams=btcusdt@bookTicker/btcusdt@trade"
            async with session.ws_connect(path) as socket:
                messages = await gather(socket, 1.0, least=10)
                for message in messages:
                    assert message["stream"].removeprefix("btcusdt@") == message["data"]["e"]

    asyncio.run(run())


def test_a_path_that_is_no_websocket_is_not_found() -> None:
    async def run() -> None:
        async with serving() as (_, session):
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await session.ws_connect("/public/nonsense")
            assert caught.value.status == 404

    asyncio.run(run())


def test_a_port_in_use_is_an_error_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bind_retry, "TRIES", 2)

    async def run() -> None:
        async with serving() as (server, session):
            assert server is not None
            port = int(str(session._base_url).rstrip("/").rsplit(":", 1)[1])
            with pytest.raises(EndpointInUseError, match=r"change embedded_exchange\.port"):
                await ExchangeServer([usdm(GeneratedMarket(Clock()))], Clock()).start(port)

    asyncio.run(run())


def test_the_truth_log_has_a_line_for_each_event_sent(tmp_path: Path) -> None:
    async def run() -> list[Any]:
        async with serving(truth=tmp_path / "truth") as (_, session):
            async with session.ws_connect("/public/ws/0") as socket:
                await subscribe(socket, "btcusdt@bookTicker", "btcusdt@trade")
                return await gather(socket, 1.0, least=50)

    seen = asyncio.run(run())
    truth = events(tmp_path / "truth")
    assert [event["data"] for event in truth][: len(seen)] == seen
    for event in truth:
        assert event["id"] == event["data"]["u" if "book" in event["stream"] else "t"]
        assert event["connection"] == 1
    times = [event["sent_ns"] for event in truth]
    assert times == sorted(times)


def test_a_recordings_stream_goes_on_by_the_clock_over_a_reconnect(btcusdt: Path) -> None:
    async def run() -> None:
        market = RecordedMarket(load_tapes(btcusdt), Clock(), speed=10.0, rebase=False)
        async with serving(market) as (_, session):
            async with session.ws_connect("/public/ws/0") as socket:
                began_s = time.monotonic()
                await subscribe(socket, "btcusdt@trade")
                first = await gather(socket, 1.0)
            await asyncio.sleep(1.0)
            async with session.ws_connect("/public/ws/0") as socket:
                await subscribe(socket, "btcusdt@trade")
                second = [await socket.receive_json(timeout=WITHIN_S)]
                passed_s = time.monotonic() - began_s
        assert first[0]["t"] == one_symbol(btcusdt).first_trade_id
        skipped_ms = second[0]["T"] - first[-1]["T"]
        # At ten times the pace, a second at the least, and less than all that has passed.
        assert 5_000 < skipped_ms < 10_000 * passed_s

    asyncio.run(run())


def test_a_recordings_times_move_to_now_on_request(btcusdt: Path) -> None:
    async def run() -> None:
        clock = Clock()
        market = RecordedMarket(load_tapes(btcusdt), clock, speed=1.0, rebase=True)
        async with serving(market) as (_, session):
            async with session.ws_connect("/public/ws/0") as socket:
                began_ms = clock.now_ns() / 1e6
                await subscribe(socket, "btcusdt@bookTicker")
                messages = await gather(socket, 2.0, least=50)
                now_ms = clock.now_ns() / 1e6
        assert all(began_ms - 3000 < m["E"] <= now_ms + 5 for m in messages)
        assert messages[0]["b"] == one_symbol(btcusdt).first_bid

    asyncio.run(run())


def test_frames_that_came_in_one_piece_are_sent_in_one_piece(btcusdt: Path) -> None:
    """At most one segment for all frames that came within a millisecond of each other."""

    async def run() -> None:
        market = RecordedMarket(load_tapes(btcusdt), Clock(), speed=1.0, rebase=False)
        async with serving(market) as (_, session):
            port = int(str(session._base_url).rstrip("/").rsplit(":", 1)[1])
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(
                b"GET /public/ws/btcusdt@bookTicker HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            await reader.readuntil(b"\r\n\r\n")
            most = 0
            for _ in range(40):
                piece = await asyncio.wait_for(reader.read(1 << 16), WITHIN_S)
                most = max(most, piece.count(b'"bookTicker"'))
            writer.close()
            assert most >= 3

    asyncio.run(run())


def test_a_recording_refuses_a_missing_stream_with_the_reason(btcusdt: Path) -> None:
    async def run() -> None:
        market = RecordedMarket(load_tapes(btcusdt), Clock(), speed=1.0, rebase=False)
        async with serving(market) as (_, session):
            async with session.ws_connect("/market/ws/0") as socket:
                await socket.send_json(
                    {"method": "SUBSCRIBE", "params": ["btcusdt@markPrice@1s"], "id": 1}
                )
                error = (await socket.receive_json(timeout=WITHIN_S))["error"]
                assert "holds no markPrice@1s" in error["msg"]
            async with session.get("/fapi/v1/premiumIndex?symbol=BTCUSDT") as answer:
                assert answer.status == 400
                assert "played from a recording" in (await answer.json())["msg"]

    asyncio.run(run())


def test_orders_come_in_bursts_as_in_the_recording_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the recording half of the bursts are single messages, one in ten has five or more."""
    made: list[list[int | None]] = []  # the ids of each burst: a busy machine sends several at once
    make = SymbolHistory._burst

    def burst(self: SymbolHistory, out: list[MarketMessage]) -> int:
        before = len(out)
        count = make(self, out)
        made.append([message.id for message in out[before:]])
        return count

    monkeypatch.setattr(SymbolHistory, "_burst", burst)

    async def run(bursts: bool) -> list[int]:
        path = tmp_path / str(bursts)
        market = GeneratedMarket(Clock(), rate=300, bursts=bursts)
        made.clear()
        async with serving(market, truth=path) as (_, session):
            async with session.ws_connect("/public/ws/0") as socket:
                await subscribe(socket, "btcusdt@bookTicker", "btcusdt@trade")
                await gather(socket, 4.0, least=1000)
        sent = {event["id"]: event["sent_ns"] for event in events(path)}
        whole = [[sent[id_] for id_ in ids] for ids in made if ids and set(ids) <= sent.keys()]
        assert all(len(set(times)) == 1 for times in whole)
        return sorted(map(len, whole))

    bursts, singles = asyncio.run(run(bursts=True)), asyncio.run(run(bursts=False))
    assert bursts[len(bursts) // 2] <= 4
    assert bursts[int(len(bursts) * 0.9)] >= 4
    assert sum(singles) / len(singles) < sum(bursts) / len(bursts)


def test_at_speed_0_a_recording_waits_for_its_reader(real_btcusdt: Path) -> None:
    async def run() -> None:
        market = RecordedMarket(load_tapes(real_btcusdt), Clock(), speed=0, rebase=False)
        async with serving(market) as (server, session):
            port = int(str(session._base_url).rstrip("/").rsplit(":", 1)[1])
            _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
            writer.write(
                b"GET /public/ws/btcusdt@bookTicker HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            backlogs = []
            for _ in range(300):
                await asyncio.sleep(0.1)
                backlogs += [client.backlog() for client in server._open]
                if len(backlogs) > 20 and backlogs[-20]:
                    break
            writer.close()
            assert 0 < max(backlogs) < 1_000_000  # the whole is 13 MB

    asyncio.run(run())


def test_a_recording_that_breaks_off_cuts_its_readers_off_and_then_refuses(tmp_path: Path) -> None:
    """A reader that is left connected and mute would take it for a quiet market."""
    path = tmp_path / "tape"
    trade = (
        '{{"stream":"btcusdt@trade","data":{{"e":"trade","E":1,"T":1,"s":"BTCUSDT","t":{},'
        '"p":"1.00","q":"1","X":"MARKET","m":false}}}}'
    )
    rows = [f"{1_723_161_255_000_000_000 + n} {trade.format(n)}\n" for n in range(5)]
    path.write_text("".join(rows))
    tapes = load_tapes(path)
    path.write_bytes(path.read_bytes() + b"\xff\xfe")

    async def run() -> None:
        market = RecordedMarket(tapes, Clock(), speed=1.0, rebase=False)
        async with serving(market) as (_, session):
            async with session.ws_connect("/public/ws/0") as socket:
                await socket.send_json(
                    {"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 1}
                )
                while (await socket.receive(timeout=WITHIN_S)).type == aiohttp.WSMsgType.TEXT:
                    pass
            async with session.ws_connect("/public/ws/0") as socket:
                await socket.send_json(
                    {"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 1}
                )
                error = (await socket.receive_json(timeout=WITHIN_S))["error"]
                assert "can't be played on" in error["msg"]

    asyncio.run(run())


def test_the_book_of_each_symbol_of_a_recording_is_its_answer_and_the_diffs_played(
    four_symbols: Path,
) -> None:
    tapes = load_tapes(four_symbols)
    tape = next(iter(tapes.values()))[0]

    async def run() -> None:
        market = RecordedMarket(tapes, Clock(), speed=0, rebase=False)
        async with serving(market) as (_, session):
            for symbol in tapes:
                diffs = [json.loads(row.data) for row in tape.lines()
                         if row.stream == f"{symbol.lower()}@depth@100ms"]  # fmt: skip
                snapshot = json.loads(tape.holdings[symbol].snapshot or "")
                async with session.ws_connect("/public/ws/0") as socket:
                    await subscribe(socket, f"{symbol.lower()}@depth@100ms")
                    for diff in diffs:
                        assert await socket.receive_json(timeout=WITHIN_S) == diff
                async with session.get(f"/fapi/v1/depth?symbol={symbol}&limit=1000") as answer:
                    told = await answer.json()
                later = [diff for diff in diffs if diff["u"] >= snapshot["lastUpdateId"]]
                assert later
                assert told["lastUpdateId"] == later[-1]["u"]
                for key, side in (("bids", "b"), ("asks", "a")):
                    book = {float(p): float(q) for p, q in snapshot[key]}
                    for diff in later:
                        book.update((float(p), float(q)) for p, q in diff[side])
                    left = {price: size for price, size in book.items() if size}
                    best = sorted(left.items(), reverse=side == "b")[:1000]
                    assert [(float(p), float(q)) for p, q in told[key]] == best

    asyncio.run(run())


def test_a_recordings_trades_over_rest_are_those_that_were_played(btcusdt: Path) -> None:
    async def run() -> None:
        market = RecordedMarket(load_tapes(btcusdt), Clock(), speed=10.0, rebase=False)
        async with serving(market) as (_, session):
            async with session.get("/fapi/v1/trades?symbol=BTCUSDT") as answer:
                assert await answer.json() == []
            async with session.ws_connect("/public/ws/0") as socket:
                await subscribe(socket, "btcusdt@trade")
                played = await gather(socket, 1.0, least=100)
            first = played[0]["t"]
            page = f"/fapi/v1/historicalTrades?symbol=BTCUSDT&fromId={first}&limit=100"
            async with session.get(page, headers={"X-MBX-APIKEY": API_KEY}) as answer:
                rows = await answer.json()
        assert len(rows) == 100
        for row, trade in zip(rows, played, strict=False):
            assert (row["id"], row["price"], row["qty"]) == (trade["t"], trade["p"], trade["q"])
            assert (row["time"], row["isBuyerMaker"]) == (trade["T"], trade["m"])
            assert float(row["quoteQty"]) == pytest.approx(float(row["price"]) * float(row["qty"]))

    asyncio.run(run())


@pytest.mark.parametrize("prefix", ["", "/spot"])
def test_trades_of_the_stream_can_be_asked_for_again_by_their_ids(prefix: str) -> None:
    async def run() -> None:
        async with serving(spot=True) as (_, session):
            async with session.ws_connect(f"{prefix}/ws/btcusdt@trade") as socket:
                told = await gather(socket, 1.0, least=20)
            page = "/spot/api/v3" if prefix else "/fapi/v1"
            query = f"symbol=BTCUSDT&fromId={told[0]['t']}&limit=1000"
            async with session.get(
                f"{page}/historicalTrades?{query}", headers={"X-MBX-APIKEY": API_KEY}
            ) as answer:
                rows = await answer.json()
        seen = [(t["t"], t["p"], t["q"], t["T"], t["m"]) for t in told]
        again = [(r["id"], r["price"], r["qty"], r["time"], r["isBuyerMaker"]) for r in rows]
        assert again[: len(seen)] == seen

    asyncio.run(run())


def test_too_many_connections_are_refused_and_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(served, "CONNECTS_LIMIT", 3)

    async def run() -> None:
        async with serving(spot=True, scale=STILL) as (_, session):
            for _ in range(3):
                async with session.ws_connect("/ws/btcusdt@bookTicker"):
                    pass
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect("/market/ws/btcusdt@ticker")
            assert refused.value.status == 429
            assert refused.value.headers is not None
            assert 290 < int(refused.value.headers["Retry-After"]) <= 300
            async with session.ws_connect("/spot/ws/btcusdt@bookTicker"):
                pass
            await session.get("/fapi/v1/depth", params={"symbol": "BTCUSDT", "limit": "1000"})
            async with session.get("/embedded/account") as answer:
                ((_, told),) = (await answer.json()).items()
            assert told["usdm"] == {
                "requests": {"depth": 1},
                "weight_this_minute": 20,
                "most_weight_in_a_minute": 20,
                "refusals": {"429": 1},
                "connects": 3,
                "most_connects_in_5_min": 3,
            }
            assert told["spot"]["connects"] == 1

    asyncio.run(run())
