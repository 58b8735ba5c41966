"""What the worker of one symbol would have published, on the clock of a file.

Numbered and told as live: `starting`, `live`, a status at each change and gap and, while there are
lines, about once a second, `stopped` at the end; and the notices that the client library makes of
these, as `feedd record` keeps them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from feedd import codec
from feedd.client.decoding import StatusSummary
from feedd.client.event_emitter import EventEmitter
from feedd.client.topic_table import FeedState
from feedd.clock import NS_PER_MS, NS_PER_S
from feedd.errors import ConfigError
from feedd.feed.latency import Histogram
from feedd.feed.session import Session
from feedd.model import Book, ChannelStatus, Latency, Quote, Status, Ticker
from feedd.recordings.format.block_records import LIVE, NOTICE
from feedd.topics import topic

if TYPE_CHECKING:
    from pathlib import Path

    from feedd.feed.ticker import TickerMaker
    from feedd.model import EventId, Gap, State, Tick
    from feedd.recordings.importing.output import Output

HEARTBEAT_NS = NS_PER_S
_UNKNOWN = Latency(None, None, None)  # a file tells nothing of how long anything took


class Feed:
    """One symbol, from one `starting` to one `stopped`; all times are the file's, in ns.

    `summaries` makes tickers of an exchange's summaries and quotes; without it, tickers are
    published as they are.
    """

    def __init__(
        self,
        output: Output,
        exchange: str,
        symbol: str,
        channels: tuple[str, ...],
        *,
        session: int,
        begun_ns: int,
        known: FeedState,
        summaries: TickerMaker | None = None,
    ) -> None:
        self._output = output
        self._exchange = exchange
        self._symbol = symbol
        self._summaries = summaries
        self._number = session
        self._begun_ns = self._now_ns = begun_ns
        self._said_ns = begun_ns
        self._said: tuple[State, str | None] | None = None
        self._session = Session(channels, begun_ns, frozenset({"book", "trade"}))
        self._exchange_latency = Histogram()
        topics = {name: topic(name, exchange, symbol) for name in (*channels, "status")}
        self._names = topics
        self._topics = {name: text.encode("ascii") for name, text in topics.items()}
        self._next_seq = dict.fromkeys(topics, 1)
        self._known = known
        self._emitter = EventEmitter()
        self.published = dict.fromkeys(channels, 0)
        self.gaps = 0
        if known.session is not None:
            self._emitter.new_session(known, known.session, session)
        known.session = session
        self._say()
        for channel in channels:
            self._session.subscribed(channel, begun_ns)
        self._say_if_changed()

    def at(self, now_ns: int) -> None:
        """Take the time of the line that comes now."""
        self._now_ns = now_ns
        if now_ns - self._said_ns >= HEARTBEAT_NS:
            self._say()

    def event(self, tick: Tick) -> None:
        """Publish an event, and the ticker that it makes."""
        gap = self._session.event(tick.channel, tick.id, tick.received_ns)
        if gap is not None:
            self._say(gap)
        if self._session.changed:
            self._say_if_changed()
        made: Ticker | None = None
        maker = self._summaries
        if type(tick) is Ticker:
            tick = tick if maker is None else maker.on_summary(tick)
        elif tick.timestamp is not None:
            self._exchange_latency.add(tick.received_ns - tick.timestamp * NS_PER_MS)
        if maker is not None and type(tick) is Quote:
            made = maker.on_quote(tick)
        elif maker is not None and type(tick) is Book:
            made = maker.on_book(tick)
        self._publish(tick)
        if made is not None:
            self._publish(made)

    def missing(self, channel: str, from_id: EventId, to_id: EventId, reason: str) -> None:
        """Say that events are missing."""
        self._say(self._session.missing(channel, from_id, to_id, reason))

    def resync(self, channel: str, reason: str) -> None:
        """Say that a channel waits for a new snapshot."""
        if self._summaries is not None:
            self._summaries.forget(channel)
        self._session.resync(channel, reason)
        self._say_if_changed()

    def stop(self, reason: str) -> None:
        """Say that there is no more."""
        self._session.stop(reason)
        self._say_if_changed()

    def _publish(self, tick: Tick | Status) -> None:
        channel = tick.channel
        seq = self._next_seq[channel]
        self._next_seq[channel] = seq + 1
        tick.seq = seq
        tick.session = self._number
        if not tick.published_ns:  # a file of tickers may say when
            tick.published_ns = self._now_ns
        topic_frame = self._topics[channel]
        self._output.add(
            self._exchange, tick.published_ns, LIVE, topic_frame, codec.encode(tick)
        )  # fmt: skip
        if channel != "status":
            self.published[channel] += 1
            tick.published_ns = 0  # tickers of summaries are one object

    def _say_if_changed(self) -> None:
        self._session.changed = False
        if self._said != (self._session.state, self._session.reason):
            self._say()

    def _say(self, gap: Gap | None = None) -> None:
        session, now_ns = self._session, self._now_ns
        self._said = (session.state, session.reason)
        self._said_ns = now_ns
        self.gaps += gap is not None
        following = {self._names[channel]: seq for channel, seq in self._next_seq.items()}
        following[self._names["status"]] += 1
        status = Status(
            symbol=self._symbol,
            timestamp=now_ns // NS_PER_MS,
            state=session.state,
            reason=session.reason,
            next_seq=following,
            messages=session.messages,
            messages_per_s=0.0,
            reconnects=0,
            gaps=session.gaps,
            rejected=0,
            latency_us=_UNKNOWN,
            exchange_latency_us=self._exchange_latency.take(),
            uptime_s=round((now_ns - self._begun_ns) / NS_PER_S, 3),
            cpu_percent=0.0,
            memory_mb=0.0,
            channels={name: self._channel(name) for name in session.channels},
            exchange=self._exchange,
            received_ns=now_ns,
            gap=gap,
        )
        self._publish(status)
        self._emitter.status(self._known, _summary(status))
        for notice in self._emitter.events:
            name = type(notice).__name__.encode("ascii")
            payload = msgspec.msgpack.encode(notice)
            self._output.add(self._exchange, now_ns, NOTICE, name, payload)
        self._emitter.events.clear()

    def _channel(self, name: str) -> ChannelStatus:
        channel = self._session.channels[name]
        received_ns = channel.last_received_ns
        age_ms = None if received_ns is None else max(0, self._now_ns - received_ns) // NS_PER_MS
        return ChannelStatus(
            state=channel.state,
            reason=channel.reason,
            age_ms=age_ms,
            stale_after_s=channel.staleness.limit_ns / NS_PER_S,
            published=True,
            messages_per_s=0.0,
            latency_us=_UNKNOWN,
            reconnects=0,
            reconnects_1h=0,
            tries=0,
            waits=False,
            gaps=channel.gaps,
            connected_percent_1h=None,
        )


def _summary(status: Status) -> StatusSummary:
    """Return the part of a status that the client library reads."""
    return StatusSummary(
        status.state, status.reason, status.next_seq, status.uptime_s, status.session, status.seq,
        status.gap,
    )  # fmt: skip


class Feeds:
    """All feeds of an import. A symbol has one file at a time, and a session for each."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._open: dict[tuple[str, str], Path] = {}
        self._known: dict[tuple[str, str], FeedState] = {}
        self.feeds: list[Feed] = []

    def start(
        self,
        path: Path,
        exchange: str,
        symbol: str,
        channels: tuple[str, ...],
        begun_ns: int,
        summaries: TickerMaker | None = None,
    ) -> Feed:
        """Begin a feed; raise ConfigError where another file has the same one at that time."""
        name = (exchange, symbol)
        if name in self._open:
            raise ConfigError(
                f"{path} and {self._open[name]} both have {symbol} of {exchange} at the same "
                "time; import them into folders of their own"
            )
        self._open[name] = path
        known = self._known.setdefault(name, FeedState(f"{exchange}.{symbol}."))
        last = -1 if known.session is None else known.session
        feed = Feed(
            self._output, exchange, symbol, channels,
            session=max(begun_ns // NS_PER_MS, last + 1), begun_ns=begun_ns, known=known,
            summaries=summaries,
        )  # fmt: skip
        self.feeds.append(feed)
        return feed

    def stop(self, exchange: str, symbol: str, feed: Feed, now_ns: int, reason: str) -> None:
        """End a feed."""
        feed.at(now_ns)
        feed.stop(reason)
        del self._open[exchange, symbol]
