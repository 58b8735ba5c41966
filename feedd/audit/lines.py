"""Lines of a truth log, of its marks and of a recording. Pure.

The fields of an event or payload are checked where they are read, in `feedd.venues`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from feedd.client.events import Gap, NewSession, StateChange, Stopped, UpstreamGap
from feedd.model import Gap as StatusGap  # noqa: TC001  msgspec reads it

# What reading a malformed line raises.
MALFORMED = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)

Ns = Annotated[int, Meta(ge=0, lt=1 << 62)]
Seq = Annotated[int, Meta(ge=0, lt=1 << 53)]  # sums of them stay within 64 bits


class TruthLine(Struct, gc=False):
    """An event of the exchange."""

    sent_ns: Ns
    connection: int | None
    stream: str
    id: Any
    data: dict[str, Any]
    swallowed: str | None = None


class MarkLine(Struct):
    """A mark of the exchange."""

    mark: Literal["opened", "closed", "fault", "clear"]
    ns: Ns
    connection: int | None
    streams: tuple[str, ...]
    fault: str | None
    by: str | None

    def __post_init__(self) -> None:
        if self.connection is None and self.mark in {"opened", "closed"}:
            raise ValueError(f"`{self.mark}` has no connection")


class Head(Struct):
    """A recording's first line."""

    recording: Literal[1]
    by: Literal["client", "plain"]
    topics: list[str]


class ChannelFields(Struct):
    """Fields of a channel's status that the audit needs; `gaps` counts those reported so far."""

    state: str
    stale_after_s: Annotated[float, Meta(ge=0, lt=1e9)]
    gaps: Seq = 0


class StatusFields(Struct):
    """Fields of a status that the audit needs."""

    session: int
    seq: Seq
    published_ns: Ns
    state: str
    next_seq: dict[str, Seq]
    channels: dict[str, ChannelFields]
    gap: StatusGap | None = None
    origin: str = field(default="live", name="client.origin")


Notice = Gap | UpstreamGap | NewSession | StateChange | Stopped
NOTICES: dict[str, type[Notice]] = {
    kind.__name__: kind for kind in (Gap, UpstreamGap, NewSession, StateChange, Stopped)
}
