"""The markets of one exchange's recordings: each stream plays from its first subscription on.

As in `feedd.embedded.binance.recorded`, a stream goes on by the clock, with or without
subscribers; at speed 0 it goes on as fast as its slowest reader takes it, and waits while it has
none. What has been played makes the true state, of which later subscribers and REST pages get the
newest.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from feedd.clock import NS_PER_S
from feedd.embedded.market import MarketMessage, watch_over
from feedd.embedded.played.session import PlayedSession, truth_data
from feedd.venues.played import MarketState, channel_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from feedd.embedded.instruments import Instrument
    from feedd.embedded.market import Outlet
    from feedd.embedded.played.recording import PlayedRecording
    from feedd.venues.played import Event, Player
    from feedd.venues.raw_streams import RawStream

    # Waits until the events of a stream are due: (channel, the venue's id of the market, events).
    Pace = Callable[[str, str, Sequence[Event]], Awaitable[None]]

BACKLOG_BYTES = 256 * 1024  # at speed 0: most bytes queued for a reader
FRAMES_AT_ONCE = 200  # read without a pause for the loop's other tasks

_log = structlog.get_logger()


class PlayedMarket:
    """Serves symbols of recordings of one exchange; `held` maps each to its recording.

    `pace` replaces the clock, for tests.
    """

    def __init__(
        self,
        held: dict[str, PlayedRecording],
        speed: float = 1.0,
        *,
        pace: Pace | None = None,
    ) -> None:
        self.exchange = next(iter(held.values())).name
        self.states: dict[str, MarketState] = {}
        self.players: list[Player] = []
        self._speed = speed
        self._pace = pace
        self._recordings: dict[str, PlayedRecording] = {}  # by market id
        self._timelines: dict[str, _Timeline] = {}  # by stream
        self._player_of: dict[str, Player] = {}  # by market id
        by_class: dict[type[Player], dict[str, MarketState]] = {}
        for symbol, recording in held.items():
            market = recording.market(symbol)
            states = by_class.setdefault(recording.exchange.player, {})
            states[market.id] = self.states[market.id] = MarketState(market)
            self._recordings[market.id] = recording
            _log.info(
                "recording", symbol=symbol, exchange=self.exchange, path=str(recording.path),
                held=sorted(recording.channels[market.id]),
            )  # fmt: skip
        for class_, states in by_class.items():
            player = class_(states)
            self.players.append(player)
            self._player_of |= dict.fromkeys(states, player)

    @property
    def instruments(self) -> dict[str, Instrument]:
        """No instruments: prices and sizes stay the recording's texts."""
        return {}

    @property
    def runs_without_subscribers(self) -> bool:
        """Whether events continue without readers: only when played by the clock."""
        return self._speed > 0 and self._pace is None

    def stream_name(self, channel: str, market: str) -> str:
        """Return a stream's name in the truth log and for faults: `okx:book.BTC/USDT`."""
        state = self.states.get(market)
        carrier = channel
        if state is not None:
            carrier = self._player_of[market].carried.get(channel, channel)
        return f"{self.exchange}:{carrier}.{market if state is None else state.market.symbol}"

    def check(self, stream: RawStream) -> None:
        """Raise KeyError for a market that no recording holds."""
        self.states[stream.symbol]

    def subscribe(self, stream: RawStream, outlet: Outlet) -> None:
        """Send a stream to an outlet; the first one starts it."""
        session = getattr(outlet, "connection", None)
        if isinstance(session, PlayedSession):
            first = session.first(stream.name)
            if first:
                outlet.send(first)
        timeline = self._timelines.get(stream.name)
        if timeline is None:
            timeline = self._timelines[stream.name] = _Timeline(
                self, stream.name, self.states[stream.symbol], self._recordings[stream.symbol]
            )
        timeline.add(outlet)

    def unsubscribe(self, stream: RawStream, outlet: Outlet) -> None:
        """Stop sending a stream to an outlet; by the clock it plays on."""
        timeline = self._timelines.get(stream.name)
        if timeline is not None:
            timeline.remove(outlet)

    async def close(self) -> None:
        """Stop all streams."""
        for timeline in self._timelines.values():
            await timeline.close()

    async def due(self, timeline: _Timeline, at_ns: int, events: Sequence[Event]) -> None:
        """Wait until events are due."""
        if self._pace is not None:
            await self._pace(channel_of(events[0]), events[0].market, events)
        elif self._speed:
            after_s = (at_ns - timeline.recording.first_ns) / NS_PER_S / self._speed
            await asyncio.sleep(timeline.started_s + after_s - asyncio.get_running_loop().time())
        else:
            await timeline.taken()


class _Timeline:
    """One stream of one market, from its first subscription on."""

    def __init__(
        self, market: PlayedMarket, name: str, state: MarketState, recording: PlayedRecording
    ) -> None:
        self.recording = recording
        self.started_s = asyncio.get_running_loop().time()
        self._market = market
        self._name = name
        self._state = state
        self._outlets: dict[Outlet, None] = {}
        self._subscribed = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._play())
        watch_over(self._task, name, lambda: self._outlets)

    def add(self, outlet: Outlet) -> None:
        self._outlets[outlet] = None
        self._subscribed.set()

    def remove(self, outlet: Outlet) -> None:
        self._outlets.pop(outlet, None)
        if not self._outlets:
            self._subscribed.clear()

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def taken(self) -> None:
        """Wait until there is a reader, and it has taken what was sent."""
        await self._subscribed.wait()
        await asyncio.sleep(0)
        # A transport reports its backlog only to its protocol, so it is polled.
        while any(outlet.backlog() > BACKLOG_BYTES for outlet in self._outlets):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        await self._subscribed.wait()

    async def _play(self) -> None:
        for at_ns, events in self._batches():
            if not events:
                await asyncio.sleep(0)
                continue
            await self._market.due(self, at_ns, events)
            state = self._state
            played = [state.apply(event) for event in events]
            self._send(played)
        _log.info("the recording is played to its end", stream=self._name)

    def _batches(self) -> Iterator[tuple[int, list[Event]]]:
        """Yield the stream's events by frame, and empty lists between them as pauses."""
        id_ = self._state.market.id
        for read, batch in enumerate(self.recording.batches(), 1):
            own = []
            if batch.market == id_:
                own = [event for event in batch.events if self._carries(event)]
            if own or read % FRAMES_AT_ONCE == 0:
                yield batch.at_ns, own

    def _carries(self, event: Event) -> bool:
        return self._market.stream_name(channel_of(event), event.market) == self._name

    def _send(self, events: list[Event]) -> None:
        data = truth_data(events)
        for outlet in list(self._outlets):
            session = getattr(outlet, "connection", None)
            if isinstance(session, PlayedSession):
                outlet.send(session.messages(self._name, data, events, self._state))
            else:
                outlet.send([MarketMessage(self._name, None, data)])
