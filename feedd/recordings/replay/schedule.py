"""Schedule of a replay: when messages are due, in ns since its start. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from feedd.clock import NS_PER_MS
from feedd.errors import ConfigError
from feedd.recordings.format.timestamps import iso, parse_time

if TYPE_CHECKING:
    from feedd.recordings.format.recording_reader import RecordingReader


@dataclass(frozen=True, slots=True)
class ReplaySpan:
    """The played range, inclusive, by the recording's clock."""

    begin_ns: int
    end_ns: int

    @property
    def length_ns(self) -> int:
        """Its duration; at least 1 ms, so that a loop over a single moment can't spin."""
        return max(self.end_ns - self.begin_ns, NS_PER_MS)


def span_of(recording: RecordingReader, begin: str | None, end: str | None) -> ReplaySpan:
    """Return the range between two times, limited to the recording.

    Raises ConfigError for an invalid time, and if nothing was recorded between them.
    """
    begun_ns, ended_ns = recording.begun_ns, recording.ended_ns
    from_ns = begun_ns if begin is None else parse_time(begin, begun_ns)
    to_ns = ended_ns if end is None else parse_time(end, begun_ns)
    found = ReplaySpan(max(from_ns, begun_ns), min(to_ns, ended_ns))
    if found.end_ns < found.begin_ns:
        raise ConfigError(
            f"nothing was recorded from {iso(from_ns)} to {iso(to_ns)}; "
            f"the recording is from {iso(begun_ns)} to {iso(ended_ns)}"
        )
    return found


@dataclass(frozen=True, slots=True)
class Schedule:
    """Passes over a span, at `pace` times the original speed; 0: without waiting."""

    span: ReplaySpan
    pace: float

    @property
    def pass_ns(self) -> int:
        """Duration of a pass; 0 without waiting."""
        return int(self.span.length_ns / self.pace) if self.pace else 0

    def due_ns(self, at_ns: int, number: int) -> int:
        """Return when a message at `at_ns` of the recording's clock is due; pass 0 is the first.

        Relative to the start, not to the previous message, so that delays do not add up.
        """
        if not self.pace:
            return 0
        return number * self.pass_ns + int((at_ns - self.span.begin_ns) / self.pace)

    def at(self, passed_ns: int) -> tuple[int, int]:
        """Return the pass at a time after the start, and the recording's clock in it."""
        if not self.pace or passed_ns <= 0:
            return 0, self.span.begin_ns
        number, within_ns = divmod(passed_ns, self.pass_ns)
        return number, self.span.begin_ns + int(within_ns * self.pace)
