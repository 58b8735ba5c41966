"""The generated market: one seeded history per symbol, from which every stream is made.

A symbol's market begins when it is first asked for, and goes on whether or not anybody listens,
so that ids move on over a reconnect as they do on the exchange. The seed decides the orders; the
clock decides when they come, in bursts as in a recording of BTCUSDT: there (bursts parted by more
than 200 µs) half are of one message, one in ten has five or more, one in a hundred 19 or more, and
the longest has 177.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

from feedd.clock import NS_PER_MS
from feedd.exchange.book import DepthStream, partial_depth
from feedd.exchange.history import TradeHistory, TradeRow, agg_trade_event, same_aggregate
from feedd.exchange.instruments import Instrument, listed
from feedd.exchange.market import Message, Outlet, Refused, watch_over
from feedd.exchange.matching import Matching, Step

if TYPE_CHECKING:
    from feedd.clock import Clock
    from feedd.exchange.streams import Stream

WARM_UP_STEPS = 2000  # before the first message, so that a ticker has a history
BURST_EXPONENT = 1.6  # of the Pareto distribution that comes closest to the recording's
LONGEST_BURST = 177  # and none longer than a second's worth of messages
BEHIND_AT_MOST_S = 0.5
FUNDING_MS = 8 * 3600 * 1000


class GeneratedMarket:
    """Serves every listed symbol; `rate` is the quotes and trades a second of each.

    Without `bursts` every order comes by itself, at times that know nothing of each other.
    """

    def __init__(
        self, clock: Clock, seed: int = 1, rate: float = 20.0, *, bursts: bool = True
    ) -> None:
        self._clock = clock
        self._seed = seed
        self._rate = rate
        self._longest_burst = max(1, min(LONGEST_BURST, int(rate))) if bursts else 1
        self._listing = listed()
        self._symbols: dict[str, _SymbolMarket] = {}

    @property
    def instruments(self) -> dict[str, Instrument]:
        """What is listed, by id."""
        return {id_: instrument for id_, (instrument, _) in self._listing.items()}

    def check(self, stream: Stream) -> None:
        """Raise KeyError for a symbol that isn't listed; all streams are there."""
        self._listing[stream.symbol]

    def subscribe(self, stream: Stream, outlet: Outlet) -> None:
        """Send a stream to an outlet from now on."""
        self._symbol(stream.symbol).subscribe(stream, outlet)

    def unsubscribe(self, stream: Stream, outlet: Outlet) -> None:
        """Send it no longer."""
        self._symbol(stream.symbol).unsubscribe(stream, outlet)

    def depth(self, symbol: str, limit: int) -> dict[str, Any]:
        """Return the book."""
        return self._symbol(symbol).depth(limit)

    def quote(self, symbol: str) -> dict[str, Any]:
        """Return the best bid and ask."""
        return self._symbol(symbol).quote()

    def ticker(self, symbol: str) -> dict[str, Any]:
        """Return the last 24 h."""
        market = self._symbol(symbol)
        answer = market.trades.ticker_answer(market.now_ms())
        if answer is None:
            raise Refused("nothing was traded yet")
        return {"symbol": symbol, **answer}

    def klines(self, symbol: str, interval: str, limit: int) -> list[list[Any]]:
        """Return candles."""
        market = self._symbol(symbol)
        return market.trades.klines(interval, limit, market.now_ms())

    def agg_trades(self, symbol: str, limit: int) -> list[dict[str, Any]]:
        """Return aggregated trades."""
        return self._symbol(symbol).trades.agg_trades(limit)

    def premium_index(self, symbol: str) -> dict[str, Any]:
        """Return mark price, index price and funding."""
        return self._symbol(symbol).premium_index()

    async def close(self) -> None:
        """Stop every symbol's market."""
        for market in self._symbols.values():
            await market.close()

    def _symbol(self, id_: str) -> _SymbolMarket:
        if id_ not in self._symbols:
            instrument, price = self._listing[id_]
            matching = Matching(instrument, price, f"{self._seed} {id_}")
            self._symbols[id_] = _SymbolMarket(
                matching, self._clock, self._rate, self._longest_burst
            )
        return self._symbols[id_]


class _SymbolMarket:
    """One symbol's history, and the streams that somebody reads."""

    def __init__(self, matching: Matching, clock: Clock, rate: float, longest_burst: int) -> None:
        self.instrument = matching.instrument
        self.trades = TradeHistory(matching.instrument)
        self._matching = matching
        self._clock = clock
        self._rate = rate
        self._longest_burst = longest_burst
        self._random = random.Random(f"bursts {matching.instrument.id}")
        symbol = matching.instrument.id.lower()
        self._quote_name = f"{symbol}@bookTicker"
        self._trade_name = f"{symbol}@trade"
        self._agg_name = f"{symbol}@aggTrade"
        self._outlets: dict[str, set[Outlet]] = {}
        self._streams: dict[str, Stream] = {}
        self._due_ms: dict[str, int] = {}
        self._depth: dict[str, DepthStream] = {}
        self._partial_id: dict[str, int] = {}
        self._open_aggregate: list[TradeRow] = []
        self._aggregates: list[dict[str, Any]] = []  # closed and not told yet
        self._liquidation: TradeRow | None = None
        self._told_candle: dict[str, tuple[int, int]] = {}
        start_ms = self.now_ms()
        for number in range(WARM_UP_STEPS):
            step = matching.step(start_ms - (WARM_UP_STEPS - number))
            for trade in step.trades:
                self.trades.add(trade)
                self._aggregate(trade)
        self._close_aggregate()
        self._task = asyncio.get_running_loop().create_task(self._run())
        watch_over(self._task, self.instrument.id, lambda: set().union(*self._outlets.values()))

    def now_ms(self) -> int:
        return self._clock.now_ns() // NS_PER_MS

    def subscribe(self, stream: Stream, outlet: Outlet) -> None:
        if stream.name not in self._streams:
            self._streams[stream.name] = stream
            if stream.kind == "depth":
                self._depth[stream.name] = DepthStream(self.instrument, self._matching.update_id)
            if stream.period_ms:
                self._due_ms[stream.name] = self.now_ms() + stream.period_ms
        self._outlets.setdefault(stream.name, set()).add(outlet)

    def unsubscribe(self, stream: Stream, outlet: Outlet) -> None:
        outlets = self._outlets.get(stream.name, set())
        outlets.discard(outlet)
        if not outlets:
            self._streams.pop(stream.name, None)
            self._due_ms.pop(stream.name, None)
            self._depth.pop(stream.name, None)
            self._outlets.pop(stream.name, None)

    def depth(self, limit: int) -> dict[str, Any]:
        i, book, now_ms = self.instrument, self._matching.book, self.now_ms()
        bids, asks = (
            [[i.price(price), i.size(size)] for price, size in book.levels(side, limit)]
            for side in ("bid", "ask")
        )
        return {"lastUpdateId": self._matching.update_id, "E": now_ms, "T": now_ms,
                "bids": bids, "asks": asks}  # fmt: skip

    def quote(self) -> dict[str, Any]:
        bid, bid_size, ask, ask_size = self._best()
        return {"symbol": self.instrument.id, "bidPrice": bid, "bidQty": bid_size,
                "askPrice": ask, "askQty": ask_size, "time": self.now_ms()}  # fmt: skip

    def premium_index(self) -> dict[str, Any]:
        mark, index = self._mark()
        now_ms = self.now_ms()
        return {
            "symbol": self.instrument.id, "markPrice": mark, "indexPrice": index,
            "estimatedSettlePrice": index, "lastFundingRate": "0.00010000",
            "interestRate": "0.00010000", "nextFundingTime": _next_funding(now_ms), "time": now_ms,
        }  # fmt: skip

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    # --- the history goes on ------------------------------------------------------------------

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        next_burst_s = loop.time()
        while True:
            out: list[Message] = []
            # A market that was held up, or is asked for more than it can, goes on from now.
            next_burst_s = max(next_burst_s, loop.time() - BEHIND_AT_MOST_S)
            made = 0
            while next_burst_s <= loop.time() and made < LONGEST_BURST:
                burst = self._burst(out)
                made += burst
                next_burst_s += self._random.expovariate(1.0) * burst / self._rate
            now_ms = self.now_ms()
            for name, due_ms in list(self._due_ms.items()):
                if due_ms <= now_ms:
                    self._due_ms[name] = max(due_ms + self._streams[name].period_ms, now_ms)
                    out.extend(self._periodic(self._streams[name], now_ms))
            self._send(out)
            wait_s = next_burst_s - loop.time()
            if self._due_ms:
                wait_s = min(wait_s, (min(self._due_ms.values()) - now_ms) / 1000)
            await asyncio.sleep(min(max(wait_s, 0.0), 0.5))

    def _burst(self, out: list[Message]) -> int:
        """Let orders come in until they made as many messages as this burst has."""
        wanted = min(self._longest_burst, int(self._random.paretovariate(BURST_EXPONENT)))
        now_ms = self.now_ms()
        sent = 0
        while sent < wanted:
            step = self._matching.step(now_ms)
            sent += len(step.trades) + step.best_moved
            self._take_in(step, now_ms, out)
        return sent

    def _take_in(self, step: Step, now_ms: int, out: list[Message]) -> None:
        quotes, trades = self._quote_name, self._trade_name
        for trade in step.trades:
            self.trades.add(trade)
            self._aggregate(trade)
            if trades in self._streams:
                out.append(Message(trades, trade.id, self._trade_event(trade, now_ms)))
        if step.liquidation and step.trades:
            self._liquidation = step.trades[-1]
        for depth in self._depth.values():
            for side, price, size in step.changes:
                depth.change(side, price, size, step.update_id, now_ms)
        if step.best_moved and quotes in self._streams:
            out.append(Message(quotes, step.update_id, self._quote_event(step.update_id, now_ms)))

    def _send(self, out: list[Message]) -> None:
        if not out:
            return
        by_outlet: dict[Outlet, list[Message]] = {}
        for message in out:
            for outlet in self._outlets.get(message.stream, ()):
                by_outlet.setdefault(outlet, []).append(message)
        for outlet, messages in by_outlet.items():
            outlet.send(messages)

    # --- events -----------------------------------------------------------------------------

    def _trade_event(self, trade: TradeRow, now_ms: int) -> str:
        i = self.instrument
        return (
            f'{{"e":"trade","E":{now_ms},"T":{trade.time},"s":"{i.id}","t":{trade.id},'
            f'"p":"{i.price(trade.price)}","q":"{i.size(trade.size)}","X":"MARKET",'
            f'"m":{"true" if trade.buyer_is_maker else "false"},"st":1}}'
        )

    def _quote_event(self, update_id: int, now_ms: int) -> str:
        bid, bid_size, ask, ask_size = self._best()
        i = self.instrument
        return (
            f'{{"e":"bookTicker","u":{update_id},"s":"{i.id}","ps":"{i.id}","b":"{bid}",'
            f'"B":"{bid_size}","a":"{ask}","A":"{ask_size}","T":{now_ms},"E":{now_ms},"st":1}}'
        )

    def _periodic(self, stream: Stream, now_ms: int) -> list[Message]:
        name, kind = stream.name, stream.kind
        if kind == "depth":
            event = self._depth[name].take(now_ms)
            return [] if event is None else [Message(name, *event)]
        if kind == "partialDepth":
            return self._partial(stream, now_ms)
        if kind == "aggTrade":
            return self._agg_trades(name, now_ms)
        if kind == "kline":
            return self._klines(stream, now_ms)
        if kind == "forceOrder":
            return self._liquidations(name, now_ms)
        data: str | None
        if kind == "markPrice":
            data = self._mark_event(now_ms)
        elif kind == "ticker":
            data = self.trades.ticker_event(now_ms)
        else:
            data = self.trades.mini_ticker_event(now_ms)
        return [] if data is None else [Message(name, None, data)]

    def _partial(self, stream: Stream, now_ms: int) -> list[Message]:
        update_id = self._matching.update_id
        before = self._partial_id.get(stream.name, update_id - 1)
        if update_id == before:
            return []
        self._partial_id[stream.name] = update_id
        data = partial_depth(
            self.instrument, self._matching.book, stream.levels, update_id, before, now_ms
        )
        return [Message(stream.name, update_id, data)]

    def _aggregate(self, trade: TradeRow) -> None:
        if self._open_aggregate and not same_aggregate(self._open_aggregate[0], trade):
            self._close_aggregate()
        self._open_aggregate.append(trade)

    def _close_aggregate(self) -> None:
        if self._open_aggregate:
            row = self.trades.aggregate(self._open_aggregate)
            self._open_aggregate = []
            if self._agg_name in self._streams:
                self._aggregates.append(row)

    def _agg_trades(self, name: str, now_ms: int) -> list[Message]:
        self._close_aggregate()
        rows, self._aggregates = self._aggregates, []
        return [
            Message(name, row["a"], agg_trade_event(self.instrument, row, now_ms)) for row in rows
        ]

    def _klines(self, stream: Stream, now_ms: int) -> list[Message]:
        """Tell the candle that goes on, and once more, closed, the one that ended."""
        out = []
        candle = self.trades.candle(stream.interval, now_ms)
        told = self._told_candle.get(stream.name)
        open_time = candle.open_time if candle is not None else None
        if told is not None and told[0] != open_time:
            closed = self.trades.kline_event(stream.interval, told[0], now_ms, closed=True)
            if closed is not None:
                out.append(Message(stream.name, None, closed))
            del self._told_candle[stream.name]
        if candle is not None and self._told_candle.get(stream.name) != (
            candle.open_time,
            candle.last_id,
        ):
            self._told_candle[stream.name] = (candle.open_time, candle.last_id)
            data = self.trades.kline_event(stream.interval, now_ms, now_ms, closed=False)
            if data is not None:
                out.append(Message(stream.name, None, data))
        return out

    def _liquidations(self, name: str, now_ms: int) -> list[Message]:
        """Tell the newest liquidation of the last second, as the exchange does."""
        trade, self._liquidation = self._liquidation, None
        if trade is None:
            return []
        i = self.instrument
        price, size = i.price(trade.price), i.size(trade.size)
        side = "SELL" if trade.buyer_is_maker else "BUY"
        data = (
            f'{{"e":"forceOrder","E":{now_ms},"o":{{"s":"{i.id}","S":"{side}","o":"LIMIT",'
            f'"f":"IOC","q":"{size}","p":"{price}","ap":"{price}","X":"FILLED","l":"{size}",'
            f'"z":"{size}","T":{trade.time}}}}}'
        )
        return [Message(name, None, data)]

    def _mark_event(self, now_ms: int) -> str:
        mark, index = self._mark()
        return (
            f'{{"e":"markPriceUpdate","E":{now_ms},"s":"{self.instrument.id}","p":"{mark}",'
            f'"ap":"{mark}","i":"{index}","P":"{index}","r":"0.00010000",'
            f'"T":{_next_funding(now_ms)},"st":1}}'
        )

    def _mark(self) -> tuple[str, str]:
        """Return the mark price, the middle of the book, and an index price next to it."""
        book = self._matching.book
        bid, ask = book.best("bid"), book.best("ask")
        if bid is None or ask is None:
            raise RuntimeError("the book of a generated market is never empty")
        decimals = 10 ** (8 - self.instrument.price_decimals)
        middle = (bid[0] + ask[0]) * decimals // 2
        index = middle - middle // 10_000
        return f"{middle // 10**8}.{middle % 10**8:08d}", f"{index // 10**8}.{index % 10**8:08d}"

    def _best(self) -> tuple[str, str, str, str]:
        i, book = self.instrument, self._matching.book
        bid, ask = book.best("bid"), book.best("ask")
        if bid is None or ask is None:
            raise RuntimeError("the book of a generated market is never empty")
        return i.price(bid[0]), i.size(bid[1]), i.price(ask[0]), i.size(ask[1])


def _next_funding(now_ms: int) -> int:
    return now_ms - now_ms % FUNDING_MS + FUNDING_MS
