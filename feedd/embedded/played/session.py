"""One WebSocket connection of a played venue: its subscriptions, and the messages for them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from feedd.embedded.market import MarketMessage
from feedd.embedded.played.altered import altered
from feedd.embedded.truth import NO_EVENT
from feedd.embedded.ws_session import Reaction
from feedd.venues.played import Ask, Session, Subscription, channel_of
from feedd.venues.raw_streams import RawStream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from feedd.embedded.played.market import PlayedMarket
    from feedd.venues.played import Event, MarketState, Message, Player


class PlayedSession:
    """Rules of one connection; `refuses` is whether a fault refuses a subscription to a stream."""

    combined = False

    def __init__(
        self, market: PlayedMarket, player: Player, path: str, query: Mapping[str, str], number: int
    ) -> None:
        self._market = market
        self._player = player
        self._session = Session(path, query, number)
        self._new: dict[str, list[Subscription]] = {}  # by stream: the first data is not yet sent
        self.refuses: Callable[[str], bool] = lambda _stream: False

    def opened(self) -> Reaction:
        """Return the messages with which the connection begins."""
        return Reaction(replies=self._encoded(self._player.opened(self._session)))

    def on_text(self, text: str, now_s: float) -> Reaction:
        """Take a request of the client."""
        try:
            message = json.loads(text)
        except ValueError:
            message = text
        reaction = Reaction()
        for one in self._player.asks(message, self._session):
            if not isinstance(one, Ask):
                reaction.replies += self._encoded([one])
            elif one.ends:
                self._end(one, reaction)
            else:
                self._begin(one, reaction)
        return reaction

    def on_ping(self, now_s: float) -> Reaction:
        """Take a WebSocket ping; the server answers it."""
        return Reaction()

    def on_pong(self, now_s: float) -> Reaction:
        """Take an unsolicited pong."""
        return Reaction()

    def on_time(self, now_s: float) -> Reaction:
        """Never close a connection: a recording is short."""
        return Reaction()

    def streams(self) -> list[RawStream]:
        """Return the subscribed streams."""
        found = (self._stream(one.ask) for one in self._session.subscriptions.values())
        return list({stream.name: stream for stream in found if stream is not None}.values())

    def first(self, stream: str) -> list[MarketMessage]:
        """Return the first data of the new subscriptions to a stream."""
        made: list[MarketMessage] = []
        for subscription in self._new.pop(stream, ()):
            data, book = NO_EVENT, self._player.states[subscription.ask.market].book
            if subscription.ask.channel == "book" and book:
                data = truth_data([book.whole(subscription.ask.market)])
            made += self._made(stream, data, (), self._player.first(subscription))
        return made

    def messages(
        self, stream: str, data: str, events: Sequence[Event], state: MarketState
    ) -> list[MarketMessage]:
        """Return the messages of one frame's events; `data` describes them in the truth log."""
        player, made = self._player, list[MarketMessage]()
        for subscription in list(self._session.subscriptions.values()):
            ask = subscription.ask
            if ask.channel is None or self._market.stream_name(ask.channel, ask.market) != stream:
                continue
            own = [event for event in events if channel_of(event) == ask.channel]
            parts = [own] if ask.channel in player.batched else [[event] for event in own]
            for part in parts if own else []:
                texts = player.messages(part, subscription, state)
                made += self._made(stream, NO_EVENT if made else data, part, texts)
        return made

    def _begin(self, ask: Ask, reaction: Reaction) -> None:
        stream = self._stream(ask)
        if stream is not None and (
            ask.market not in self._player.states or self.refuses(stream.name)
        ):
            reaction.replies += self._encoded(self._player.refused(ask, self._session))
            return
        subscription = Subscription(ask, self._session)
        reaction.replies += self._encoded(self._player.accepted(subscription))
        self._session.subscriptions[ask.key] = subscription
        if stream is not None:
            self._new.setdefault(stream.name, []).append(subscription)
            reaction.subscribe.append(stream)

    def _end(self, ask: Ask, reaction: Reaction) -> None:
        ended = self._session.subscriptions.pop(ask.key, None)
        reaction.replies += self._encoded(self._player.ended(ask, self._session))
        gone = None if ended is None else self._stream(ended.ask)
        if gone is not None and gone not in self.streams():
            reaction.unsubscribe.append(gone)

    def _stream(self, ask: Ask) -> RawStream | None:
        if ask.channel is None:
            return None
        name = self._market.stream_name(ask.channel, ask.market)
        return RawStream(name, ask.market, ask.channel, 0)

    def _made(
        self, stream: str, data: str, events: Sequence[Event], messages: Iterable[Message]
    ) -> list[MarketMessage]:
        made = []
        for message in messages:
            text = self._player.encode(message)
            made.append(MarketMessage(stream, None, data, text, self._altering(message, events)))
            data = NO_EVENT
        return made

    def _altering(
        self, message: Message, events: Sequence[Event]
    ) -> Callable[[], str | bytes | None]:
        def alter() -> str | bytes | None:
            changed = altered(message, events)
            return None if changed is None else self._player.encode(changed)

        return alter

    def _encoded(self, messages: Iterable[Any]) -> list[str | bytes]:
        return [self._player.encode(message) for message in messages]


def truth_data(events: Sequence[Event]) -> str:
    """Return events as the truth log holds them."""
    plain = [msgspec.structs.replace(event, raw=None) for event in events]
    return msgspec.json.encode({"events": plain}).decode()
