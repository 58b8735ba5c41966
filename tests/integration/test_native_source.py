"""Tests of the native source alone, and that its payloads equal those of the ccxt source."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import WSMsgType
from aiohttp.web import WebSocketResponse
from conftest import Project
from integration.equal_payloads import both, compare, key
from integration.published_truth import CHECKS, FEEDS, truth_until_now
from integration.source_setup import SourceSetup, asked, prepared, running
from integration.source_setup import source_setup as setup_of
from recorded_callbacks import RecordedCallbacks

from feedd.clock import Clock
from feedd.embedded import server as servers
from feedd.embedded.binance import ws_session as protocol
from feedd.embedded.binance.recorded import RecordedMarket, load_tapes
from feedd.embedded.binance.served import coinm, spot, usdm
from feedd.embedded.client_connection import ClientConnection
from feedd.embedded.generated import GeneratedCoinm, GeneratedMarket, GeneratedSpot
from feedd.embedded.market import Refused
from feedd.embedded.ws_session import Reaction
from feedd.errors import ConfigError, SourceError
from feedd.feed.ticker import TickerMaker
from feedd.model import Book, Quote, Ticker
from feedd.sources.native import connection as lines
from feedd.sources.native import route as routes
from feedd.sources.native.source import NativeSource
from feedd.venues.binance import addresses
from feedd.venues.binance.streams import category, parse, stream_name

source_setup = partial(setup_of, "native")
USDM = FEEDS["binanceusdm"][1]
SPOT = FEEDS["binance"][1]


# --- the same payloads as the ccxt source ---------------------------------------------------------


def made_tickers(told: RecordedCallbacks, mode: Any, span: set[Any]) -> list[dict[str, Any]]:
    """Return the tickers that a worker would make of a span, in an order of the exchange's."""
    maker = TickerMaker(mode, 30 * 10**9)
    made = []
    ticks = [tick for tick in told.ticks if (tick.channel, key(tick)) in span]
    for tick in sorted(ticks, key=lambda tick: (tick.timestamp or 0, tick.channel, key(tick))):
        tick.received_ns = (tick.timestamp or 0) * 10**6
        ticker = None
        if isinstance(tick, Ticker):
            ticker = maker.on_summary(tick)
        elif isinstance(tick, Quote):
            ticker = maker.on_quote(tick)
        elif isinstance(tick, Book):
            ticker = maker.on_book(tick)
        if ticker is not None:
            made.append(msgspec.structs.asdict(ticker))
    return made


@pytest.mark.parametrize(
    ("exchange", "channels", "path"),
    [("binanceusdm", USDM, ""), ("binancecoinm", USDM, "/coinm"), ("binance", SPOT, "/spot")],
)
def test_both_sources_publish_identical_payloads(
    exchange: str, channels: list[str], path: str
) -> None:
    least = {"ticker": 3, "quote": 200, "trade": 200, "book": 20, "candle": 3, "mark": 3}
    least = {name: count for name, count in least.items() if name in channels}
    if "liquidation" in channels:
        least["liquidation"] = 1
    made = {
        "": lambda: usdm(GeneratedMarket(Clock(), rate=200)),
        "/spot": lambda: spot(GeneratedSpot(Clock(), rate=200)),
        "/coinm": lambda: coinm(GeneratedCoinm(Clock(), rate=200)),
    }[path]

    async def run() -> tuple[RecordedCallbacks, RecordedCallbacks]:
        return await both(made(), exchange, FEEDS[exchange][0], channels, least)

    ours, theirs = asyncio.run(run())
    for channel in channels:
        assert compare(ours, theirs, channel) >= least[channel] // 4
    spans = [{(tick.channel, key(tick)) for tick in told.ticks} for told in (ours, theirs)]
    for mode in ("book", "quote", "estimate", "none"):
        made = made_tickers(ours, mode, spans[0] & spans[1])
        assert made
        assert made == made_tickers(theirs, mode, spans[0] & spans[1])


def test_both_sources_publish_identical_payloads_from_a_recording(btcusdt: Path) -> None:
    channels = ["ticker", "quote", "trade", "book", "candle"]
    least = {"ticker": 3, "quote": 2000, "trade": 500, "book": 100, "candle": 10}

    async def run() -> tuple[RecordedCallbacks, RecordedCallbacks]:
        # At a pace that both sustain on a busy machine: one that lags gets no book.
        market = RecordedMarket(load_tapes(btcusdt), Clock(), speed=2.0, rebase=False)
        return await both(usdm(market), "binanceusdm", "BTC/USDT:USDT", channels, least)

    ours, theirs = asyncio.run(run())
    for channel in channels:
        assert compare(ours, theirs, channel) >= least[channel] // 2


def test_every_channel_of_the_native_worker_has_the_exchanges_values(
    make_project: Callable[..., Project],
) -> None:
    project = make_project(
        source="native",
        symbols=[
            {"symbol": "BTC/USDT:USDT", "channels": USDM},
            {"symbol": "BTC/USD:BTC", "exchange": "binancecoinm", "channels": USDM},
            {"symbol": "BTC/USDT", "exchange": "binance", "channels": SPOT},
        ],
        connections=2,
        embedded_exchange={"rate": 100, "truth_log": "truth.jsonl"},
    )
    everything = project.subscribe()
    started = project.feedd("start")
    assert started.returncode == 0, started.stdout + started.stderr
    seen: dict[tuple[str, str], list[dict[str, Any]]] = {}

    def enough(topic: str, one: dict[str, Any]) -> bool:
        seen.setdefault((one["exchange"], topic.partition(".")[0]), []).append(one)
        wanted = [("binance", name) for name in SPOT]
        wanted += [(name, channel) for name in ("binanceusdm", "binancecoinm") for channel in USDM]
        return all(seen.get(each) for each in wanted) and len(seen["binance", "quote"]) > 100

    everything.until(enough, timeout_s=120)
    for pid in [pid for name, pid in project.pids().items() if name.startswith("feed-")]:
        mapped = Path(f"/proc/{pid}/maps").read_text()
        assert "picows" in mapped
        assert "aiohttp" not in mapped
    truth = truth_until_now(project)
    for (exchange, channel), payloads in seen.items():
        for one in payloads:
            if channel == "status":
                assert not one.get("gap")
                assert not one["rejected"]
            else:
                CHECKS[channel](truth, exchange, one)


@pytest.mark.process
def test_neither_ccxt_nor_aiohttp_is_imported() -> None:
    """Together they take 90 MB and most of a second."""
    code = (
        "import runpy, sys; runpy.run_path('workers/feed.py', run_name='worker');"
        "import feedd.sources.native.source;"
        "sys.exit(' '.join({'ccxt', 'aiohttp'} & set(sys.modules)) or 0)"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


# --- subscriptions, pings and death ---------------------------------------------------------------


def test_an_unanswered_subscription_without_any_data_closes_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer = protocol.BinanceWsSession.on_text
    silent = [True]

    def on_text(self: protocol.BinanceWsSession, text: str, now_s: float) -> Reaction:
        return Reaction() if silent else answer(self, text, now_s)

    monkeypatch.setattr(protocol.BinanceWsSession, "on_text", on_text)
    monkeypatch.setattr(lines, "ACK_WITHIN_S", 0.5)

    async def run() -> None:
        async with source_setup() as setup, running(setup, setup.source(("quote",))):
            await setup.until(lambda: setup.received.losses)
            assert "subscription to quote was not answered" in setup.received.losses[0][1]
            silent.clear()
            await setup.until(lambda: setup.received.ids("quote"))

    asyncio.run(run())


def test_a_refused_channel_is_retried_while_the_others_continue() -> None:
    async def run() -> None:
        async with source_setup() as setup:
            market, check = (
                setup.server._markets["usdm"].market,
                setup.server._markets["usdm"].market.check,
            )
            refusals = 2

            def refuse(stream: Any) -> None:
                nonlocal refusals
                if stream.content == "trade" and refusals:
                    refusals -= 1
                    raise Refused("not now")
                check(stream)

            market.check = refuse  # type: ignore[method-assign]
            async with running(setup, setup.source(("quote", "trade"))):
                await setup.until(lambda: setup.received.ids("trade"))
                assert [channel for channel, _ in setup.received.losses] == ["trade", "trade"]
                assert "code 2: Invalid request: not now" in setup.received.losses[0][1]
                assert setup.server._connections == 1

    asyncio.run(run())


def test_pings_are_answered_within_the_exchanges_message_rate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Beyond ten messages a second it closes the connection."""
    receive, pongs = WebSocketResponse.receive, []

    async def note(self: WebSocketResponse, timeout: float | None = None) -> Any:  # noqa: ASYNC109
        message = await receive(self, timeout)
        if message.type is WSMsgType.PONG:
            pongs.append(bytes(message.data))
        return message

    monkeypatch.setattr(WebSocketResponse, "receive", note)

    async def run() -> None:
        async with source_setup() as setup, running(setup, setup.source(("quote",))):
            await setup.until(lambda: setup.received.ids("quote"))
            client = setup.client("bookTicker")
            for number in range(40):
                await client.response.ping(str(number).encode())
            await setup.until(lambda: b"39" in pongs)  # it answers those before it too
            assert pongs[0] == b"0"
            assert len(pongs) < 40
            assert setup.received.losses == []

    asyncio.run(run())


def test_a_connection_that_stops_answering_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "PING_EVERY_S", 0.5)
    monkeypatch.setattr(lines, "DEAD_AFTER_S", 4.0)

    async def run() -> None:
        async with source_setup() as setup:
            source = setup.source(("quote", "liquidation"))
            async with running(setup, source):
                await setup.until(lambda: setup.received.ids("quote"))
                lived = source.activity("liquidation")
                # Quiet, and answering: alive.
                await setup.until(lambda: source.activity("liquidation") != lived)
                client = setup.client("bookTicker")
                client.send = lambda _: None  # type: ignore[method-assign]
                client._request.transport.pause_reading()  # type: ignore[union-attr]
                await setup.until(lambda: setup.received.losses)
                assert [*setup.received.losses[0]] == ["quote", "no sign of life for 4 s"]
                seen = len(setup.received.ids("quote"))
                await setup.until(lambda: len(setup.received.ids("quote")) > seen)
                assert "liquidation" not in [channel for channel, _ in setup.received.losses]

    asyncio.run(run())


@pytest.mark.parametrize("pieces", [2, 5])
def test_a_fragmented_message_is_reassembled(pieces: int) -> None:
    async def run() -> None:
        async with source_setup(rate=0.001) as setup, running(setup, setup.source(("trade",))):
            await setup.until(lambda: setup.knows("btcusdt@trade"))
            text = json.dumps({"e": "trade", "E": 5, "T": 5, "s": "BTCUSDT", "t": 7, "p": "1.5",
                               "q": "1", "X": "MARKET", "m": False}).encode()  # fmt: skip
            size = -(-len(text) // pieces)
            parts = [text[at : at + size] for at in range(0, len(text), size)]
            transport = setup.client("btcusdt@trade")._request.transport
            for number, part in enumerate(parts):
                first, last = number == 0, number == len(parts) - 1
                transport.write(bytes([(0x80 if last else 0) | (1 if first else 0), len(part)]))
                transport.write(part)
                if first:
                    transport.write(b"\x89\x00")  # control frames may come in between
            await setup.until(lambda: 7 in setup.received.ids("trade"))
            assert setup.received.rejections == []

    asyncio.run(run())


@pytest.mark.parametrize("kind", ["nested", "nested answer", "in pieces", "o"])
def test_a_message_that_fails_to_parse_is_rejected_and_the_connection_stays(kind: str) -> None:
    deep = "[" * 20_000 + "]" * 20_000  # the limit of Python 3.13 is some 10,000
    ticker = {"e": "24hrTicker", "E": 1, "s": "BTCUSDT", "c": "1", "v": "1", "h": "1", "l": "1",
              "p": "x", "P": "0.0", "o": "x"}  # fmt: skip
    texts = {
        "nested": f'{{"e":"24hrTicker","x":{deep},"s":"BTCUSDT"}}',
        "nested answer": f'{{"id":1,"x":{deep}}}',
        "in pieces": f'{{"e":"24hrTicker","x":{deep},"s":"BTCUSDT"}}',
        "o": json.dumps(ticker),
    }

    async def run() -> None:
        async with source_setup() as setup, running(setup, setup.source(("ticker",))):
            await setup.until(lambda: setup.received.ids("ticker"))
            text = texts[kind].ljust(500).encode()
            transport = setup.client("btcusdt@ticker")._request.transport
            parts = [text[:200], text[200:]] if kind == "in pieces" else [text]
            for number, part in enumerate(parts):
                first, last = number == 0, number == len(parts) - 1
                transport.write(bytes([(0x80 if last else 0) | (1 if first else 0), 126]))
                transport.write(len(part).to_bytes(2, "big") + part)
            await setup.until(lambda: setup.received.rejections)
            seen = len(setup.received.ids("ticker"))
            await setup.until(lambda: len(setup.received.ids("ticker")) > seen)
            assert setup.received.losses == []
            assert setup.server._connections == 1

    asyncio.run(run())


def test_late_frames_of_an_abandoned_connection_are_dropped() -> None:
    async def run() -> None:
        async with source_setup() as setup:
            source = setup.source(("quote",))
            async with running(setup, source):
                await setup.until(lambda: setup.received.ids("quote"))
                (given_up,) = source._routes[0]._connections
                source.renew("quote", "because")
                seen = len(setup.received.ticks)

                class Frame:
                    last_in_buffer = True
                    msg_type, fin = lines.WSMsgType.TEXT, True

                    def get_payload_as_bytes(self) -> bytes:
                        return b'{"e":"bookTicker","u":7,"b":"1","B":"2","a":"3","A":"4","E":6}'

                given_up.on_ws_frame(None, Frame())
                assert len(setup.received.ticks) == seen
                await setup.until(
                    lambda: setup.received.losses and len(setup.received.ticks) > seen
                )
                assert 7 not in setup.received.ids("quote")

    asyncio.run(run())


def test_a_connection_closed_during_the_handshake_is_a_loss_at_once() -> None:
    async def run() -> None:
        async with source_setup() as setup:

            async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await reader.readuntil(b"\r\n\r\n")
                writer.close()

            bad = await asyncio.start_server(hang_up, "127.0.0.1", 0)
            source = setup.source(("quote",))
            await source.prepare()
            source._endpoint = f"http://127.0.0.1:{bad.sockets[0].getsockname()[1]}"
            task = asyncio.create_task(source.run(setup.received))
            await setup.until(lambda: len(setup.received.losses) >= 3)
            assert "hung up" in setup.received.losses[0][1]
            assert setup.received.subscriptions == []
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            bad.close()

    asyncio.run(run())


def test_the_first_handshake_has_a_longer_timeout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(routes, "DIAL_WITHIN_S", 0.2)

    async def run() -> None:
        async with source_setup() as setup:
            dialed = 0

            async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                nonlocal dialed
                dialed += 1
                request = await reader.readuntil(b"\r\n\r\n")
                there, back = await asyncio.open_connection("127.0.0.1", setup.port)
                try:
                    await asyncio.sleep(0.6)
                    back.write(request)
                    writer.write(await there.readuntil(b"\r\n\r\n"))
                    await reader.read()
                except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                    pass  # the source waits no longer, or the test is over
                finally:
                    back.close()
                    writer.close()

            between = await asyncio.start_server(slow, "127.0.0.1", 0)
            source = setup.source(("quote",))
            await source.prepare()
            source._endpoint = f"http://127.0.0.1:{between.sockets[0].getsockname()[1]}"
            task = asyncio.create_task(source.run(setup.received))
            await setup.until(lambda: source._routes and source._routes[0]._connections)
            assert (dialed, setup.received.losses) == (1, [])
            source.renew("quote", "because")
            await setup.until(
                lambda: any("within 0.2 s" in why for _, why in setup.received.losses)
            )
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            between.close()
            await asyncio.sleep(1)  # until nobody relays any more

    asyncio.run(run())


# --- several lines --------------------------------------------------------------------------------


def check_whole(setup: SourceSetup) -> None:
    """Check that nothing was lost, doubled or out of order since the first event of each."""
    told = setup.received
    assert (told.losses, told.holes, told.resyncs, told.rejections) == ([], [], [], [])
    quotes, trades, books = (told.ids(channel) for channel in ("quote", "trade", "book"))
    assert quotes == setup.sent[setup.sent.index(quotes[0]) :][: len(quotes)]
    assert trades == list(range(trades[0], trades[0] + len(trades)))
    assert books == sorted(set(books))


def test_connections_are_replaced_before_the_exchange_closes_them_without_a_gap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A day of the exchange's lasts ten seconds here; its pings would storm, and are left out."""
    scale = 8640.0
    monkeypatch.setattr(protocol, "_USDM_RULES", protocol.ConnectionRules(1e9, 1e9, 10))
    monkeypatch.setattr(servers, "CHECK_EVERY_S", 0.1 * scale)
    monkeypatch.setattr(routes, "OVERLAP_S", 0.5)
    monkeypatch.setattr(routes, "CHECK_EVERY_S", 0.2)

    async def run() -> None:
        async with source_setup(rate=300) as setup:
            setup.server._clock = Clock(scale)
            source = setup.source(
                ("quote", "trade", "book", "candle"), clock=Clock(scale), rotate_after_s=8 * 3600.0
            )
            async with running(setup, source):
                await setup.until(lambda: setup.server._connections >= 2)
                oldest = {client.number: client for client in setup.server._open}
                # By then the exchange has ended the first ones, had they stayed.
                await setup.until(lambda: setup.server._connections >= 10, 60)
                assert not set(oldest.values()) & setup.server._open
                check_whole(setup)
                candles = [tick for tick in setup.received.ticks if tick.channel == "candle"]
                stamps = [(candle.open_time, candle.timestamp) for candle in candles]
                assert stamps == sorted(set(stamps))

    asyncio.run(run())


def test_a_connection_is_replaced_before_its_announced_shutdown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(routes, "OVERLAP_S", 0.5)

    async def run() -> None:
        async with source_setup(rate=300) as setup:
            source = setup.source(("quote", "trade", "book"))
            async with running(setup, source):
                await setup.until(lambda: all(map(setup.received.ids, source._channels)))
                (leaving,) = setup.server._open
                leaving.write(['{"e":"serverShutdown","E":1770123456789}'])
                await setup.until(lambda: leaving not in setup.server._open)
                seen = len(setup.received.ids("quote"))
                await setup.until(lambda: len(setup.received.ids("quote")) > seen + 100)
                check_whole(setup)

    asyncio.run(run())


def test_both_of_two_connections_are_replaced_before_their_announced_shutdown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(routes, "OVERLAP_S", 0.5)

    async def run() -> None:
        async with source_setup(rate=300) as setup:
            source = setup.source(("quote", "trade", "book"), connections=2)
            async with running(setup, source):
                await setup.until(lambda: both_go_on(source))
                await setup.until(lambda: all(map(setup.received.ids, source._channels)))
                leaving = set(setup.server._open)
                assert len(leaving) == 2
                for client in leaving:
                    client.write(['{"e":"serverShutdown","E":1770123456789}'])
                await setup.until(lambda: not leaving & setup.server._open)
                seen = len(setup.received.ids("quote"))
                await setup.until(lambda: len(setup.received.ids("quote")) > seen + 100)
                check_whole(setup)

    asyncio.run(run())


def test_replacing_a_quiet_channels_connection_is_no_gap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(routes, "OVERLAP_S", 0.5)

    def quote(update_id: int) -> str:
        return json.dumps({"e": "bookTicker", "u": update_id, "s": "BTCUSDT", "b": "1", "B": "2",
                           "a": "3", "A": "4", "T": 5, "E": 5})  # fmt: skip

    async def run() -> None:
        async with source_setup(rate=0.001) as setup, running(setup, setup.source(("quote",))):
            await setup.until(lambda: setup.knows("btcusdt@bookTicker"))
            (leaving,) = setup.server._open
            leaving.write([quote(10**16), '{"e":"serverShutdown","E":1770123456789}'])
            await setup.until(lambda: setup.server._open and leaving not in setup.server._open)
            (following,) = setup.server._open
            following.write([quote(10**16 + 9)])
            await setup.until(lambda: 10**16 + 9 in setup.received.ids("quote"))
            assert (setup.received.losses, setup.received.holes) == ([], [])

    asyncio.run(run())


def test_a_permanently_refused_channel_does_not_block_replacing_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(routes, "OVERLAP_S", 0.5)

    async def run() -> None:
        async with source_setup(rate=300) as setup:
            check = setup.server._markets["usdm"].market.check

            def refuse(stream: Any) -> None:
                if stream.content == "trade":
                    raise Refused("not now")
                check(stream)

            setup.server._markets["usdm"].market.check = refuse  # type: ignore[method-assign]
            async with running(setup, setup.source(("quote", "trade"))):
                await setup.until(lambda: setup.received.ids("quote") and setup.received.losses)
                (leaving,) = setup.server._open
                leaving.write(['{"e":"serverShutdown","E":1770123456789}'])
                await setup.until(lambda: leaving not in setup.server._open)
                assert {channel for channel, _ in setup.received.losses} == {"trade"}
                assert setup.received.holes == []

    asyncio.run(run())


def both_go_on(source: NativeSource) -> bool:
    """Whether two connections carry every channel, so that losing one is no loss."""
    return bool(source._routes) and all(
        len(route._connections) == 2
        and all(
            merge.goes_on_with(line)
            for merge in route._merges.values()
            for line in route._connections
        )
        for route in source._routes
    )


def test_one_of_two_connections_can_fail_without_a_gap() -> None:
    async def run() -> None:
        async with source_setup(rate=500) as setup:
            source = setup.source(("quote", "trade", "book"), connections=2)
            async with running(setup, source):
                await setup.until(lambda: both_go_on(source))
                for _ in range(3):
                    seen = len(setup.received.ids("quote"))
                    await setup.until(lambda n=seen: len(setup.received.ids("quote")) > n + 100)
                    oldest = min(setup.server._open, key=lambda client: client.number)
                    oldest.abort()
                    made = setup.server._connections
                    await setup.until(
                        lambda n=made: (
                            setup.server._connections > n and len(setup.server._open) == 2
                        )
                    )
                    await setup.until(lambda: both_go_on(source))
                check_whole(setup)

    asyncio.run(run())


def test_a_gap_on_one_connection_is_filled_by_the_other() -> None:
    async def run() -> None:
        async with source_setup(rate=300) as setup:
            source = setup.source(("trade", "book"), connections=2)
            async with running(setup, source):
                await setup.until(
                    lambda: setup.received.ids("book") and setup.received.ids("trade")
                )
                await setup.until(lambda: both_go_on(source))
                faulty: ClientConnection = min(setup.server._open, key=lambda client: client.number)
                send, counted = faulty.send, [0]

                def lose_some(messages: Any) -> None:
                    counted[0] += 1
                    if counted[0] % 5:
                        send(messages)

                faulty.send = lose_some  # type: ignore[method-assign]
                await setup.until(lambda: counted[0] > 100)
                assert (setup.received.holes, setup.received.resyncs) == ([], [])
                trades = setup.received.ids("trade")
                assert trades == list(range(trades[0], trades[0] + len(trades)))
                assert not any(hasattr(tick, "backfilled") for tick in setup.received.ticks)

    asyncio.run(run())


# --- the way there --------------------------------------------------------------------------------


def test_native_sources_starting_together_request_the_market_list_once(tmp_path: Path) -> None:
    async def run() -> None:
        async with source_setup() as setup:
            symbols = [f"{base}/USDT:USDT" for base in ("BTC", "ETH", "SOL", "BNB", "XRP")]
            sources = await asyncio.gather(*(prepared(setup, tmp_path, one) for one in symbols))
            assert asked(setup) == 1
            assert [one._market_id for one in sources] == [
                one.partition(":")[0].replace("/", "") for one in symbols
            ]

    asyncio.run(run())


def test_an_unreachable_exchange_is_a_temporary_error() -> None:
    async def run() -> None:
        source = NativeSource("binanceusdm", "BTC/USDT:USDT", ("quote",),
                              endpoint="http://127.0.0.1:9")  # fmt: skip
        with pytest.raises(SourceError, match=r"can't be requested: .* refuses the connection"):
            await source.prepare()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("symbol", "channels", "timeframe", "said"),
    [
        ("BTC/USDT", ("quote", "mark"), "1m", "has no mark of BTC/USDT; it has ticker, quote"),
        ("BTC/USDT:USDT", ("candle",), "1s", "has no candles of 1s; it has 1m, 3m"),
    ],
)
def test_an_unsupported_channel_or_timeframe_is_a_permanent_error(
    symbol: str, channels: tuple[str, ...], timeframe: str, said: str
) -> None:
    async def run() -> None:
        source = NativeSource("binance", symbol, channels, timeframe=timeframe)
        with pytest.raises(ConfigError, match=said):
            await source.prepare()

    asyncio.run(run())


def test_each_stream_is_on_the_path_that_carries_its_category() -> None:
    for route, channels in addresses.USDM.routes.items():
        for channel in channels:
            parsed = parse(stream_name(channel, "BTCUSDT", "1m"))
            assert parsed is not None
            assert parsed.content == channel
            assert f"/{category(parsed)}/ws" == route


def test_two_connections_report_a_channel_as_subscribed_once() -> None:
    async def run() -> None:
        async with source_setup() as setup:
            source = setup.source(("quote", "trade", "book"), connections=2)
            async with running(setup, source):
                lines = source._routes

                def answered() -> bool:
                    both = [one for route in lines for one in route._connections]
                    return len(both) == 2 * len(lines) > 0 and all(one.answered for one in both)

                await setup.until(answered)
                assert sorted(setup.received.subscriptions) == ["book", "quote", "trade"]

    asyncio.run(run())
