"""The recorded market: plays files of real exchanges, stream by stream.

A stream's recording starts at the first subscription to that stream and goes on by the clock,
with or without subscribers. At speed 0 there is no clock: a stream goes on as fast as its
slowest reader takes it, and waits while it has none.

A stream that the file does not hold is derived from others, or refused by name:

- from trades (aggTrades where there are none): ticker, miniTicker, kline; aggTrade from trades;
- from a diff-depth stream of one speed: those of the slower speeds;
- the REST depth from the file's own answer and the depth stream played so far;
- the REST trades from the trade stream played so far.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import structlog

from feedd.clock import NS_PER_MS, NS_PER_S
from feedd.embedded.binance.coinm import contract_usd
from feedd.embedded.binance.derived import Derivation, derivation
from feedd.embedded.binance.played_book import PlayedBook
from feedd.embedded.binance.usdm import Usdm
from feedd.embedded.instruments import Instrument
from feedd.embedded.market import MarketMessage, Refused, watch_over
from feedd.embedded.tape import Tape
from feedd.embedded.trade_history import TRADES_KEPT
from feedd.venues.binance import raw_recording
from feedd.venues.binance.market_ids import is_coinm
from feedd.venues.binance.streams import parse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from feedd.clock import Clock
    from feedd.embedded.binance.spot import Spot
    from feedd.embedded.market import Outlet
    from feedd.embedded.tape import Holding
    from feedd.venues.raw_streams import RawStream, StreamContent

SEGMENT_GAP_NS = NS_PER_MS  # frames closer than this arrived in one segment
FRAMES_AT_ONCE = 200
BACKLOG_BYTES = 256 * 1024  # at speed 0: most bytes queued for a reader

_ID_KEYS: dict[StreamContent, str] = {
    "quote": "u",
    "trade": "t",
    "aggregate_trade": "a",
    "book": "u",
}
_IDS = {key: re.compile(rf'"{key}":(\d+)') for key in set(_ID_KEYS.values())}
_TIMES = re.compile(r'"([ET])":(\d+)')

_log = structlog.get_logger()


class RecordedMarket:
    """Serves the symbols of one or more recordings.

    `tapes` maps each symbol (the exchange's id) to a tape and the tape's symbol. `form` has the
    messages of the market, for what is derived.
    """

    def __init__(
        self,
        tapes: dict[str, tuple[Tape, str]],
        clock: Clock,
        speed: float,
        rebase: bool,
        form: type[Usdm | Spot] = Usdm,
    ) -> None:
        self._clock = clock
        self._speed = speed
        self._rebase = rebase
        self._symbols = {
            symbol: _SymbolTape(symbol, tape, held_as, form)
            for symbol, (tape, held_as) in tapes.items()
        }
        self._players: dict[str, _Player] = {}
        for symbol in self._symbols.values():
            _log.info("recording", symbol=symbol.id, path=str(symbol.tape.path), **symbol.offer())

    @property
    def instruments(self) -> dict[str, Instrument]:
        """Recorded instruments by id."""
        return {id_: symbol.instrument for id_, symbol in self._symbols.items()}

    @property
    def runs_without_subscribers(self) -> bool:
        """Whether events continue without readers: only when played by the clock."""
        return self._speed > 0

    def check(self, stream: RawStream) -> None:
        """Raise KeyError for a symbol, Refused for a stream, that no recording holds."""
        self._symbols[stream.symbol].derivation(stream)
        player = self._players.get(stream.name)
        if player is not None and player.failure is not None:
            raise Refused(f"the recording of {stream.name} can't be played on: {player.failure}")

    def subscribe(self, stream: RawStream, outlet: Outlet) -> None:
        """Send a stream to an outlet; the first one starts it."""
        player = self._players.get(stream.name)
        if player is None:
            symbol = self._symbols[stream.symbol]
            player = _Player(symbol, stream, self._clock, self._speed, self._rebase)
            self._players[stream.name] = player
        player.add(outlet)

    def unsubscribe(self, stream: RawStream, outlet: Outlet) -> None:
        """Stop sending a stream to an outlet; by the clock it plays on."""
        self._players[stream.name].remove(outlet)

    def depth(self, symbol: str, limit: int) -> dict[str, Any]:
        """Return the book at the depth stream's position, or the file's answer before that."""
        for player in self._players.values():
            if player.stream.symbol == symbol and player.stream.content == "book":
                answer = player.depth(limit)
                if answer is not None:
                    return answer
        snapshot = self._symbols[symbol].holding.snapshot
        if snapshot is None:
            raise Refused("the recording holds no answer of GET depth")
        answer = json.loads(snapshot)
        return {**answer, "bids": answer["bids"][:limit], "asks": answer["asks"][:limit]}

    def quote(self, symbol: str) -> dict[str, Any]:
        """Refuse: a recording is played as streams."""
        raise _refused_page(symbol, "ticker/bookTicker")

    def ticker(self, symbol: str) -> dict[str, Any]:
        """Refuse: a recording is played as streams."""
        raise _refused_page(symbol, "ticker/24hr")

    def klines(self, symbol: str, interval: str, limit: int) -> list[list[Any]]:
        """Refuse: a recording is played as streams."""
        raise _refused_page(symbol, f"klines ({interval}, {limit})")

    def agg_trades(self, symbol: str, limit: int) -> list[dict[str, Any]]:
        """Refuse: a recording is played as streams."""
        raise _refused_page(symbol, f"aggTrades ({limit})")

    def trades(self, symbol: str, limit: int, from_id: int | None = None) -> list[dict[str, Any]]:
        """Return trades that the trade stream has played so far, with its values."""
        stream = parse(f"{symbol.lower()}@trade")
        if stream is None:
            raise Refused(f"{symbol} can't have streams")
        self._symbols[symbol].derivation(stream)
        player = self._players.get(stream.name)
        played = [] if player is None or player.trades is None else list(player.trades)
        if from_id is None:
            played = played[-limit:]
        else:
            played = [one for one in played if one.id is not None and one.id >= from_id][:limit]
        return [_trade_row(json.loads(message.data)) for message in played]

    def premium_index(self, symbol: str) -> dict[str, Any]:
        """Refuse: a recording is played as streams."""
        raise _refused_page(symbol, "premiumIndex")

    async def close(self) -> None:
        """Stop all players."""
        for player in self._players.values():
            await player.close()


def load_tapes(path: Path) -> dict[str, tuple[Tape, str]]:
    """Return what a file plays: the symbols that it holds. Raises ConfigError."""
    tape = Tape(path, raw_recording)
    return {held: (tape, held) for held in tape.holdings}


class _SymbolTape:
    """One symbol's part of a tape, under the name that it is played as."""

    def __init__(self, id_: str, tape: Tape, held_as: str, form: type[Usdm | Spot]) -> None:
        self.id = id_
        self.tape = tape
        self.held_as = held_as
        self.holding: Holding = tape.holdings[held_as]
        self.form = form(_instrument(id_, self.holding.instrument))
        self.instrument = self.form.instrument

    def derivation(self, stream: RawStream) -> Derivation:
        """Return how a stream comes of the tape; raise Refused where it can't."""
        return derivation(stream, self.holding.streams)

    def offer(self) -> dict[str, list[str]]:
        """Return what is held, derived and refused."""
        names = self.holding.streams
        derived = {"aggTrade", "ticker", "miniTicker", "kline"} - names
        if not names & {"trade", "aggTrade"}:
            derived = set()
        refused = {"markPrice", "forceOrder", "bookTicker", "trade"} - names
        return {"held": sorted(names), "derived": sorted(derived), "refused": sorted(refused)}

    def renamed(self, data: str) -> str:
        """Put the symbol's name where the tape's is."""
        if self.id == self.held_as:
            return data
        pair, held_pair = self.id.partition("_")[0], self.held_as.partition("_")[0]
        return data.replace(f'"s":"{self.held_as}"', f'"s":"{self.id}"').replace(
            f'"ps":"{held_pair}"', f'"ps":"{pair}"'
        )


def _instrument(id_: str, held: Instrument) -> Instrument:
    """Return the instrument that an id means, with the steps of another one."""
    pair, underscore, expiry = id_.partition("_")
    quote = next((q for q in (held.quote, "USDT") if q and pair.endswith(q)), held.quote)
    contract = 0
    if is_coinm(id_):
        quote = "USD"
        contract = contract_usd(pair.removesuffix(quote))
    return Instrument(
        pair.removesuffix(quote), quote, held.price_decimals, held.size_decimals, held.tick,
        contract, underscore + expiry,
    )  # fmt: skip


class _Player:
    """One stream of one symbol, from its first subscription on."""

    def __init__(
        self, symbol: _SymbolTape, stream: RawStream, clock: Clock, speed: float, rebase: bool
    ) -> None:
        self.stream = stream
        self._symbol = symbol
        self._clock = clock
        self._speed = speed
        self._rebase = rebase
        self._outlets: set[Outlet] = set()
        self._subscribed = asyncio.Event()
        self._book: PlayedBook | None = None
        if stream.content == "book" and symbol.holding.snapshot is not None:
            self._book = PlayedBook(symbol.instrument)
        self.trades: deque[MarketMessage] | None = None
        if stream.content == "trade":
            self.trades = deque(maxlen=TRADES_KEPT)
        self._task = asyncio.get_running_loop().create_task(self._play())
        watch_over(self._task, stream.name, lambda: self._outlets)

    @property
    def failure(self) -> BaseException | None:
        ended = self._task.done() and not self._task.cancelled()
        return self._task.exception() if ended else None

    def add(self, outlet: Outlet) -> None:
        self._outlets.add(outlet)
        self._subscribed.set()

    def remove(self, outlet: Outlet) -> None:
        self._outlets.discard(outlet)
        if not self._outlets:
            self._subscribed.clear()

    def depth(self, limit: int) -> dict[str, Any] | None:
        return None if self._book is None else self._book.answer(limit)

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _play(self) -> None:
        loop = asyncio.get_running_loop()
        start_s = loop.time()
        segment: list[tuple[int, MarketMessage]] = []
        for local_ns, message in self._messages():
            if self._speed:
                due_s = start_s + (local_ns - self._symbol.tape.start_ns) / NS_PER_S / self._speed
                wait_s = due_s - loop.time()
                if wait_s > 0 or len(segment) >= FRAMES_AT_ONCE:
                    self._send(segment)
                    segment = []
                    await asyncio.sleep(max(0.0, wait_s))
            elif segment and (
                local_ns - segment[-1][0] > SEGMENT_GAP_NS or len(segment) >= FRAMES_AT_ONCE
            ):
                await self._send_when_taken(segment)
                segment = []
            segment.append((local_ns, message))
        if self._speed:
            self._send(segment)
        else:
            await self._send_when_taken(segment)
        _log.info("the recording is played to its end", stream=self.stream.name)

    async def _send_when_taken(self, segment: list[tuple[int, MarketMessage]]) -> None:
        await self._subscribed.wait()
        await asyncio.sleep(0)
        # A transport reports its backlog only to its protocol, so it is polled.
        while any(outlet.backlog() > BACKLOG_BYTES for outlet in self._outlets):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        # The last reader may have left meanwhile: the segment waits for the next one.
        await self._subscribed.wait()
        self._send(segment)

    def _send(self, segment: list[tuple[int, MarketMessage]]) -> None:
        if not segment:
            return
        messages = [message for _, message in segment]
        if self._book is not None:
            for message in messages:
                self._book.apply(json.loads(message.data))
        if self._rebase:
            now_ms = self._clock.now_ns() / NS_PER_MS
            least_ms = self._symbol.tape.least_delay_ms
            messages = [
                message._replace(
                    data=_shifted(message.data, round(now_ms - local_ns / 1e6 + least_ms))
                )
                for local_ns, message in segment
            ]
        if self.trades is not None:
            self.trades.extend(message for message in messages if _of_market(message.data))
        for outlet in self._outlets:
            outlet.send(messages)

    def _messages(self) -> Iterator[tuple[int, MarketMessage]]:
        how = self._symbol.derivation(self.stream)
        source = f"{self._symbol.held_as.lower()}@{how.source}"
        make = how.make(self._symbol.form, self.stream)
        for line in self._symbol.tape.lines():
            if line.stream == source:
                for data in make(line.local_ns, self._symbol.renamed(line.data)):
                    yield line.local_ns, MarketMessage(self.stream.name, self._id(data), data)
            elif self._book is not None and self._symbol.tape.answers(line, self._symbol.held_as):
                self._book.snapshot(line)

    def _id(self, data: str) -> int | None:
        key = _ID_KEYS.get(self.stream.content)
        match = _IDS[key].search(data) if key else None
        return int(match[1]) if match else None


def _of_market(data: str) -> bool:
    """Whether a trade was filled in the book: GET trades has no others."""
    return '"X":' not in data or '"X":"MARKET"' in data


def _trade_row(event: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": event["t"], "price": event["p"], "qty": event["q"],
        "quoteQty": f"{Decimal(event['p']) * Decimal(event['q']):f}", "time": event["T"],
        "isBuyerMaker": event["m"],
    }  # fmt: skip


def _shifted(data: str, shift_ms: int) -> str:
    return _TIMES.sub(lambda match: f'"{match[1]}":{int(match[2]) + shift_ms}', data)


def _refused_page(symbol: str, page: str) -> Refused:
    return Refused(f"{symbol} is played from a recording, which has no {page}")
