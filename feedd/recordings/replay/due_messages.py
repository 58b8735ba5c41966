"""Recorded messages with the times at which they are due, pass after pass. No socket, no clock."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, NamedTuple

from feedd.client.topic_table import subscriptions
from feedd.recordings.format.timestamps import iso
from feedd.recordings.replay.publishing_order import PublishingOrder
from feedd.recordings.replay.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from feedd.recordings.format.damage import Damage
    from feedd.recordings.format.recording_reader import RecordingReader
    from feedd.recordings.replay.schedule import Schedule


class DueMessage(NamedTuple):
    """A message as recorded, due `due_ns` after the replay's start.

    `at_ns` is the recording's clock, `passes` the number of passes before this one. `recorded` is
    False for a status that only reports the end.
    """

    due_ns: int
    at_ns: int
    passes: int
    topic: bytes
    payload: bytes
    recorded: bool = True


def unplayable_text(damage: Damage) -> str:
    """Describe a damage for a user."""
    begin = "the beginning" if damage.from_ns is None else iso(damage.from_ns)
    end = "the end" if damage.to_ns is None else iso(damage.to_ns)
    lost = "its records" if damage.records is None else f"{damage.records:,} records"
    return f"{damage.path}: {damage.why}; {lost} from {begin} to {end} can't be played"


def recorded_and(
    wanted: Callable[[bytes], bool], recording: RecordingReader
) -> Callable[[bytes], bool]:
    """Return whether a topic is wanted and among those that the recorders were to record."""
    metas = [segment.meta for series in recording.series for segment in series.segments]
    prefixes = {prefix for meta in metas if meta is not None for prefix in meta.prefixes}
    if not prefixes or None in metas:
        return wanted
    recorded = tuple(prefix.encode() for prefix in subscriptions(prefixes))
    return lambda topic: topic.startswith(recorded) and wanted(topic)


def due_messages(
    recording: RecordingReader,
    schedule: Schedule,
    wanted: Callable[[bytes], bool],
    on_damage: Callable[[Damage], object],
    *,
    loop: bool = False,
    joined_ns: int = 0,
) -> Iterator[DueMessage | None]:
    """Yield messages in the order of their times, from `joined_ns` after the start on.

    Without `loop` each feed's status `stopped` follows. It yields None from time to time while it
    reads records that are not played.
    """
    first, from_ns = schedule.at(joined_ns)
    begin_ns, end_ns = schedule.span.begin_ns, schedule.span.end_ns
    for passes in count(first) if loop else range(first, 1):
        entries = recording.entries(from_ns if passes == first else begin_ns, end_ns)
        empty = True
        selected = Selection(wanted).messages(entries, on_damage)
        order = PublishingOrder(selected)
        for one in order.messages():
            if one is None:
                yield None
                continue
            empty = False
            at_ns, _, topic, payload, _, _ = one
            yield DueMessage(schedule.due_ns(at_ns, passes), at_ns, passes, topic, payload)
        if not loop:
            due_ns = schedule.due_ns(end_ns, passes)
            for one in order.ends(end_ns):
                yield DueMessage(due_ns, end_ns, passes, one.topic, one.payload, recorded=False)
        if empty and passes > first:
            return  # a whole pass without a message: there is nothing to play
