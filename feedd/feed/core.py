"""Everything that one feed decides, without an event loop, a socket or a clock of its own.

Events and faults of a source go in, numbered events and statuses come out. The worker's loop and
the importer run the same core: one on the machine's clock, the other on the clock of a file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from feedd.clock import NS_PER_MS, NS_PER_S
from feedd.feed.latency import Histogram, Recent, SessionCounts, Unmeasured
from feedd.feed.session import Session, not_traded_text
from feedd.model import Book, ChannelStatus, Latency, LatencyCounts, Quote, Status, Ticker
from feedd.topics import topic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from feedd.feed.session import SilentChannel
    from feedd.feed.ticker import TickerMaker
    from feedd.model import Checked, Event, EventId, Gap, QuoteFrom, State, Tick

HEARTBEAT_NS = NS_PER_S
RECENT_S = 15.0
CLOCK_LOGGED_EVERY_NS = 600 * NS_PER_S
_UNKNOWN = Latency(None, None, None)


class Output(Protocol):
    """Destination of the numbered events."""

    def publish(self, event: Event) -> None:
        """Stamp `published_ns` and send. The event may be reused after the call."""

    def hold(self) -> None:
        """Collect the published events, to send them together."""

    def release(self) -> None:
        """Send the collected events, and from now on each event at once."""


class CoreClock(Protocol):
    """The clock of the events: the machine's, or that of a file."""

    def now_ns(self) -> int:
        """Nanoseconds since the epoch, UTC."""

    def monotonic_ns(self) -> int:
        """Nanoseconds that never decrease."""


class Log(Protocol):
    """Receiver of what an operator should see; structlog's loggers are such."""

    def info(self, event: str, **fields: object) -> object:
        """Log an expected change."""

    def warning(self, event: str, **fields: object) -> object:
        """Log a fault."""


class _Topic:
    """Number of the next message of a topic, and its latencies.

    `latency` is since the last status, `session_counts` is up to that.
    """

    __slots__ = ("latency", "name", "next_seq", "session_counts")

    def __init__(self, name: str, latency: Histogram) -> None:
        self.name = name
        self.next_seq = 1
        self.latency = latency
        self.session_counts = SessionCounts()


class FeedCore:
    """One symbol's feed, and the sink of its source.

    `channels` are published; the source may serve more, from which tickers are made. Without a
    `ticker_maker`, tickers are published as they come. `measured` is False where an import knows
    nothing of latencies and connections; statuses then leave them unknown. `received` is False
    where its events have no time of receipt. `deployment` and `pid` identify the worker in its
    statuses. `checked` and `quote_from` are the source's.

    Each event is numbered, published and counted before `event` returns. A gap or a change of
    state before it is published first, in a status.
    """

    def __init__(
        self,
        *,
        exchange: str,
        symbol: str,
        session_number: int,
        channels: Iterable[str],
        source_channels: tuple[str, ...],
        self_checked: frozenset[str],
        ticker_maker: TickerMaker | None,
        output: Output,
        clock: CoreClock,
        log: Log,
        measured: bool = True,
        received: bool = True,
        deployment: str | None = None,
        pid: int | None = None,
        checked: Mapping[str, Checked] | None = None,
        quote_from: QuoteFrom | None = None,
    ) -> None:
        self._exchange = exchange
        self._deployment = deployment
        self._pid = pid
        self._checked = checked or {}
        self._quote_from = quote_from
        self._symbol = symbol
        self.session_number = session_number
        self._ticker_maker = ticker_maker
        self._output = output
        self._send = output.publish
        self._clock = clock
        self._log = log
        self._measured = measured
        self._started_ns = clock.monotonic_ns()
        self.session = Session(source_channels, self._started_ns, self_checked)
        histogram = Histogram if measured else Unmeasured
        self._topics = {
            name: _Topic(topic(name, exchange, symbol), histogram())
            for name in (*channels, "status")
        }
        started_s = self._started_ns / NS_PER_S
        self._recent = {channel: Recent(RECENT_S, started_s) for channel in source_channels}
        self._exchange_latency = Histogram() if received else Unmeasured()
        self._exchange_counts = SessionCounts() if received else None
        self._last_state: tuple[State, str | None] | None = None  # published
        self._status_ns = self._started_ns  # monotonic, of the last status
        self.clock_behind_ns = 0  # of the local clock: the most that statuses showed
        self._clock_logged_ns: int | None = None
        self._publishing = False
        self._messages_per_s = 0.0
        self.usage = (0.0, 0.0)  # CPU in percent and memory in MB of the process
        self._rate_from = (0, self._started_ns)  # messages, and when they were counted

    # --- the source's callbacks: feedd.sources.base.Sink --------------------------------------

    def event(self, tick: Tick) -> None:
        """Publish an event, and the ticker made from it."""
        channel = tick.channel
        session = self.session
        gap = session.event(channel, tick.id, tick.received_ns)
        if gap is not None:
            self._publish_status(gap)
        if session.changed:
            self.report_state()
        if type(tick) is Ticker:
            self._summary(tick)
            return
        if tick.timestamp is not None:
            self._exchange_latency.add(tick.received_ns - tick.timestamp * NS_PER_MS)
        to = self._topics.get(channel)
        if to is not None:
            self._publish(to, tick)
        maker = self._ticker_maker
        if maker is None:
            return
        ticker = None
        if type(tick) is Quote:
            ticker = maker.on_quote(tick)
        elif type(tick) is Book:
            ticker = maker.on_book(tick)
        if ticker is not None:
            self._publish(self._topics["ticker"], ticker)

    def hold(self) -> None:
        """Let the output collect what follows."""
        self._output.hold()

    def release(self) -> None:
        """Let the output send."""
        self._output.release()

    def missing(self, channel: str, from_id: EventId, to_id: EventId, reason: str) -> None:
        """Publish a gap that the source found."""
        self._publish_status(self.session.missing(channel, from_id, to_id, reason))

    def resync(self, channel: str, reason: str, *, waits: bool = False) -> None:
        """Publish that a channel waits for a new snapshot."""
        if self._ticker_maker is not None:
            self._ticker_maker.forget(channel)
        self.session.resync(channel, reason, waits=waits)
        self.report_state()

    def alive(self, channel: str) -> None:
        """Note activity other than an event."""
        self.session.alive(channel)

    def subscribed(self, channel: str) -> None:
        """Note that a channel's connection is established and its subscription sent."""
        self.session.subscribed(channel, self._clock.monotonic_ns())
        self.report_state()

    def lost(self, channel: str, reason: str, *, waits: bool = False) -> None:
        """Publish that a connection is lost."""
        if self._ticker_maker is not None:
            self._ticker_maker.forget(channel)
        self.session.lost(channel, reason, self._clock.monotonic_ns(), waits=waits)
        self.report_state()

    def compared(self, channel: str) -> None:
        """Note that a channel agrees with a REST snapshot."""
        self.session.channels[channel].compared_ns = self._clock.monotonic_ns()

    def rejected(self, channels: Iterable[str], reason: str) -> None:
        """Count a malformed message; the next event reports the gap."""
        names = list(channels)
        self.session.reject(names, reason)
        self._log.warning(
            "a message could not be read",
            channels=names,
            reason=reason,
            so_far=self.session.rejected,
        )

    # --- the owner's calls --------------------------------------------------------------------

    def start(self) -> None:
        """Publish the first status; from now on each change of state is published."""
        self._publishing = True
        self._rate_from = (self.session.messages, self._clock.monotonic_ns())
        self._publish_status()

    def unreachable(self, reason: str, *, waits: bool) -> None:
        """Note that the exchange does not answer: all channels are lost; `waits` as in `lost`."""
        now_ns = self._clock.monotonic_ns()
        for channel in self.session.channels:
            self.session.lost(channel, reason, now_ns, waits=waits)
        if self._publishing:
            self.report_state()

    def overdue(self, activity: Callable[[str], int | None]) -> list[SilentChannel]:
        """Mark silent channels as stale; return which to subscribe to again, and why.

        Call it once a second. `activity` is the source's.
        """
        return self.session.overdue(self._clock.monotonic_ns(), activity)

    def listed(self, word: str | None) -> list[str]:
        """Take the exchange's word for a symbol that it does not trade; None: it trades it.

        Return the channels to subscribe to again, because trading has begun since.
        """
        before = self.session.listing
        silent = self.session.listed(word, self._clock.monotonic_ns())
        if word != before:
            why = "it is listed as traded" if word is None else not_traded_text(word)
            self._log.warning("the exchange's list", symbol=self._symbol, says=why)
            if self._publishing:
                self.report_state()
        return silent

    @property
    def heartbeat_due(self) -> bool:
        """Whether the last status is a second old."""
        return self._clock.monotonic_ns() - self._status_ns >= HEARTBEAT_NS

    def heartbeat(self) -> None:
        """Publish the status that is due."""
        if self._measured:
            messages, now_ns = self.session.messages, self._clock.monotonic_ns()
            before, before_ns = self._rate_from
            passed_s = max(now_ns - before_ns, NS_PER_MS) / NS_PER_S
            self._messages_per_s = round((messages - before) / passed_s, 1)
            self._rate_from = (messages, now_ns)
        self._publish_status()

    def report_state(self) -> None:
        """Publish a status if the state has changed since the last one."""
        self.session.changed = False
        if self._last_state != (self.session.state, self.session.reason):
            self._publish_status()

    def stop(self, reason: str) -> None:
        """Publish `stopped`, with the last `next_seq`."""
        self.session.stop(reason)
        self.report_state()

    # --- publications -------------------------------------------------------------------------

    def _publish(self, to: _Topic, event: Tick) -> None:
        event.seq = to.next_seq
        to.next_seq += 1
        event.session = self.session_number
        self._send(event)
        to.latency.add(event.published_ns - event.received_ns)

    def _summary(self, ticker: Ticker) -> None:
        if ticker.last is None:
            self._log.warning("a ticker has no last price")
        to = self._topics.get("ticker")
        if to is not None:
            maker = self._ticker_maker
            self._publish(to, ticker if maker is None else maker.on_summary(ticker))

    def _publish_status(self, gap: Gap | None = None) -> None:
        """Publish a status; log its gap, and its state where that is new."""
        session = self.session
        now_ns, monotonic_ns = self._clock.now_ns(), self._clock.monotonic_ns()
        state, reason = session.state, session.reason
        if gap is not None:
            self._log.warning(
                "gap", channel=gap.channel, reason=gap.reason, from_id=gap.from_id, to_id=gap.to_id
            )
        if self._last_state is None or self._last_state[0] != state:
            bad = state in {"stale", "reconnecting", "resync"}
            (self._log.warning if bad else self._log.info)("state", state=state, reason=reason)
        self._last_state = (state, reason)
        before_ns, self._status_ns = self._status_ns, monotonic_ns
        exchange_counts = self._exchange_counts
        if exchange_counts is not None:
            exchange_counts.absorb(self._exchange_latency)
        exchange_latency = self._exchange_latency.take()
        self._check_clock(exchange_latency, monotonic_ns)
        to = self._topics["status"]
        status = Status(
            symbol=self._symbol,
            timestamp=now_ns // NS_PER_MS,
            state=state,
            reason=reason,
            next_seq={one.name: one.next_seq + (one is to) for one in self._topics.values()},
            messages=session.messages,
            messages_per_s=self._messages_per_s,
            reconnects=session.reconnects,
            gaps=session.gaps,
            rejected=session.rejected,
            latency_us=self._take_latencies(monotonic_ns / NS_PER_S),
            exchange_latency_us=exchange_latency,
            uptime_s=round((monotonic_ns - self._started_ns) / NS_PER_S, 3),
            cpu_percent=self.usage[0],
            memory_mb=self.usage[1],
            channels={
                name: self._channel(name, now_ns, monotonic_ns, before_ns) for name in self._recent
            },
            exchange=self._exchange,
            received_ns=now_ns,
            gap=gap,
            deployment=self._deployment,
            pid=self._pid,
            listing=session.listing,
            exchange_latency_counts=None
            if exchange_counts is None
            else exchange_counts.published(),
            session=self.session_number,
            seq=to.next_seq,
        )
        to.next_seq += 1
        self._send(status)

    def _take_latencies(self, now_s: float) -> Latency:
        """Return the latencies since the last status, and add them to the longer spans."""
        if not self._measured:
            return _UNKNOWN
        latency = Histogram()
        for channel, recent in self._recent.items():
            to = self._topics.get(channel)
            if to is not None:
                latency.absorb(to.latency)
                recent.absorb(to.latency, now_s)
                to.session_counts.absorb(to.latency)
                to.latency.clear()
        return latency.percentiles()

    def _check_clock(self, latency: Latency, monotonic_ns: int) -> None:
        """Log, seldom, that most events arrive before the exchange sent them."""
        if latency.p50 is None or latency.p50 >= 0:
            return
        behind_ns = int(-latency.p50 * 1000)
        self.clock_behind_ns = max(self.clock_behind_ns, behind_ns)
        logged_ns = self._clock_logged_ns
        if logged_ns is None or monotonic_ns - logged_ns >= CLOCK_LOGGED_EVERY_NS:
            self._clock_logged_ns = monotonic_ns
            self._log.warning(
                "the local clock is behind the exchange's: exchange_latency_us is below zero",
                about_ms=behind_ns // NS_PER_MS,
            )

    def _channel(
        self, name: str, now_ns: int, monotonic_ns: int, before_ns: int
    ) -> ChannelStatus:  # fmt: skip
        channel, recent = self.session.channels[name], self._recent[name]
        age_ns = self.session.age_ns(name, monotonic_ns, now_ns, before_ns)
        measured = self._measured
        return ChannelStatus(
            state=channel.state,
            reason=channel.reason,
            age_ms=None if age_ns is None else age_ns // NS_PER_MS,
            stale_after_s=channel.staleness.limit_ns / NS_PER_S,
            published=name in self._topics,
            messages_per_s=round(recent.rate(monotonic_ns / NS_PER_S), 2) if measured else 0.0,
            latency_us=recent.percentiles() if measured else _UNKNOWN,
            reconnects=channel.reconnects,
            reconnects_1h=channel.reconnected.count(monotonic_ns),
            tries=channel.tries,
            waits=channel.waits,
            gaps=channel.gaps,
            connected_percent_1h=channel.connection.percent(monotonic_ns) if measured else None,
            checked=self._checked.get(name, "none"),
            made_from=self._quote_from if name == "quote" else None,
            compared_ms=_age_ms(channel.compared_ns, monotonic_ns),
            latency_counts=self._session_counts(name),
        )

    def _session_counts(self, channel: str) -> LatencyCounts | None:
        to = self._topics.get(channel)
        return to.session_counts.published() if self._measured and to is not None else None


def _age_ms(then_ns: int | None, now_ns: int) -> int | None:
    return None if then_ns is None else (now_ns - then_ns) // NS_PER_MS
