"""Public event types of a stream: ticks as published, and notices.

A tick has the fields of its channel in `feedd.model`, and `origin`:

`live`       from the stream
`snapshot`   the last one of its topic, from the history service
`replayed`   from the history service, to fill a gap in the stream

A feed has the name that its topics contain, `<exchange>.<symbol>.`; the empty name is the stream.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

from msgspec import Struct, field

from feedd import model

Origin = Literal["live", "snapshot", "replayed"]

# Not a key of the wire: no payload may set it. (mypy: the publisher stamps the model's structs,
# which are mutable; the caller's are frozen.)
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
    """One trade; `backfilled` if the exchange's stream had left it out."""

    backfilled: bool = False
    origin: Origin = _live()


class Book(model.Book, frozen=True, gc=False):  # type: ignore[misc]
    """The best levels of both sides, each `(price, size)`, best first."""

    origin: Origin = _live()


class Candle(model.Candle, frozen=True, gc=False):  # type: ignore[misc]
    """Open, high, low, close and volume of one timeframe from `open_time` (ms)."""

    origin: Origin = _live()


class Mark(model.Mark, frozen=True, gc=False):  # type: ignore[misc]
    """Mark and index price."""

    origin: Origin = _live()


class Liquidation(model.Liquidation, frozen=True, gc=False):  # type: ignore[misc]
    """A forced order."""

    origin: Origin = _live()


class Status(model.Status, frozen=True):  # type: ignore[misc]
    """A feed's full status; only for subscribers that name `status.…`."""

    origin: Origin = _live()


class Other(Struct, frozen=True):
    """A message of a channel unknown to this version; `payload` is MessagePack."""

    channel: str
    payload: bytes
    exchange: str
    symbol: str
    session: int
    seq: int
    origin: Origin = "live"


class Gap(Struct, frozen=True):
    """Messages of a topic that this stream lost: `from_seq` to `to_seq` inclusive."""

    topic: str
    session: int
    from_seq: int
    to_seq: int
    reason: str


class UpstreamGap(Struct, frozen=True):
    """Messages that the exchange sent and the feed missed: after `from_id` and before `to_id`.

    An id is None if the exchange sends none in this channel.
    """

    feed: str
    channel: str
    from_id: model.EventId
    to_id: model.EventId
    reason: str


class NewSession(Struct, frozen=True):
    """A worker restarted: its topics count from 1 again.

    No Gap reports what the exchange sent between the two sessions, which was not published, nor
    what the old session published after its last heartbeat, which may be missing.
    """

    feed: str
    old: int
    new: int


class StateChange(Struct, frozen=True):
    """A change of a feed's state or of its reason.

    The states are those of the feed's statuses, as strings. A feed without heartbeats is `stale`
    too, until its next status. The states of the stream (`feed` is "") are `no_history` and
    `history`: whether the history service responds; `no_endpoint` and `endpoint`: whether a
    publisher answers there; `no_topic`: nothing is published so far that begins with one of the
    prefixes; `behind`: notices were dropped that the caller did not
    take, or topics are not followed; and `foreign`: messages of a deployment other than the
    required one arrive. A recording also has `damaged`: which range can't be read, and why;
    `interrupted`: the recorder was not running; and `unwritten`: it could not write.
    """

    feed: str
    state: str
    reason: str | None


class Stopped(Struct, frozen=True):
    """A feed was stopped on purpose; it publishes nothing until a new session."""

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
