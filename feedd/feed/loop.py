"""The loop of one worker: what a source yields is numbered and published; status says the rest."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

import structlog

from feedd.clock import NS_PER_MS, NS_PER_S
from feedd.errors import FinalError, LimitError, SourceError
from feedd.feed.latency import Histogram, Recent
from feedd.feed.session import Session
from feedd.model import Book, ChannelStatus, Quote, Status, Ticker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from feedd.clock import Clock
    from feedd.feed.ticker import TickerMaker
    from feedd.model import EventId, Gap, State, Tick
    from feedd.sources.base import Backoff, Source
    from feedd.transport.publisher import Publisher

HEARTBEAT_S = 1.0
PROXY_WAIT_S = 5.0
AWAY_S = 5.0  # an exchange that can't be asked for so long is away
CLOSE_TIMEOUT_S = 0.5
RECENT_S = 15.0

_log = structlog.get_logger()


class FeedLoop:
    """One symbol: source → session → publisher. It is the source's sink.

    `channels` are published; the source may serve more, of which tickers are made. `endpoint` is
    bound, `proxies` connected to. `usage` returns the process' CPU in
    percent since the last call, and its memory in MB.
    """

    def __init__(
        self,
        *,
        exchange: str,
        symbol: str,
        channels: Iterable[str],
        source: Source,
        source_channels: tuple[str, ...],
        publisher: Publisher,
        endpoint: str,
        proxies: Sequence[str],
        ticker_maker: TickerMaker,
        backoff: Backoff,
        clock: Clock,
        usage: Callable[[], tuple[float, float]],
    ) -> None:
        self._exchange = exchange
        self._symbol = symbol
        self._published = frozenset(channels)
        self._ticker_maker = ticker_maker if "ticker" in self._published else None
        self._source = source
        self._publisher = publisher
        self._endpoint = endpoint
        self._proxies = proxies
        self._backoff = backoff
        self._clock = clock
        self._usage = usage
        self._cpu_percent, self._memory_mb = usage()
        self._messages_per_s = 0.0
        self._started_s = clock.monotonic_s()
        self._session = Session(source_channels, self._monotonic_ns(), source.self_checked)
        self._latency = {channel: Histogram() for channel in source_channels}
        self._recent = {channel: Recent(RECENT_S, self._started_s) for channel in source_channels}
        self._exchange_latency = Histogram()
        self._said: tuple[State, str | None] | None = None
        self._open = False

    async def run(self, stop: asyncio.Event) -> None:
        """Publish until `stop` is set, then say so, close and return. Raises FinalError only."""
        work = asyncio.ensure_future(self._work())
        beat = asyncio.ensure_future(self._beat())
        stopping = asyncio.ensure_future(stop.wait())
        reason = "the worker was told to stop"
        try:
            await asyncio.wait({work, beat, stopping}, return_when=asyncio.FIRST_COMPLETED)
            for task in (work, beat):
                if task.done():
                    task.result()
        except FinalError as error:
            reason = str(error)
            raise
        except Exception as error:
            reason = f"a fault in feedd: {type(error).__name__}: {error}"
            raise
        finally:
            work.cancel()
            beat.cancel()
            stopping.cancel()
            await asyncio.gather(work, beat, stopping, return_exceptions=True)
            await self._close(reason)

    async def _work(self) -> None:
        await self._prepare()
        await self._open_publisher()
        # What the start left in memory stays; a collection that walks it all takes tens of ms.
        gc.collect()
        gc.freeze()
        await self._source.run(self)

    async def _prepare(self) -> None:
        """Check the feed against the exchange, for as long as that is away.

        Nothing is bound before the answer, so that a wrong symbol or key leaves no trace; but an
        exchange that stays away is a state that subscribers should see.
        """
        while True:
            try:
                await self._ask()
            except SourceError as error:
                for channel in self._session.channels:
                    self._session.lost(
                        channel,
                        str(error),
                        self._monotonic_ns(),
                        waits=isinstance(error, LimitError),
                    )
                _log.warning("the exchange is away", why=str(error))
                if self._clock.monotonic_s() - self._started_s > AWAY_S:
                    await self._open_publisher()
                    self._say_if_changed()
                await asyncio.sleep(self._backoff.next_s())
            else:
                return

    async def _ask(self) -> None:
        """Ask the exchange; an answer that takes long is waited for in public."""
        asking = asyncio.ensure_future(self._source.prepare())
        try:
            passed_s = self._clock.monotonic_s() - self._started_s
            await asyncio.wait({asking}, timeout=max(0.0, AWAY_S - passed_s))
            if not asking.done():
                await self._open_publisher()
            await asking
        finally:
            asking.cancel()

    async def _open_publisher(self) -> None:
        if self._open:
            return
        await self._publisher.bind(self._endpoint)
        self._open = True
        if not await self._publisher.connect(self._proxies, PROXY_WAIT_S):
            _log.warning(
                "not every proxy is there; going on without",
                proxies=self._proxies,
                connected=self._publisher.proxies_connected,
            )
        _log.info("publishing", endpoint=self._endpoint, session=self._publisher.session)
        self._say()

    async def _close(self, reason: str) -> None:
        """Say that the feed stops, with the last `next_seq`, and close what is open."""
        self._session.stop(reason)
        self._say_if_changed()
        try:
            await asyncio.wait_for(self._source.close(), CLOSE_TIMEOUT_S)
        except TimeoutError:
            _log.warning("the source did not close in time", timeout_s=CLOSE_TIMEOUT_S)
        await self._publisher.close()

    # --- what the source tells --------------------------------------------------------------

    def event(self, tick: Tick) -> None:
        """Publish an event, and the ticker that it makes."""
        gap = self._session.event(tick.channel, tick.id, tick.received_ns)
        if gap is not None:
            self._say(gap)
        if self._session.changed:
            self._say_if_changed()
        if type(tick) is Ticker:
            self._on_summary(tick)
            return
        if tick.timestamp is not None:
            self._exchange_latency.add(tick.received_ns - tick.timestamp * NS_PER_MS)
        if tick.channel in self._published:
            self._publish(tick)
        maker = self._ticker_maker
        if maker is None:
            return
        ticker = None
        if type(tick) is Quote:
            ticker = maker.on_quote(tick)
        elif type(tick) is Book:
            ticker = maker.on_book(tick)
        if ticker is not None:
            self._publish(ticker)

    def hold(self) -> None:
        """Let the publisher send what comes in one piece."""
        self._publisher.hold()

    def release(self) -> None:
        """Let it send."""
        self._publisher.release()

    def _on_summary(self, tick: Ticker) -> None:
        if tick.last is None:
            _log.warning("a ticker has no last price")
        if self._ticker_maker is not None:
            self._publish(self._ticker_maker.on_summary(tick))

    def missing(self, channel: str, from_id: EventId, to_id: EventId, reason: str) -> None:
        """Say that events are missing."""
        self._say(self._session.missing(channel, from_id, to_id, reason))

    def resync(self, channel: str, reason: str, *, waits: bool = False) -> None:
        """Say that a channel waits for a new snapshot."""
        if self._ticker_maker is not None:
            self._ticker_maker.forget(channel)
        self._session.resync(channel, reason, waits=waits)
        self._say_if_changed()

    def heard(self, channel: str) -> None:
        """Note a sign of life."""
        self._session.heard(channel)

    def subscribed(self, channel: str) -> None:
        """Note a connection that stands."""
        self._session.subscribed(channel, self._monotonic_ns())
        self._say_if_changed()

    def lost(self, channel: str, reason: str, *, waits: bool = False) -> None:
        """Say that a connection is gone."""
        if self._ticker_maker is not None:
            self._ticker_maker.forget(channel)
        self._session.lost(channel, reason, self._monotonic_ns(), waits=waits)
        self._say_if_changed()

    def rejected(self, channels: Iterable[str], reason: str) -> None:
        """Count a message that could not be read; the gap is said before the next event."""
        names = list(channels)
        self._session.reject(names, reason)
        _log.warning(
            "a message could not be read",
            channels=names,
            reason=reason,
            so_far=self._session.rejected,
        )

    # --- what subscribers are told ------------------------------------------------------------

    def _publish(self, tick: Tick) -> None:
        self._publisher.publish(tick)
        self._latency[tick.channel].add(tick.published_ns - tick.received_ns)

    async def _beat(self) -> None:
        """Publish a status every second, with an eye on silent channels."""
        counted, counted_s = 0, self._started_s
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            now_s = self._clock.monotonic_s()
            messages = self._session.messages
            self._messages_per_s = round((messages - counted) / (now_s - counted_s), 1)
            counted, counted_s = messages, now_s
            for channel in self._session.overdue(self._monotonic_ns(), self._source.life):
                self._source.reconnect(channel, self._session.channels[channel].reason or "stale")
            if not self._open:
                continue
            self._publisher.release()  # should a source that failed in between not have done so
            self._publisher.check()
            self._cpu_percent, self._memory_mb = self._usage()
            self._say()

    def _say_if_changed(self) -> None:
        self._session.changed = False
        if self._said != (self._session.state, self._session.reason):
            self._say()

    def _say(self, gap: Gap | None = None) -> None:
        """Publish a status, and log it where it is news."""
        session = self._session
        now_ns = self._clock.now_ns()
        state, reason = session.state, session.reason
        if gap is not None:
            _log.warning(
                "gap", channel=gap.channel, reason=gap.reason, from_id=gap.from_id, to_id=gap.to_id
            )
        if self._said is None or self._said[0] != state:
            log = _log.warning if state in {"stale", "reconnecting", "resync"} else _log.info
            log("state", state=state, reason=reason)
        self._said = (state, reason)
        now_s = self._clock.monotonic_s()
        latency = Histogram()
        for channel, counted in self._latency.items():
            latency.absorb(counted)
            self._recent[channel].absorb(counted, now_s)
            counted.clear()
        self._publisher.publish(
            Status(
                symbol=self._symbol,
                timestamp=now_ns // NS_PER_MS,
                state=state,
                reason=reason,
                next_seq=self._publisher.next_seq(),
                messages=session.messages,
                messages_per_s=self._messages_per_s,
                reconnects=session.reconnects,
                gaps=session.gaps,
                rejected=session.rejected,
                latency_us=latency.percentiles(),
                exchange_latency_us=self._exchange_latency.take(),
                uptime_s=round(now_s - self._started_s, 3),
                cpu_percent=self._cpu_percent,
                memory_mb=self._memory_mb,
                channels={name: self._channel_status(name, now_ns, now_s) for name in self._recent},
                exchange=self._exchange,
                received_ns=now_ns,
                gap=gap,
            )
        )

    def _channel_status(self, name: str, now_ns: int, now_s: float) -> ChannelStatus:
        channel, recent = self._session.channels[name], self._recent[name]
        monotonic_ns = int(now_s * NS_PER_S)
        received_ns = channel.last_received_ns
        return ChannelStatus(
            state=channel.state,
            reason=channel.reason,
            age_ms=None if received_ns is None else max(0, (now_ns - received_ns) // NS_PER_MS),
            stale_after_s=channel.staleness.limit_ns / NS_PER_S,
            published=name in self._published,
            messages_per_s=round(recent.rate(now_s), 2),
            latency_us=recent.percentiles(),
            reconnects=channel.reconnects,
            reconnects_1h=channel.reconnected.count(monotonic_ns),
            tries=channel.tries,
            waits=channel.waits,
            gaps=channel.gaps,
            connected_percent_1h=channel.connection.percent(monotonic_ns),
        )

    def _monotonic_ns(self) -> int:
        return int(self._clock.monotonic_s() * NS_PER_S)
