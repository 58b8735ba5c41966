"""A whole worker reports and survives each fault, and every missing event is in a gap.

The real ccxt, the real loop and its real publisher, on exchanges of their own; many at a time on
one event loop, which also shows that none of them freezes it.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import msgpack
import pytest
import zmq.asyncio

from feedd.channels import CHANNELS, SilenceLimits
from feedd.clock import NS_PER_S, Clock
from feedd.config.faults import Fault
from feedd.embedded.binance.served import spot, usdm
from feedd.embedded.bybit.served import bybit
from feedd.embedded.generated import GeneratedLinear, GeneratedMarket, GeneratedSpot
from feedd.embedded.rest_page import API_KEY, API_SECRET
from feedd.embedded.server import ExchangeServer
from feedd.embedded.truth import TruthLog
from feedd.errors import CredentialsError, FinalError, RestrictedError
from feedd.feed import session
from feedd.feed.loop import FeedLoop
from feedd.feed.ticker import TickerMaker
from feedd.sources.base import Backoff
from feedd.sources.ccxt import exchange_class as ccxt_exchange
from feedd.sources.ccxt.source import CcxtSource
from feedd.transport.publisher import Publisher

WITHIN_S = 60
USDM, SPOT, BYBIT = "binanceusdm", "binance", "bybit"
SYMBOLS = {USDM: "BTC/USDT:USDT", SPOT: "BTC/USDT", BYBIT: "BTC/USDT:USDT"}
STREAMS = {
    USDM: {"quote": "btcusdt@bookTicker", "trade": "btcusdt@trade", "book": "btcusdt@depth@100ms"},
    SPOT: {"quote": "btcusdt@bookTicker", "trade": "btcusdt@trade", "book": "btcusdt@depth@100ms"},
    BYBIT: {"quote": "orderbook.1.BTCUSDT", "book": "orderbook.50.BTCUSDT"},
}
LOST, RESYNC, STALE, GAP = "reconnecting", "resync", "stale", "gap"
BOOK_GAP = "gap book"


@dataclass
class Case:
    """Concurrent faults and the expected report: one of these states, or a gap.

    "gap" is one of any channel, "gap trade" one of trades.
    """

    name: str
    faults: list[dict[str, Any]]
    told: set[str]
    exchange: str = USDM
    channels: tuple[str, ...] = ("quote", "trade", "book")
    drop_first: bool = False  # a reconnect, so that the fault meets what happens then
    at_start: bool = False  # the faults are there before the worker
    credentials: tuple[str, str] | None = None
    final: type[FinalError] | None = None  # what ends the worker


@dataclass
class Seen:
    """A subscriber's messages, in order."""

    ids: dict[str, list[Any]] = field(default_factory=dict)
    gaps: list[dict[str, Any]] = field(default_factory=list)
    states: list[tuple[str, str | None]] = field(default_factory=list)
    said: list[set[str]] = field(default_factory=list)  # of the whole and of each channel

    def take(self, topic: str, message: dict[str, Any]) -> None:
        channel = topic.partition(".")[0]
        if channel != "status":
            self.ids.setdefault(channel, []).append(message["id"])
            return
        self.states.append((message["state"], message["reason"]))
        self.said.append({message["state"], *(c["state"] for c in message["channels"].values())})
        if message["gap"] is not None:
            self.gaps.append(message["gap"])

    def count(self, channels: tuple[str, ...]) -> list[int]:
        return [len(self.ids.get(channel, [])) for channel in channels]


class Worker:
    """An exchange, a worker of one symbol and a subscriber."""

    def __init__(self, case: Case, folder: Path) -> None:
        self.case = case
        self.seen = Seen()
        self.truth_path = folder / "truth"
        rate = 25.0
        self.server = ExchangeServer(
            [
                usdm(GeneratedMarket(Clock(), rate=rate)),
                spot(GeneratedSpot(Clock(), rate=rate)),
                bybit(GeneratedLinear(Clock(), rate=rate)),
            ],
            Clock(),
            TruthLog(self.truth_path),
            truth_unsent=True,
        )
        self.endpoint = f"ipc://{folder}/feed.sock"
        self.stop = asyncio.Event()

    async def until(self, condition: Callable[[], Any], what: str) -> None:
        deadline = time.monotonic() + WITHIN_S
        while not condition():
            if self.loop.done():
                self.loop.result()
            if time.monotonic() > deadline:
                raise AssertionError(f"{what}: not in time; {self.seen.states[-4:]}")
            await asyncio.sleep(0.02)

    async def more(self, count: int = 3) -> None:
        """Wait until the whole is live and every channel yields."""
        before = self.seen.count(self.case.channels)

        def yields() -> bool:
            counts = zip(before, self.seen.count(self.case.channels), strict=True)
            return all(now >= then + count for then, now in counts)

        await self.until(yields, "no more events")
        await self.until(lambda: self.seen.states and self.seen.states[-1][0] == "live", "not live")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        case = self.case
        port = await self.server.start(0)
        path = "/spot" if case.exchange == SPOT else ""
        source = CcxtSource(
            case.exchange,
            SYMBOLS[case.exchange],
            case.channels,
            endpoint=f"http://127.0.0.1:{port}{path}",
            credentials=case.credentials,
        )
        if case.at_start:
            self.inflict()
        loop = FeedLoop(
            exchange=case.exchange,
            symbol=SYMBOLS[case.exchange],
            session_number=1,
            channels=case.channels,
            source=source,
            source_channels=case.channels,
            publisher=Publisher(case.exchange, SYMBOLS[case.exchange], case.channels),
            endpoint=self.endpoint,
            proxies=[],
            ticker_maker=TickerMaker("none", NS_PER_S),
            backoff=Backoff(),
            clock=Clock(),
            usage=lambda: (0.0, 0.0),
        )
        context = zmq.asyncio.Context()
        socket = context.socket(zmq.SUB)
        socket.linger = 0
        socket.rcvhwm = 0
        socket.connect(self.endpoint)
        socket.subscribe("")
        receiver = asyncio.create_task(self._receive(socket))
        self.loop = asyncio.create_task(loop.run(self.stop))
        try:
            yield
        finally:
            self.stop.set()
            await asyncio.gather(self.loop, return_exceptions=True)
            receiver.cancel()
            await asyncio.gather(receiver, return_exceptions=True)
            context.destroy()
            await self.server.stop()

    async def _receive(self, socket: Any) -> None:
        while True:
            topic, payload = await socket.recv_multipart()
            self.seen.take(topic.decode(), msgpack.unpackb(payload))

    def inflict(self) -> None:
        for settings in self.case.faults:
            self.server._director.add(Fault(**settings))
        if self.case.drop_first:
            self.server._director.add(Fault(fault="reset"))

    async def survive(self) -> None:
        case = self.case
        if case.final is not None:
            async with self.running():
                with pytest.raises(case.final):
                    await asyncio.wait_for(self.loop, WITHIN_S)
            return
        async with self.running():
            if not case.at_start:
                await self.more()
            states, gaps = len(self.seen.states), len(self.seen.gaps)
            if not case.at_start:
                self.inflict()

            def told() -> bool:
                said = set().union(*self.seen.said[states:])
                for gap in self.seen.gaps[gaps:]:
                    said |= {GAP, f"{GAP} {gap['channel']}"}
                return bool(said & case.told)

            if case.told:
                await self.until(told, "not told")
            await self.until(self._fired, "the fault did not happen")
            self.server._director.faults.delete(None)
            await self.more()
        self.audit()

    def _fired(self) -> bool:
        told = self.server._director.faults.as_json(0.0)
        begun = [*told["active"], *told["over"]]
        return not told["waiting"] and all(one["fired"] or one["fault"] == "away" for one in begun)

    def audit(self) -> None:
        """Raise AssertionError for an event that is missing outside the gaps, or is there twice."""
        truth: dict[str, dict[int, int]] = {}
        for line in self.truth_path.read_text().splitlines():
            event = json.loads(line)
            if event.get("id") is not None:
                places = truth.setdefault(event["stream"], {})
                places.setdefault(event["id"], len(places))
        for channel, stream in STREAMS[self.case.exchange].items():
            if channel in self.case.channels:
                self._audit(channel, truth[stream])

    def _audit(self, channel: str, truth: dict[int, int]) -> None:
        seen = self.seen.ids[channel]
        assert set(seen) <= truth.keys(), f"{channel}: events that the exchange never made"
        gaps = {(gap["from_id"], gap["to_id"]) for gap in self.seen.gaps
                if gap["channel"] == channel}  # fmt: skip
        # The same quote or book may follow a loss, and ends it.
        again = {one for one, following in pairwise(seen) if one == following}
        assert again <= {one for one, to_id in gaps if one == to_id}, f"{channel}: twice"
        if CHANNELS[channel].is_state:
            seen = [one for one, _ in groupby(seen)]
        where = [truth[id_] for id_ in seen]
        assert where == sorted(set(where)), f"{channel}: twice, or out of order"
        for one, following in pairwise(seen):
            if truth[following] - truth[one] > 1:
                assert (one, following) in gaps, (
                    f"{channel}: {truth[following] - truth[one] - 1} missing between {one} and "
                    f"{following}, and not told; told: {gaps}"
                )


def each(faults: list[str], told: set[str], **settings: Any) -> list[Case]:
    return [Case(name, [{"fault": name, **settings}], told) for name in faults]


CONNECTIONS = [
    *(Case(f"close {code}", [{"fault": "close", "code": code}], {LOST})
      for code in (1000, 1001, 1008, 1011, 1012)),
    *each(["close_without_fin", "fin", "reset"], {LOST}),
    # Until the reconnect: no client can detect what a shorter silence swallows.
    Case("stall", [{"fault": "stall"}], {LOST}),
    Case("stall without pongs", [{"fault": "stall", "pongs": False}], {LOST}),
    Case("no pong", [{"fault": "no_pong"}], set()),
    Case("away", [{"fault": "away", "for_s": 3.0}], {LOST}),
    Case("shutdown", [{"fault": "shutdown", "delay_s": 20.0}], set()),
    Case("shutdown of spot", [{"fault": "shutdown", "delay_s": 20.0}], set(), SPOT),
    Case("close on Bybit", [{"fault": "close", "code": 1001}], {LOST}, BYBIT, ("quote", "book")),
    Case("stall on Bybit", [{"fault": "stall"}], {LOST}, BYBIT, ("quote", "book")),
    Case("reset on spot", [{"fault": "reset"}], {LOST}, SPOT),
    *(Case(f"handshake {status}", [{"fault": "handshake", "status": status, "count": 2,
                                    "retry_after_s": 1}], {LOST}, drop_first=True)
      for status in (403, 404, 429, 503, 200)),
    Case("handshake hangs", [{"fault": "handshake_hang", "count": 1}], {LOST}, drop_first=True),
    Case("handshake reset", [{"fault": "handshake_reset", "count": 2}], {LOST}, drop_first=True),
]  # fmt: skip
QUOTES = ("btcusdt@bookTicker",)
FRAMES = [
    *each(["bad_utf8", "reserved_opcode", "too_big"], {LOST}),
    *(Case(f"{name} for a quote", [{"fault": name, "streams": QUOTES}], {GAP})
      for name in ("malformed", "empty_list", "null", "number", "empty_text", "no_symbol",
                   "unknown_symbol", "unknown_event", "junk_price", "empty_price", "binary")),
    *(Case(f"{name} for a trade", [{"fault": name, "streams": ("btcusdt@trade",)}], set())
      for name in ("malformed", "no_symbol", "unknown_symbol", "junk_price", "empty_price")),
    *(Case(f"{name} for a book", [{"fault": name, "streams": ("btcusdt@depth",)}], {RESYNC, GAP})
      for name in ("malformed", "null", "no_symbol", "unknown_symbol", "junk_price", "no_pu",
                   "crossed")),
    *(Case(f"{name} for a mark", [{"fault": name, "streams": ("btcusdt@markPrice",)}], {GAP}, USDM,
           ("mark", "quote")) for name in ("malformed", "junk_price", "unknown_symbol")),
    *(Case(f"{name} for a ticker", [{"fault": name, "streams": ("btcusdt@ticker",)}], {GAP}, USDM,
           ("ticker", "quote")) for name in ("malformed", "no_symbol", "unknown_event")),
    *(Case(f"{name} for a candle", [{"fault": name, "streams": ("btcusdt@kline",)}], {GAP}, USDM,
           ("candle", "quote")) for name in ("malformed", "unknown_symbol")),
    *(Case(f"{name} for a quote on Bybit", [{"fault": name, "streams": ("orderbook.1",)}], {GAP},
           BYBIT, ("quote", "book")) for name in ("malformed", "junk_price", "unknown_symbol")),
    *(Case(f"{name} for a book on Bybit", [{"fault": name, "streams": ("orderbook.50",)}],
           {RESYNC, GAP}, BYBIT, ("quote", "book"))
      for name in ("malformed", "junk_price", "unknown_symbol", "unknown_event")),
    Case("error 2", [{"fault": "error"}], {LOST}),
    Case("error 503", [{"fault": "error", "code": 503}], {LOST}),
    Case("flat error", [{"fault": "error", "form": "flat"}], {LOST}),
    Case("error on Bybit", [{"fault": "error"}], {LOST}, BYBIT, ("quote", "book")),
]  # fmt: skip
STREAM = [
    Case("mute one", [{"fault": "mute", "streams": QUOTES}], {STALE}),
    Case("mute trades", [{"fault": "mute", "streams": ("btcusdt@trade",)}], {STALE}),
    Case("mute all after ack", [{"fault": "mute"}], {LOST}, drop_first=True),
    Case("quotes dropped", [{"fault": "drop", "streams": QUOTES}, {"fault": "reset"}], {GAP}),
    Case("depth gap", [{"fault": "drop", "streams": ("btcusdt@depth",)}], {BOOK_GAP}),
    Case("wide depth gap", [{"fault": "drop", "streams": ("btcusdt@depth",), "count": 8}],
         {BOOK_GAP}),
    Case("depth twice", [{"fault": "duplicate", "streams": ("btcusdt@depth",)}], set()),
    Case("depth reordered", [{"fault": "reorder", "streams": ("btcusdt@depth",)}], {BOOK_GAP}),
    Case("wrong pu", [{"fault": "wrong_pu"}], {BOOK_GAP}),
    Case("depth gap on spot", [{"fault": "drop", "streams": ("btcusdt@depth",)}], {BOOK_GAP}, SPOT),
    Case("trades skipped", [{"fault": "drop", "streams": ("btcusdt@trade",), "count": 3}], set()),
    Case("trades twice", [{"fault": "duplicate", "streams": ("btcusdt@trade",), "count": 5}],
         set()),
    Case("trades reordered", [{"fault": "reorder", "streams": ("btcusdt@trade",)}], set()),
    Case("delta gap on Bybit", [{"fault": "drop", "streams": ("orderbook.50",)}], {GAP}, BYBIT,
         ("quote", "book")),
    Case("restart on Bybit", [{"fault": "restart", "streams": ("orderbook.50",)}], set(), BYBIT,
         ("quote", "book")),
    Case("no book snapshot on Bybit", [{"fault": "no_snapshot", "streams": ("orderbook.50",)}],
         {LOST}, BYBIT, ("quote", "book"), drop_first=True),
    Case("no ticker snapshot on Bybit", [{"fault": "no_snapshot", "streams": ("tickers",)}],
         {LOST}, BYBIT, ("ticker", "quote", "book"), drop_first=True),
    *(Case(f"refused, {form}", [{"fault": "refuse", "form": form, "count": 3}], {LOST},
           drop_first=True) for form in ("nested", "flat")),
    *(Case(f"refused on Bybit, {form}", [{"fault": "refuse", "form": form}], {LOST}, BYBIT,
           ("quote", "book"), drop_first=True) for form in ("nested", "flat")),
    Case("never acked", [{"fault": "no_ack", "count": 9}], {LOST}, drop_first=True),
    Case("acked late", [{"fault": "late_ack", "count": 9, "delay_s": 2.0}], {LOST},
         drop_first=True),
]  # fmt: skip
DEPTH_PAGE = {"page": "depth"}
PAGES = [
    *(Case(f"snapshot {name}", [{"fault": name, **DEPTH_PAGE, "count": 3}], {RESYNC},
           drop_first=True) for name in ("truncated", "empty", "html", "page_reset")),
    *(Case(f"snapshot {status}", [{"fault": "http", "status": status, **DEPTH_PAGE, "count": 3,
                                   "retry_after_s": 1}], {RESYNC}, drop_first=True)
      for status in (429, 418, 403, 451, 500, 503)),
    # Before the page's 10 s are over, the channel counts as stale here.
    Case("snapshot hangs", [{"fault": "page_hang", **DEPTH_PAGE, "count": 1}], {RESYNC, STALE},
         drop_first=True),
    # Until a heartbeat reports it, where the others are lost too.
    Case("snapshot stale", [{"fault": "stale_snapshot", "symbol": "BTCUSDT"},
                            {"fault": "reset", "after_s": 1.5}], {RESYNC}),
    Case("snapshot ahead", [{"fault": "delay", "streams": ("btcusdt@depth",), "delay_s": 3.0}],
         {LOST}, drop_first=True),
    Case("trades skipped, and not to be had", [
        {"fault": "drop", "streams": ("btcusdt@trade",), "count": 3},
        {"fault": "http", "status": 503, "page": "trades"}], {f"{GAP} trade"}),
]  # fmt: skip
INFO = {"page": "exchangeInfo"}
KEY = (API_KEY, API_SECRET)
ACCOUNT = {"fault": "http", "page": "account"}
STARTS = [
    *(Case(f"markets {name}", [{"fault": name, **INFO, "count": 2}], set(), at_start=True)
      for name in ("truncated", "empty", "html", "page_reset")),
    *(Case(f"markets {status}", [{"fault": "http", "status": status, **INFO, "count": 2,
                                  "retry_after_s": 1}], set(), at_start=True)
      for status in (429, 418, 403, 500, 503)),
    Case("markets 451", [{"fault": "http", "status": 451, **INFO}], set(), at_start=True,
         final=RestrictedError),
    Case("markets hang", [{"fault": "page_hang", **INFO, "count": 1}], {LOST, "starting"},
         at_start=True),
    Case("markets away", [{"fault": "http", "status": 503, **INFO}], {LOST}, at_start=True),
    Case("clock skew", [{**ACCOUNT, "status": 400, "code": -1021, "count": 2}], set(),
         at_start=True, credentials=KEY),
    *(Case(f"key refused, {code}", [{**ACCOUNT, "status": 401, "code": code}], set(),
           at_start=True, credentials=KEY, final=CredentialsError) for code in (-2014, -2015)),
]  # fmt: skip
GROUPS = {
    "starts": STARTS,
    "connections": CONNECTIONS,
    "frames": FRAMES,
    "streams": STREAM,
    "pages": PAGES,
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten minutes to seconds."""
    short = SilenceLimits(3 * NS_PER_S, 3 * NS_PER_S, 10 * NS_PER_S)
    for channel, spec in CHANNELS.items():
        monkeypatch.setitem(CHANNELS, channel, spec._replace(silence=short))
    monkeypatch.setattr(session, "CONNECTION_DEAD_NS", 4 * NS_PER_S)
    monkeypatch.setattr(ccxt_exchange, "KEEP_ALIVE_MS", 500)


async def outcomes(cases: list[Case]) -> list[str]:
    """Run cases concurrently; return the failures."""

    async def one(case: Case) -> str | None:
        with tempfile.TemporaryDirectory(prefix="faults-") as folder:
            try:
                async with asyncio.timeout(200):
                    await Worker(case, Path(folder)).survive()
            except Exception as error:  # noqa: BLE001  told with the others'
                return f"{case.name}: {type(error).__name__}: {error}"
        return None

    wrong = await asyncio.gather(*map(one, cases))
    return [what for what in wrong if what is not None]


@pytest.mark.parametrize("group", GROUPS)
def test_a_worker_reports_and_survives_each_fault(group: str) -> None:
    assert "\n".join(asyncio.run(outcomes(GROUPS[group]))) == ""
