"""Feed of an imported symbol: the worker's core on the clock of a file.

Events are numbered and reported as live: `starting`, `live`, a status at each change and gap and,
while there are lines, about once a second, `stopped` at the end. The client library's notices of
these statuses are recorded too, as by `feedd record`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd import codec
from feedd.client.decoding import StatusSummary
from feedd.client.event_emitter import EventEmitter
from feedd.client.topic_table import FeedState
from feedd.clock import NS_PER_MS
from feedd.errors import ConfigError
from feedd.feed.core import FeedCore
from feedd.model import Status
from feedd.recordings.format.block_records import LIVE, NOTICE
from feedd.topics import topic

if TYPE_CHECKING:
    from collections.abc import Mapping

    from feedd.feed.ticker import TickerMaker
    from feedd.model import Checked, Event, EventId, Tick
    from feedd.recordings.importing.files import InputFile
    from feedd.recordings.importing.output import RecordingOutput

# Channels whose gaps the importer of raw messages finds itself.
SELF_CHECKED = frozenset({"book", "trade"})


class ImportedFeed:
    """One symbol, from `starting` to `stopped`; all times are the file's, in ns.

    `summaries` builds tickers from an exchange's summaries and quotes; without it, tickers are
    published unchanged. `received`: the events have a time of receipt, so that the exchange's
    latency is known. `checked` states how a lost message shows, by channel.
    """

    def __init__(
        self,
        output: RecordingOutput,
        exchange: str,
        symbol: str,
        channels: tuple[str, ...],
        *,
        session: int,
        begun_ns: int,
        known: FeedState,
        summaries: TickerMaker | None = None,
        received: bool = True,
        checked: Mapping[str, Checked] | None = None,
    ) -> None:
        self._clock = _FileClock(begun_ns)
        records = _Records(output, exchange, symbol, channels, known, self._clock)
        self.published = records.published
        self._core = FeedCore(
            exchange=exchange,
            symbol=symbol,
            session_number=session,
            channels=channels,
            source_channels=channels,
            self_checked=SELF_CHECKED,
            ticker_maker=summaries,
            output=records,
            clock=self._clock,
            log=_NoLog(),
            measured=False,
            received=received,
            checked=checked,
            quote_from="quote" if "quote" in channels else None,
        )
        records.begin(session)
        self._core.start()
        for channel in channels:
            self._core.session.subscribed(channel, begun_ns)
        self._core.report_state()

    @property
    def gaps(self) -> int:
        """Number of gaps so far."""
        return self._core.session.gaps

    @property
    def clock_behind_ns(self) -> int:
        """How far the clock of the file was behind the exchange's; 0 if it was not."""
        return self._core.clock_behind_ns

    def at(self, now_ns: int) -> None:
        """Set the clock to the time of the next line."""
        self._clock.time_ns = now_ns
        if self._core.heartbeat_due:
            self._core.heartbeat()

    def event(self, tick: Tick) -> None:
        """Publish an event, and the ticker built from it."""
        self._core.event(tick)

    def missing(self, channel: str, from_id: EventId, to_id: EventId, reason: str) -> None:
        """Publish a gap."""
        self._core.missing(channel, from_id, to_id, reason)

    def resync(self, channel: str, reason: str) -> None:
        """Publish that a channel waits for a new snapshot."""
        self._core.resync(channel, reason)

    def stop(self, reason: str) -> None:
        """Publish `stopped`."""
        self._core.stop(reason)


class _FileClock:
    """Clock at the time of the current line."""

    def __init__(self, time_ns: int) -> None:
        self.time_ns = time_ns

    def now_ns(self) -> int:
        return self.time_ns

    monotonic_ns = now_ns


class _NoLog:
    """Log that drops everything: an import reports gaps and states in the recording."""

    def info(self, event: str, **fields: object) -> None: ...

    def warning(self, event: str, **fields: object) -> None: ...


class _Records:
    """Writer of a core's events as records; the client library's notices follow each status."""

    def __init__(
        self,
        output: RecordingOutput,
        exchange: str,
        symbol: str,
        channels: tuple[str, ...],
        known: FeedState,
        clock: _FileClock,
    ) -> None:
        self._output = output
        self._exchange = exchange
        self._topics = {
            name: topic(name, exchange, symbol).encode() for name in (*channels, "status")
        }
        self._known = known
        self._clock = clock
        self._emitter = EventEmitter()
        self.published = dict.fromkeys(channels, 0)

    def begin(self, session: int) -> None:
        """Begin the session with this number."""
        known = self._known
        if known.session is not None:
            self._emitter.new_session(known, known.session, session)
        known.session = session

    def publish(self, event: Event) -> None:
        """Write an event as a record, at the time of the file."""
        now_ns = event.published_ns = self._clock.time_ns
        topic_frame = self._topics[event.channel]
        self._output.add(self._exchange, now_ns, LIVE, topic_frame, codec.encode(event))
        if not isinstance(event, Status):
            self.published[event.channel] += 1
            return
        self._emitter.status(self._known, _summary(event))
        for notice in self._emitter.events:
            name = type(notice).__name__.encode("ascii")
            payload = codec.encode(notice)
            self._output.add(self._exchange, now_ns, NOTICE, name, payload)
        self._emitter.events.clear()

    def hold(self) -> None: ...

    def release(self) -> None: ...


def _summary(status: Status) -> StatusSummary:
    """Return the part of a status that the client library reads."""
    return StatusSummary(
        status.state, status.reason, status.next_seq, status.uptime_s, status.session, status.seq,
        status.gap,
    )  # fmt: skip


class ImportedFeeds:
    """All feeds of an import: one file per symbol at a time, and one session per file."""

    def __init__(self, output: RecordingOutput) -> None:
        self._output = output
        self._open: dict[tuple[str, str], InputFile] = {}
        self._known: dict[tuple[str, str], FeedState] = {}
        self.feeds: list[ImportedFeed] = []

    def start(
        self,
        path: InputFile,
        exchange: str,
        symbol: str,
        channels: tuple[str, ...],
        begun_ns: int,
        summaries: TickerMaker | None = None,
        *,
        received: bool = True,
        checked: Mapping[str, Checked] | None = None,
    ) -> ImportedFeed:
        """Start a feed; raise ConfigError if another file has the same symbol at that time."""
        name = (exchange, symbol)
        if name in self._open:
            raise ConfigError(
                f"{path} and {self._open[name]} both have {symbol} of {exchange} at the same "
                "time; import them into separate folders"
            )
        self._open[name] = path
        known = self._known.setdefault(name, FeedState(f"{exchange}.{symbol}."))
        last = -1 if known.session is None else known.session
        feed = ImportedFeed(
            self._output, exchange, symbol, channels,
            session=max(begun_ns // NS_PER_MS, last + 1), begun_ns=begun_ns, known=known,
            summaries=summaries, received=received, checked=checked,
        )  # fmt: skip
        self.feeds.append(feed)
        return feed

    def stop(
        self, exchange: str, symbol: str, feed: ImportedFeed, now_ns: int, reason: str
    ) -> None:
        """End a feed."""
        feed.at(now_ns)
        feed.stop(reason)
        del self._open[exchange, symbol]
