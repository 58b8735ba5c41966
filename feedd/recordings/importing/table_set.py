"""All tables of an import, merged by time into feeds.

The tables of one symbol that overlap in time are one session; those of one channel must not
overlap. Where ids skip no number, a number that no table has is a gap, also between two tables.
"""

from __future__ import annotations

import heapq
from collections import Counter
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from feedd.channels import CHANNEL_NAMES
from feedd.clock import NS_PER_MS
from feedd.errors import ConfigError
from feedd.model import Candle
from feedd.recordings.importing import timeframes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from feedd.model import Tick
    from feedd.recordings.importing.files import InputFile
    from feedd.recordings.importing.imported_feed import ImportedFeed, ImportedFeeds
    from feedd.recordings.importing.table_file import Name, TableEvent, TableFile
    from feedd.recordings.importing.tickers import TickerFile
    from feedd.venues.table_forms import TableForm

_EVENT, _END = 0, 1
_ORDER = itemgetter(0, 1)


class _Session(NamedTuple):
    """Tables of one symbol that overlap in time."""

    name: Name
    path: InputFile
    channels: tuple[str, ...]
    begun_ns: int
    ends_ns: int
    received: bool  # whether all events have a time of receipt


_Item = tuple[int, int, int, "TableEvent | _Session"]  # time, _EVENT or _END, number of the table


class TableSet:
    """The tables of an import. Raises ConfigError if two have the same events' time."""

    def __init__(self, files: Sequence[TableFile | TickerFile]) -> None:
        self._files = files
        self._sessions = self._found_sessions()
        self.left_out = sum((file.left_out for file in files), Counter[str]())
        self.lines = sum(file.lines for file in files)
        self.begun_ns = min(one.begun_ns for own in self._sessions.values() for one in own)

    def steps(self, feeds: ImportedFeeds) -> Iterator[int]:
        """Yield the time of each event, in ns, before it is published."""
        yield self.begun_ns
        waiting = {name: list(reversed(own)) for name, own in self._sessions.items()}
        current: dict[Name, tuple[ImportedFeed, _Session]] = {}
        checks: dict[tuple[Name, str], _Continuity] = {}
        for at_ns, _, source, event in self._merged():
            yield at_ns
            if isinstance(event, _Session):
                feed, session = current.pop(event.name)
                feeds.stop(*session.name, feed, at_ns, "the file ends")
                continue
            name, tick = event.name, event.tick
            started = current.get(name)
            if started is None:
                session = waiting[name].pop()
                feed = feeds.start(
                    session.path, *name, session.channels, session.begun_ns,
                    received=session.received,
                )  # fmt: skip
                current[name] = (feed, session)
            else:
                feed = started[0]
            feed.at(at_ns)
            form = getattr(self._files[source], "form", None)
            if form is not None and (form.ids or form.complete):
                key = (name, tick.channel)
                check = checks.get(key)
                if check is None:
                    check = checks[key] = _Continuity(form)
                if not check.take(tick, feed):
                    continue
            if event.gap is not None:
                feed.missing(tick.channel, None, None, event.gap)
            feed.event(tick)

    def _merged(self) -> Iterator[_Item]:
        """Yield events and ends of sessions by time, with the number of their table."""
        streams = [
            _stream(number, file.events(only))
            for number, file in enumerate(self._files)
            for only in (list(file.parts) if file.by_symbol else [None])
        ]
        ends: list[_Item] = [
            (one.ends_ns, _END, 0, one) for own in self._sessions.values() for one in own
        ]
        ends.sort(key=_ORDER)
        return heapq.merge(*streams, iter(ends), key=_ORDER)

    def _found_sessions(self) -> dict[Name, list[_Session]]:
        spans: dict[Name, list[tuple[int, int, str, InputFile, bool]]] = {}
        for file in self._files:
            for name, part in file.parts.items():
                spans.setdefault(name, []).append(
                    (part.begun_ns, part.ends_ns, file.channel, file.path, file.received)
                )
        sessions: dict[Name, list[_Session]] = {}
        for name, own in spans.items():
            own.sort(key=lambda span: span[:3])
            found: list[_Session] = []
            last_of: dict[str, tuple[int, InputFile]] = {}
            for begun_ns, ends_ns, channel, path, received in own:
                last = last_of.get(channel)
                if last is not None and begun_ns < last[0]:
                    raise ConfigError(
                        f"{path} and {last[1]} both have {channel}s of {name[1]} of {name[0]} at "
                        "the same time; import them into separate folders"
                    )
                last_of[channel] = (max(ends_ns, last[0] if last is not None else 0), path)
                if found and begun_ns <= found[-1].ends_ns:
                    before = found[-1]
                    both = {*before.channels, channel}
                    found[-1] = before._replace(
                        channels=tuple(one for one in CHANNEL_NAMES if one in both),
                        ends_ns=max(before.ends_ns, ends_ns),
                        received=before.received and received,
                    )
                else:
                    found.append(_Session(name, path, (channel,), begun_ns, ends_ns, received))
            sessions[name] = found
        return sessions


def _stream(number: int, events: Iterator[TableEvent]) -> Iterator[_Item]:
    return ((event.at_ns, _EVENT, number, event) for event in events)


class _Continuity:
    """Gaps in one symbol's ids or candles, over all its tables."""

    def __init__(self, form: TableForm) -> None:
        self._contiguous = form.ids == "contiguous"
        self._last: int | None = None
        self._open_time: int | None = None

    def take(self, tick: Tick, feed: ImportedFeed) -> bool:
        """Report the gap before an event; return whether it is another than the one before."""
        if isinstance(tick, Candle):
            self._candle(tick, feed)
            return True
        id_ = tick.id
        if not isinstance(id_, int):
            return True
        last, self._last = self._last, id_
        if last == id_:
            return False
        if self._contiguous and last is not None and id_ != last + 1:
            feed.missing(tick.channel, last, id_, "the exchange's ids jump; not in the files")
        return True

    def _candle(self, candle: Candle, feed: ImportedFeed) -> None:
        frame = timeframes.timeframe(candle.timeframe)
        last, self._open_time = self._open_time, candle.open_time
        if last is None or frame.varies:
            return
        apart = (candle.open_time - last) * NS_PER_MS // frame.ns
        if apart > 1:
            feed.missing("candle", None, None, f"candles that are not in the files: {apart - 1}")
