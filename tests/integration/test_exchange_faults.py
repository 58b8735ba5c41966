"""Each fault of the embedded exchange, as a plain client sees it on the wire."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from integration.fault_setup import (
    CLOSE,
    DEPTH,
    QUOTES,
    TEXT,
    TRADES,
    WITHIN_S,
    Place,
    Reader,
    eventually,
    place,
)

from feedd.clock import Clock
from feedd.config.faults import Fault
from feedd.embedded.binance import ws_session as protocol
from feedd.embedded.binance.recorded import RecordedMarket, load_tapes

Case = Callable[["Place"], Awaitable[None]]


# --- connections ----------------------------------------------------------------------------


async def close_codes(p: Place) -> None:
    for code in (1000, 1001, 1008, 1011, 1012, 4000):
        async with p.reading(QUOTES) as reader:
            await p.fault("close", code=code, text="why")
            message = await reader.until_not_text()
            assert (message.type, message.data, message.extra) == (CLOSE, code, "why")
    closed = await eventually(lambda: p.marks("closed"))
    first = closed[0]
    assert (first["fault"], first["by"], first["streams"]) == ("close", "exchange", [QUOTES])
    assert [m["mark"] for m in p.marks("opened", "closed")][:2] == ["opened", "closed"]


async def close_of_some(p: Place) -> None:
    async with p.reading(QUOTES) as struck, p.reading("ethusdt@bookTicker") as other:
        await p.fault("close", symbol="BTC/USDT:USDT")
        assert (await struck.until_not_text()).type == CLOSE
        await other.events(3)


async def close_of_whoever_comes(p: Place) -> None:
    await p.fault("close", code=1012, count=2)
    for _ in range(2):
        async with p.reading(QUOTES, ack=False) as reader:
            assert (await reader.until_not_text()).data == 1012
    async with p.reading(QUOTES) as reader:
        await reader.events(3)
    assert (await p.told())["over"][0]["fired"] == 2


async def close_without_fin(p: Place) -> None:
    async with p.reading(QUOTES) as reader:
        await p.fault("close_without_fin", code=1001)
        assert (await reader.until_not_text()).data == 1001
        await eventually(lambda: p.swallowed("close_without_fin"))
        transport = reader.socket._conn.transport  # type: ignore[union-attr]
        assert not transport.is_closing()
        assert p.marks("closed") == []
    await eventually(lambda: p.marks("closed"))


async def shutdown(p: Place) -> None:
    async with p.reading(QUOTES) as reader:
        await p.fault("shutdown", delay_s=3.0, code=1012)
        assert (await reader.until(lambda said: said.get("e") == "serverShutdown"))["E"] > 0
        await reader.events(3)
        assert (await reader.until_not_text()).data == 1012


@asynccontextmanager
async def raw(p: Place) -> AsyncIterator[asyncio.StreamReader]:
    """Read quotes as bytes: only bytes distinguish a FIN from a close frame."""
    stream, writer = await asyncio.open_connection("127.0.0.1", p.server._where[1])
    writer.write(
        f"GET /public/ws/{QUOTES} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    await asyncio.wait_for(stream.readuntil(b"bookTicker"), WITHIN_S)
    yield stream
    writer.close()


async def fin(p: Place) -> None:
    async with raw(p) as stream:
        await p.fault("fin")
        rest = await asyncio.wait_for(stream.read(), WITHIN_S)
        assert rest.endswith(b"}")  # the end of an event, and no close frame behind it


async def reset(p: Place) -> None:
    async with raw(p) as stream:
        await p.fault("reset")
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(stream.read(), WITHIN_S)


async def errors(p: Place) -> None:
    async with p.reading(QUOTES) as reader:
        await p.fault("error", code=503)
        said = await reader.until(lambda said: "error" in said)
        assert said == {"error": {"code": 503, "msg": "Internal error"}}
        await p.fault("error", form="flat", text="no")
        assert await reader.until(lambda said: "msg" in said) == {"code": 2, "msg": "no"}
        await reader.events(3)


async def stall(p: Place) -> None:
    async with p.reading(QUOTES) as reader:
        id_ = await p.fault("stall")
        assert await reader.silent()
        assert await reader.ponged()
        await reader.subscribe("btcusdt@trade")
        assert await reader.silent()
        await p.delete(id_)
        said = await reader.until(lambda said: "u" in said)
        gone = p.swallowed("stall")
        assert gone
        assert max(gone) < said["u"]


async def stall_without_pongs(p: Place) -> None:
    async with p.reading(QUOTES) as reader:
        await p.fault("stall", pongs=False, exchange="usdm")
        assert await reader.silent()
        assert not await reader.ponged(1.0)


async def no_pong(p: Place) -> None:
    async with p.reading(QUOTES) as reader, p.reading("publicTrade.BTCUSDT") as bybit:
        await p.fault("no_pong")
        assert not await reader.ponged(1.0)
        await bybit.socket.send_json({"op": "ping", "req_id": "9"})
        await reader.events(3)
        assert all("op" not in said for said in await bybit.events(5))


# --- events -----------------------------------------------------------------------------------


async def mute_one_stream(p: Place) -> None:
    await p.fault("mute", streams=[QUOTES], for_s=600)
    async with p.reading(QUOTES, TRADES) as reader:
        assert {said["e"] for said in await reader.events(10)} == {"trade"}
        assert p.swallowed("mute")


async def skipped_trades(p: Place) -> None:
    async with p.reading(TRADES) as reader:
        before = await reader.json()
        await p.fault("drop", streams=[TRADES], count=3)
        while (after := await reader.json())["t"] == before["t"] + 1:
            before = after
        assert p.swallowed("drop") == [before["t"] + n for n in (1, 2, 3)]
        assert after["t"] == before["t"] + 4


async def depth_gap(p: Place) -> None:
    async with p.reading(DEPTH) as reader:
        before = await reader.json()
        await p.fault("drop", streams=["btcusdt@depth"])
        while (after := await reader.json())["pu"] == before["u"]:
            before = after
        assert p.swallowed("drop") == [after["pu"]]


async def duplicates_and_disorder(p: Place) -> None:
    async with p.reading(TRADES) as reader:
        await p.fault("duplicate")
        before = (await reader.json())["t"]
        while (after := (await reader.json())["t"]) != before:
            assert after == before + 1
            before = after
        await p.fault("reorder")
        while (after := (await reader.json())["t"]) == before + 1:
            before = after
        ids = [after, *(said["t"] for said in await reader.events(3))]
        assert ids == [before + 2, before + 1, before + 3, before + 4]
        truth = [line["id"] for line in p.truth() if line.get("stream") == TRADES]
        assert truth == sorted(set(truth))


async def wrong_pu(p: Place) -> None:
    async with p.reading(DEPTH) as reader:
        before = await reader.json()
        await p.fault("wrong_pu")
        while (after := await reader.json())["pu"] == before["u"]:
            before = after
        assert after["U"] == before["u"]
        assert after["pu"] == before["u"] - 1
        assert p.swallowed("wrong_pu") == [after["u"]]


async def a_snapshot_ahead(p: Place) -> None:
    async with p.reading(DEPTH) as reader:
        await reader.events(2)
        id_ = await p.fault("delay", delay_s=1)
        (client,) = p.server._open
        await eventually(lambda: client.event_faults.next_s)
        _, held = client.event_faults._delayed[DEPTH][0]
        last = 0
        while last <= (held.id or 0):
            _, text, _ = await p.page("/fapi/v1/depth?symbol=BTCUSDT&limit=5")
            last = json.loads(text)["lastUpdateId"]
            await asyncio.sleep(0.05)
        assert (await reader.until(lambda said: said["u"] >= held.id))["u"] < last
        before = await reader.json()
        await p.delete(id_)
        for _ in range(8):
            after = await reader.json()
            assert after["pu"] == before["u"]
            before = after


async def junk_texts(p: Place) -> None:
    async with p.reading(QUOTES) as reader:
        for name, text in (("empty_list", "[]"), ("null", "null"), ("number", "123"),
                           ("empty_text", ""), ("text", "hello")):  # fmt: skip
            more = {"text": text} if name == "text" else {}
            await p.fault(name, **more)
            await reader.until_text(text)
            assert len(p.swallowed(name)) == 1
        await p.fault("malformed")
        with pytest.raises(json.JSONDecodeError):
            await reader.events(100)


async def junk_fields(p: Place) -> None:
    async with p.reading(QUOTES) as reader:
        await p.fault("no_symbol")
        assert (await reader.until(lambda said: "s" not in said))["e"] == "bookTicker"
        await p.fault("unknown_symbol")
        await reader.until(lambda said: said["s"] == "NOSUCHUSDT")
        await p.fault("unknown_event")
        await reader.until(lambda said: said["e"] == "noSuchEvent")
        for name, text in (("junk_price", "junk"), ("empty_price", "")):
            await p.fault(name)
            assert (await reader.until(lambda said, t=text: said["b"] == t))["a"] == text
        await p.fault("number", instead=False)
        await reader.until_text("123")
        assert p.swallowed("number") == []


async def frames_that_no_client_takes(p: Place) -> None:
    for name, code in (("bad_utf8", 1007), ("reserved_opcode", 1002), ("too_big", 1009)):
        async with p.http.ws_connect("/public/ws/0", max_msg_size=10 << 20) as socket:
            reader = Reader(socket)
            await reader.subscribe(QUOTES)
            await reader.events(3)
            await p.fault(name)
            message = await reader.until_not_text()
            assert message.type == aiohttp.WSMsgType.ERROR
            assert message.data.code == code
        await eventually(lambda n=name: len(p.swallowed(n)) == 1)


# --- subscriptions ------------------------------------------------------------------------------


async def refusals(p: Place) -> None:
    for form, body in (
        ("nested", {"error": {"code": 2, "msg": "no"}, "id": 1}),
        ("flat", {"code": 2, "msg": "no", "id": 1}),
    ):
        await p.fault("refuse", form=form, text="no", streams=[QUOTES])
        async with p.reading(QUOTES, ack=False) as reader:
            assert await reader.json() == body
            assert await reader.silent()
            await reader.subscribe(QUOTES)
            assert await reader.json() == {"result": None, "id": 1}
            await reader.json()


async def bybits_refusals(p: Place) -> None:
    for form in ("nested", "flat"):
        await p.fault("refuse", form=form, exchange="bybit")
        async with p.reading("publicTrade.BTCUSDT", ack=False) as reader:
            said = await reader.json()
            assert (said["success"], "req_id" in said) == (False, form == "nested")


async def acknowledgements(p: Place) -> None:
    await p.fault("no_ack")
    async with p.reading(QUOTES, ack=False) as reader:
        assert all("u" in said for said in await reader.events(10))
    await p.fault("late_ack", delay_s=3)
    async with p.reading(QUOTES, ack=False) as reader:
        assert "u" in await reader.json()
        assert await reader.until(lambda said: "id" in said) == {"result": None, "id": 1}


# --- REST and handshakes ------------------------------------------------------------------------


async def pages(p: Place) -> None:
    depth = "/fapi/v1/depth?symbol=BTCUSDT&limit=5"
    for status, code, header in (
        (429, -1003, "7"), (418, -1003, "120"), (403, None, None), (451, None, None),
        (500, -1000, None), (502, None, None), (503, -1008, None), (401, -2015, None),
        (401, -2014, None), (400, -1021, None),
    ):  # fmt: skip
        more = {} if header is None else {"retry_after_s": int(header)}
        if code is not None:
            more["code"] = code
        await p.fault("http", status=status, page="depth", count=1, **more)
        answered, text, headers = await p.page(depth)
        assert (answered, headers.get("Retry-After")) == (status, header)
        if code is not None:
            assert json.loads(text)["code"] == code
    right = (await p.page(depth))[1]
    assert "lastUpdateId" in json.loads(right)
    for name in ("truncated", "empty", "html"):
        for page, path in (("depth", depth), ("exchangeInfo", "/fapi/v1/exchangeInfo")):
            await p.fault(name, page=page, count=1)
            status, text, _ = await p.page(path)
            assert status == 200
            with pytest.raises(json.JSONDecodeError):
                json.loads(text)
    await p.fault("http", exchange="bybit", status=200, code=10006, count=1)
    assert json.loads((await p.page("/v5/market/time"))[1])["retCode"] == 10006


async def hangs(p: Place, fault: str, ask: Callable[[], Any]) -> None:
    """Whatever is asked is not answered while the fault is there, and dropped when it is over."""
    id_ = await p.fault(fault)
    asking = asyncio.ensure_future(ask())
    while (await p.told())["active"][0]["fired"] == 0:
        await asyncio.sleep(0.02)
    await asyncio.wait({asking}, timeout=0.3)
    assert not asking.done()
    await p.delete(id_)
    with pytest.raises(aiohttp.ClientError):
        await asking


async def pages_that_never_come(p: Place) -> None:
    await p.fault("page_reset", page="time", count=1)
    with pytest.raises(aiohttp.ClientError):
        await p.page("/fapi/v1/time")
    await hangs(p, "page_hang", lambda: p.page("/fapi/v1/time"))
    assert (await p.page("/fapi/v1/time"))[0] == 200


async def a_stale_snapshot(p: Place) -> None:
    async with p.reading(DEPTH) as reader:
        await reader.json()
        await p.fault("stale_snapshot", symbol="BTCUSDT", exchange="usdm", count=1)
        (active,) = p.server._director.faults.at("page")
        kept = active.kept["usdm"]["lastUpdateId"]
        newest = (await reader.until(lambda said: said["pu"] > kept))["pu"]
        stale = json.loads((await p.page("/fapi/v1/depth?symbol=BTCUSDT&limit=10"))[1])
        assert stale["lastUpdateId"] == kept
        assert (len(stale["bids"]), len(stale["asks"])) == (10, 10)
        fresh = json.loads((await p.page("/fapi/v1/depth?symbol=BTCUSDT&limit=10"))[1])
        assert fresh["lastUpdateId"] >= newest


async def handshakes(p: Place) -> None:
    for status in (403, 404, 429, 503, 200):
        await p.fault("handshake", status=status, retry_after_s=2, count=1)
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await p.http.ws_connect("/public/ws/0")
        assert refused.value.status == status
        assert refused.value.headers is not None
        assert refused.value.headers["Retry-After"] == "2"
    await p.fault("handshake_reset", count=1)
    with pytest.raises(aiohttp.ClientError):
        await p.http.ws_connect("/public/ws/0")
    await hangs(p, "handshake_hang", lambda: p.http.ws_connect("/public/ws/0"))
    async with p.reading(QUOTES) as reader:
        await reader.json()


async def away(p: Place) -> None:
    async with p.reading(QUOTES) as reader:
        await p.fault("away", for_s=600)
        assert (await reader.until_not_text()).type != TEXT
        await eventually(lambda: p.marks("closed"))
        with pytest.raises(aiohttp.ClientConnectorError):
            await p.page("/fapi/v1/time")
    assert p.marks("clear") == []
    ten_minutes_later(p)
    async with asyncio.timeout(WITHIN_S):
        while True:
            with suppress(aiohttp.ClientError):
                assert (await p.page("/fapi/v1/time"))[0] == 200
                break
            await asyncio.sleep(0.05)
    assert [m["mark"] for m in p.marks("fault", "clear")] == ["fault", "clear"]
    assert [m["fault"] for m in p.marks("closed")] == ["away"]


def ten_minutes_later(p: Place) -> None:
    """Let the time that faults go by be later; every other clock stays as it is."""
    director, now_s = p.server._director, p.server._director._now_s
    director._now_s = lambda: now_s() + 600.0  # type: ignore[method-assign]
    director.advance()


# --- Bybit ----------------------------------------------------------------------------------------


async def bybits_book(p: Place) -> None:
    async with p.reading("orderbook.50.BTCUSDT") as reader:
        assert (await reader.json())["type"] == "snapshot"
        before = (await reader.json())["data"]["u"]
        await p.fault("drop", streams=["orderbook.50"])
        while (after := (await reader.json())["data"]["u"]) == before + 1:
            before = after
        assert after == before + 2
        await p.fault("restart", symbol="BTCUSDT")
        said = await reader.until(lambda said: said["type"] == "snapshot")
        assert said["data"]["u"] == 1
        assert len(said["data"]["b"]) == 50
        assert [one["data"]["u"] for one in await reader.events(5)] == [2, 3, 4, 5, 6]
        assert all(one["type"] == "delta" for one in await reader.events(3))


async def bybits_deltas_without_a_snapshot(p: Place) -> None:
    for topic in ("tickers.BTCUSDT", "orderbook.50.BTCUSDT"):
        await p.fault("no_snapshot", streams=[topic])
        async with p.reading(topic) as reader:
            assert {said["type"] for said in await reader.events(4)} == {"delta"}


# --- control --------------------------------------------------------------------------------------


async def bad_requests(p: Place) -> None:
    for body, text in (
        ('{"fault": "mutt"}', "fault: unknown name mutt; did you mean mute"),
        ('{"fault": "mute", "streams": "x"}', "streams: Expected `array`, got `str`"),
        ('{"fault": "mute", "for": 3}', "unknown field `for`"),
        (
            '{"fault": "mute", "exchange": "nobody"}',
            "exchange: nobody is not one of usdm, ",
        ),
        ('{"fault": "close", "code": 1006}', "1006 is not allowed in a close frame"),
        ("{}", "missing required field `fault`"),
        ("{", "the body is not valid JSON"),
        ("\xff", "the body is not valid JSON"),
    ):
        async with p.http.post("/embedded/faults", data=body.encode("latin-1")) as answer:
            assert answer.status == 400, body
            assert text in (await answer.json())["error"]
    async with p.http.delete("/embedded/faults/77") as answer:
        assert answer.status == 404
    assert await p.told() == {"waiting": [], "active": [], "over": []}


async def on_time(p: Place) -> None:
    async with p.reading(QUOTES) as reader:
        await p.fault("mute", after_s=5, for_s=2)
        assert (await p.told())["waiting"][0]["fault"] == "mute"
        await eventually(lambda: len(p.marks("fault")) == 1)
        (begun,) = p.marks("fault")
        assert (begun["connection"], begun["fault"], begun["by"]) == (None, "mute", "exchange")
        await eventually(lambda: len(p.marks("clear")) == 1)
        (over,) = p.marks("clear")
        gone = [line["sent_ns"] for line in p.truth() if line.get("swallowed") == "mute"]
        assert begun["ns"] <= min(gone) <= max(gone) <= over["ns"]
        seen = {said["u"] for said in await reader.events(30)}
        assert not seen & set(p.swallowed("mute"))


CASES: list[Case] = [
    close_codes, close_of_some, close_of_whoever_comes, close_without_fin, shutdown, fin, reset,
    errors,
    stall, stall_without_pongs, no_pong, mute_one_stream, skipped_trades, depth_gap,
    duplicates_and_disorder, wrong_pu, a_snapshot_ahead, junk_texts, junk_fields,
    frames_that_no_client_takes, refusals, bybits_refusals, acknowledgements, pages,
    pages_that_never_come, a_stale_snapshot, handshakes, away, bybits_book,
    bybits_deltas_without_a_snapshot, bad_requests, on_time,
]  # fmt: skip


async def outcomes(cases: list[Case], folder: Path) -> list[str]:
    """Run cases concurrently, each on its own exchange; return the failures."""

    async def one(case: Case) -> str | None:
        try:
            async with asyncio.timeout(4 * WITHIN_S), place(folder / case.__name__) as p:
                await case(p)
        except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001  told with the others'
            line = error.__traceback__
            while line is not None and line.tb_next is not None:
                line = line.tb_next
            where = "" if line is None else f" at line {line.tb_lineno}"
            return f"{case.__name__}: {type(error).__name__}: {error}{where}"
        return None

    wrong = await asyncio.gather(*map(one, cases))
    return [what for what in wrong if what is not None]


@pytest.mark.parametrize("part", [0, 1])
def test_each_fault_appears_on_the_wire_as_documented(part: int, tmp_path: Path) -> None:
    assert asyncio.run(outcomes(CASES[part::2], tmp_path)) == []


def test_faults_of_the_configuration_begin_with_the_exchange(tmp_path: Path) -> None:
    async def run() -> None:
        planned = [Fault(fault="handshake", status=403, count=1)]
        async with place(tmp_path / "truth", faults=planned) as p:
            with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                await p.http.ws_connect("/public/ws/0")
            async with p.reading(QUOTES) as reader:
                await reader.json()

    asyncio.run(run())


def test_a_connection_of_24_h_is_closed_by_the_exchange_and_marked_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A day lasts 1.4 s here, and the 10 min for a pong would be 10 ms.
    monkeypatch.setattr(protocol, "_USDM_RULES", protocol.ConnectionRules(180.0, 1e9, 10))

    async def run() -> None:
        async with place(tmp_path / "truth", scale=60_000) as p:
            async with p.reading(QUOTES, ack=False) as reader:
                message = await reader.until_not_text()
                while message.type == aiohttp.WSMsgType.PING:
                    await reader.socket.pong(message.data)
                    message = await reader.until_not_text()
                assert (message.type, message.data) == (CLOSE, 1001)
            await eventually(lambda: p.marks("closed"))
            assert p.marks("closed")[0]["by"] == "exchange"

    asyncio.run(run())


def test_events_sent_to_no_connection_are_logged_on_request(tmp_path: Path) -> None:
    """Every trade of the exchange is in the truth log once, regardless of connections."""

    async def run() -> None:
        async with place(tmp_path / "truth", truth_unsent=True) as p:
            seen = []
            for _ in range(3):
                async with p.reading(TRADES) as one, p.reading(TRADES, QUOTES) as other:
                    seen += [said["t"] for said in await one.events(10)]
                    await p.fault("reset", streams=[QUOTES])
                    await other.until_not_text()
                    await one.events(10)
                await eventually(lambda: not p.server._open)
                before = len(p.unsent(TRADES))
                await eventually(lambda n=before: len(p.unsent(TRADES)) > n + 5)
            lines = [line for line in p.truth() if line.get("stream") == TRADES]
            ids = sorted({line["id"] for line in lines})
            assert ids == list(range(ids[0], ids[0] + len(ids)))
            alone = [line["id"] for line in lines if line["connection"] is None]
            assert len(alone) == len(set(alone))
            assert not set(alone) & {line["id"] for line in lines if line["connection"]}
            assert not set(seen) & set(alone)
            assert {m["by"] for m in p.marks("closed")} == {"client", "exchange"}

    asyncio.run(run())


def test_unread_events_of_a_recording_are_logged_only_when_it_plays_by_the_clock(
    tmp_path: Path, btcusdt: Path
) -> None:
    tapes = load_tapes(btcusdt)

    async def run(speed: float) -> list[Any]:
        market = RecordedMarket(tapes, Clock(), speed=speed, rebase=False)
        async with place(tmp_path / str(speed), market, truth_unsent=True) as p:
            async with p.reading(TRADES) as reader:
                await reader.events(10)
            await eventually(lambda: not p.server._open)
            if speed:
                await eventually(lambda: p.unsent(TRADES))
            async with p.reading(TRADES) as reader:
                await reader.events(10)
            return [(line["id"], line["connection"]) for line in p.truth() if "id" in line]

    told = asyncio.run(run(5.0))
    assert [id_ for id_, _ in told] == list(range(told[0][0], told[0][0] + len(told)))
    assert {connection for _, connection in told} == {1, None, 2}
    told = asyncio.run(run(0))
    assert {connection for _, connection in told} == {1, 2}
