"""`open_recording` and `RecordedStream`: recordings for `for` and `async for`."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from feedd.client.event_stream import EVENTS_PER_TURN, E, EventStream
from feedd.errors import ConfigError
from feedd.recordings.format.recording_reader import RecordingReader
from feedd.recordings.format.timestamps import as_ns
from feedd.recordings.stream.recorded_events import events
from feedd.topic_prefixes import check_prefixes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from feedd.client.events import Event, Tick
    from feedd.recordings.format.timestamps import Time


class RecordedStream(EventStream[E]):
    """Events in the recorded order; an iterator and a context manager, sync and async.

    It has the interface of `Stream`, and ends where the recording does. It runs in the caller's
    thread, and reads one block of at most some 1,000 messages at a time.
    """

    def __init__(self, events: Iterator[E]) -> None:
        self._events = events
        self._this_turn = 0

    def __next__(self) -> E:
        return next(self._events)

    def receive(self, timeout_s: float | None) -> E | None:  # noqa: ARG002  as in Stream
        """Return the next event without waiting; None at the end, or once it is closed."""
        return next(self._events, None)

    def close(self) -> None:
        """Close the stream and its files."""
        self._events = iter(())

    async def __anext__(self) -> E:
        self._this_turn += 1
        if self._this_turn > EVENTS_PER_TURN:
            self._this_turn = 0
            await asyncio.sleep(0)
        try:
            return next(self._events)
        except StopIteration:
            raise StopAsyncIteration from None

    async def aclose(self) -> None:
        """Close the stream and its files."""
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
    """Open recordings as a stream of the topics that begin with one of `topics`.

    `paths` are files of a recording, or folders, which are searched recursively. Recordings of the
    same feeds are merged: no tick comes twice, and they fill each other's gaps. A folder is one
    recording of each exchange; name the folders of two recorders separately. If two workers
    published sessions of a feed at the same time, the stream has the newer one, and a StateChange
    `behind` reports it.

    The events, their order and their `origin` are those of `feedd.subscribe` at the time of the
    recording, for the same `topics`: Status only if `topics` names `status.…`. A StateChange
    `damaged` of the stream reports a damaged range and the reason; missing messages of a topic are
    a Gap before the topic's next message. `only_ticks` leaves out everything but ticks.

    `from_` and `to`, both inclusive, are times of the recording's clock, which is the latest
    `published_ns` so far: ISO 8601 (`2026-11-25T13:00:00Z`), a time on the date on which the
    recording begins (`13:00`), a datetime, or ns since the epoch. Without a time zone it is UTC.

    Raises ConfigError for an invalid recording or time.
    """
    prefixes = [topics] if isinstance(topics, str) else list(topics)
    if not prefixes:
        raise ConfigError("name at least one topic; '' is every topic")
    check_prefixes(prefixes)
    named = [paths] if isinstance(paths, str | os.PathLike) else paths
    recording = RecordingReader(Path(path) for path in named)
    from_ns, to_ns = (as_ns(one, recording.begun_ns) for one in (from_, to))
    if from_ns is not None and to_ns is not None and from_ns > to_ns:
        raise ConfigError(f"from_ {from_!r} is after to {to!r}")
    return RecordedStream(events(recording, prefixes, from_ns, to_ns, only_ticks=only_ticks))
