"""What a stream yields: ticks as they were published, and what else a caller has to know.

A tick has the fields of its channel in `feedd.model`, and `origin`, where it came from:

`live`       from the stream
`snapshot`   the last one of its topic, from the history service
`replayed`   from the history service, in the place where the stream had a hole

A feed is named as in its topics, `<exchange>.<symbol>.`; the empty name is the stream itself.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

from msgspec import Struct, field

from feedd import model

Origin = Literal["live", "snapshot", "replayed"]

# Not a key of the wire: no payload may set it. (mypy: the publisher stamps the model's, and what
# a caller is given is frozen all the same.)
_WIRE_NAME = "client.origin"


def _live() -> Any:
    return field(default="live", name=_WIRE_NAME)


class Ticker(model.Ticker, frozen=True, gc=False):  # type: ignore[misc]
    """The 24 h summary."""

    origin: Origin = _live()


class Quote(model.Quote, frozen=True, gc=False):  # type: ignore[misc]
    """The best bid and ask, with their sizes."""

    origin: Origin = _live()


class Trade(model.Trade, frozen=True, gc=False):  # type: ignore[misc]
    """One trade; `backfilled` where the exchange's stream had left it out."""

    backfilled: bool = False
    origin: Origin = _live()


class Book(model.Book, frozen=True, gc=False):  # type: ignore[misc]
    """The best levels of both sides, each `(price, size)`, best first."""

    origin: Origin = _live()


class Candle(model.Candle, frozen=True, gc=False):  # type: ignore[misc]
    """What was traded from `open_time` (ms) on."""

    origin: Origin = _live()


class Mark(model.Mark, frozen=True, gc=False):  # type: ignore[misc]
    """Mark and index price."""

    origin: Origin = _live()


class Liquidation(model.Liquidation, frozen=True, gc=False):  # type: ignore[misc]
    """A forced order."""

    origin: Origin = _live()


class Status(model.Status, frozen=True):  # type: ignore[misc]
    """A feed's status in full; only for who asks for `status.…` by name."""

    origin: Origin = _live()


class Other(Struct, frozen=True):
    """A message of a channel that this version does not know; `payload` is MessagePack."""

    channel: str
    payload: bytes
    exchange: str
    symbol: str
    session: int
    seq: int
    origin: Origin = "live"


class Gap(Struct, frozen=True):
    """Messages of a topic that are lost to this stream: `from_seq` to `to_seq`, both included."""

    topic: str
    session: int
    from_seq: int
    to_seq: int
    reason: str


class UpstreamGap(Struct, frozen=True):
    """What the exchange sent and the feed missed: after `from_id` and before `to_id`.

    An id is None where the exchange gives the channel none.
    """

    feed: str
    channel: str
    from_id: model.EventId
    to_id: model.EventId
    reason: str


class NewSession(Struct, frozen=True):
    """A worker was started anew: its topics count from 1 again.

    What the exchange sent between the two sessions was not published, and what the old one
    published after its last heartbeat may be missing; neither is told by a Gap.
    """

    feed: str
    old: int
    new: int


class StateChange(Struct, frozen=True):
    """A feed is in another state, or in the same for another reason.

    The states are those of the feed's statuses, as strings. `stale` is also what a feed is of
    which nothing is heard; the first status thereafter ends it. Those of the stream (`feed` is "")
    are `no_history` and `history`: whether the history service answers; and `behind`: so many
    notices were dropped that the caller did not take, or so many topics are not followed. In a
    recording stand besides `damaged`: which range of it can't be read, and why; `interrupted`,
    where the recorder was not running, and `unwritten`, where it could not write.
    """

    feed: str
    state: str
    reason: str | None


class Stopped(Struct, frozen=True):
    """A feed was stopped on purpose; until a new session nothing comes of it, and that is right."""

    feed: str
    session: int
    reason: str | None


ChannelEvent = Ticker | Quote | Trade | Book | Candle | Mark | Liquidation
Tick = ChannelEvent | Other
Notice = Gap | UpstreamGap | NewSession | StateChange | Stopped
Event = Tick | Status | Notice

CHANNEL_EVENTS: dict[str, type[ChannelEvent]] = {
    event.channel: event for event in get_args(ChannelEvent)
}
