"""Recordings, for `for` and `async for` alike: what a strategy reads instead of a live stream."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeVar, overload

from feedd.errors import ConfigError
from feedd.recordings.format.recording import Recording
from feedd.recordings.format.times import as_ns
from feedd.recordings.stream.ordered import events

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from feedd.client.events import Event, Tick
    from feedd.recordings.format.times import Time

IN_A_ROW = 100  # events that `async for` takes before the loop's other tasks have their turn

E = TypeVar("E")


class RecordedStream(Generic[E]):
    """Events in the recorded order; an iterator and a context manager, sync and async.

    It is used as a `Stream` is, and ends where the recording does. Nothing runs but the caller: a
    block of at most some 1,000 messages is read at a time, and kept until the next.
    """

    def __init__(self, found: Iterator[E]) -> None:
        self._events = found
        self._in_a_row = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> E:
        return next(self._events)

    def receive(self, timeout_s: float | None) -> E | None:  # noqa: ARG002  as of a Stream
        """Return the next event, at once; None where there is no more, or when it is closed."""
        return next(self._events, None)

    def close(self) -> None:
        """End it, and close its files."""
        self._events = iter(())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> E:
        self._in_a_row += 1
        if self._in_a_row > IN_A_ROW:
            self._in_a_row = 0
            await asyncio.sleep(0)
        try:
            return next(self._events)
        except StopIteration:
            raise StopAsyncIteration from None

    async def aclose(self) -> None:
        """End it, and close its files."""
        self.close()


AnyPath = str | os.PathLike[str]


@overload
def open_recording(
    paths: AnyPath | Iterable[AnyPath],
    topics: str | Iterable[str] = ...,
    *,
    from_: Time | None = ...,
    to: Time | None = ...,
    only_ticks: Literal[True],
) -> RecordedStream[Tick]: ...


@overload
def open_recording(
    paths: AnyPath | Iterable[AnyPath],
    topics: str | Iterable[str] = ...,
    *,
    from_: Time | None = ...,
    to: Time | None = ...,
    only_ticks: bool = ...,
) -> RecordedStream[Event]: ...


def open_recording(
    paths: AnyPath | Iterable[AnyPath],
    topics: str | Iterable[str] = "",
    *,
    from_: Time | None = None,
    to: Time | None = None,
    only_ticks: bool = False,
) -> RecordedStream[Any]:
    """Return what was recorded of the topics that begin with one of `topics`, as a stream.

    `paths` are files of a recording, or folders with all that is below them. Several that hold the
    same feeds are joined: no tick comes twice, and what one lacks, another makes good. A folder is
    one recording of each exchange; name those of two recorders one by one. Of two workers'
    sessions of a feed at the same time the newer one comes, and a StateChange `behind` says so.

    Events, their order and their `origin` are those of `feedd.subscribe` when it was recorded, and
    only what `topics` would have brought there: Status where `topics` names `status.…`. Where the
    recording is damaged, a StateChange of the stream says `damaged`, which range and why; what of
    a topic is missing is a Gap at the topic's next message. `only_ticks` leaves out all of that.

    `from_` and `to`, both included, are by the recording's clock, which is the latest
    `published_ns` so far: ISO 8601 (`2026-11-25T13:00:00Z`), a time on the date on which the
    recording begins (`13:00`), a datetime, or ns since the epoch. Without a zone it is UTC.

    Raises ConfigError for what is no recording and no time.
    """
    prefixes = [topics] if isinstance(topics, str) else list(topics)
    if not prefixes:
        raise ConfigError("name at least one topic: '' brings everything")
    named = [paths] if isinstance(paths, str | os.PathLike) else paths
    recording = Recording(Path(path) for path in named)
    from_ns, to_ns = (as_ns(one, recording.begun_ns) for one in (from_, to))
    if from_ns is not None and to_ns is not None and from_ns > to_ns:
        raise ConfigError(f"from_ {from_!r} is after to {to!r}")
    return RecordedStream(events(recording, prefixes, from_ns, to_ns, only_ticks=only_ticks))
