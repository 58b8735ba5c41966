"""Bounded summary of the records that could not be written while the disk was full. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.client.events import Gap, StateChange
from feedd.clock import NS_PER_MS, iso8601
from feedd.recordings.format.block_records import NOTICE
from feedd.recordings.recorder.record_decoding import decode_notice, decode_numbers

if TYPE_CHECKING:
    from feedd.client.events import Notice

MAX_RANGES = 20_000  # one per topic and session; the client follows no more topics
MAX_NOTICES = 1_000


class LostRecords:
    """The records that were lost between two written ones.

    One range per topic and session, as everything between its ends is lost; notices unchanged.
    Records beyond the bounds are counted. `why` is the system's error.
    """

    def __init__(self, why: str, since_ns: int) -> None:
        self.why = why
        self.since_ns = since_ns  # by the wall clock
        self.records = 0
        self.beyond = 0
        self._first_ns = 0
        self._last_ns = 0
        self._ranges: dict[tuple[str, int], tuple[int, int]] = {}
        self._notices: list[Notice] = []

    def add(self, ns: int, kind: int, topic: bytes, payload: bytes) -> None:
        """Add a record that could not be written."""
        self.records += 1
        self._first_ns = min(self._first_ns or ns, ns)
        self._last_ns = max(self._last_ns, ns)
        if kind == NOTICE:
            self._add_notice(topic, payload)
            return
        found = decode_numbers(payload)
        if found is None:
            self.beyond += 1
        else:
            self._add_range(topic.decode(), found.session, found.seq, found.seq)

    def _add_notice(self, topic: bytes, payload: bytes) -> None:
        found = decode_notice(topic, payload)
        if isinstance(found, Gap):
            self._add_range(found.topic, found.session, found.from_seq, found.to_seq)
        elif found is None or len(self._notices) >= MAX_NOTICES:
            self.beyond += 1
        else:
            self._notices.append(found)

    def _add_range(self, topic: str, session: int, first: int, last: int) -> None:
        key = (topic, session)
        before = self._ranges.get(key)
        if before is not None:
            self._ranges[key] = (min(first, before[0]), max(last, before[1]))
        elif len(self._ranges) < MAX_RANGES:
            self._ranges[key] = (first, last)
        else:
            self.beyond += 1

    @property
    def text(self) -> str:
        """One sentence about the loss."""
        first, last = (iso8601(ns // NS_PER_MS) for ns in (self._first_ns, self._last_ns))
        beyond = f"; {self.beyond:,} of them are in no range" if self.beyond else ""
        return (
            f"{self.records:,} records from {first} to {last} could not be written: "
            f"{self.why}{beyond}"
        )

    def notices(self) -> list[Notice]:
        """Return the notices to record in their place."""
        reason = f"the recorder could not write: {self.why}"
        return [
            StateChange("", "unwritten", self.text),
            *self._notices,
            *(
                Gap(topic, session, first, last, reason)
                for (topic, session), (first, last) in self._ranges.items()
            ),
        ]
