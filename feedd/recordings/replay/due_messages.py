"""A recording as what is due: pass after pass, each frame with its time. No socket and no clock."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, NamedTuple

from feedd.recordings.format.timestamps import iso
from feedd.recordings.replay.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from feedd.recordings.format.damage import Damage
    from feedd.recordings.format.recording_reader import RecordingReader
    from feedd.recordings.replay.schedule import Schedule


class DueMessage(NamedTuple):
    """A frame as recorded, and when it is due: `due_ns` after the replay's start.

    `at_ns` is what the recording's clock says, `passes` how many passes lie before this one.
    """

    due_ns: int
    at_ns: int
    passes: int
    topic: bytes
    payload: bytes


def unplayable_text(damage: Damage) -> str:
    """Return a damage as a person reads it."""
    begin = "the beginning" if damage.from_ns is None else iso(damage.from_ns)
    end = "the end" if damage.to_ns is None else iso(damage.to_ns)
    lost = "what it held" if damage.records is None else f"{damage.records:,} records"
    return f"{damage.path}: {damage.why}; {lost} of {begin} to {end} can't be played"


def due_messages(
    recording: RecordingReader,
    schedule: Schedule,
    wanted: Callable[[bytes], bool],
    on_damage: Callable[[Damage], object],
    *,
    loop: bool = False,
    joined_ns: int = 0,
) -> Iterator[DueMessage | None]:
    """Yield what is due, in order; `joined_ns` after the start, what was due before is left out.

    None comes now and then while much is read of which nothing is played.
    """
    first, from_ns = schedule.at(joined_ns)
    begin_ns, end_ns = schedule.span.begin_ns, schedule.span.end_ns
    for passes in count(first) if loop else range(first, 1):
        entries = recording.entries(from_ns if passes == first else begin_ns, end_ns)
        empty = True
        for chosen in Selection(wanted).frames(entries, on_damage):
            if chosen is None:
                yield None
                continue
            empty = False
            at_ns, record = chosen
            due_ns = schedule.due_ns(at_ns, passes)
            yield DueMessage(due_ns, at_ns, passes, record.topic, record.payload)
        if empty and passes > first:
            return  # a whole pass without a frame: there is nothing to play
