"""Time shift: all changes to a payload that is not played as recorded. Pure.

`recorded`: nothing changes in the first pass of a loop. In each further one `session` does, so that
it is newer than all before: a client drops duplicates and messages of older sessions.

`now`: each message is shifted by the time from its recorded `published_ns` to now, so that its
latencies are the recorded ones:

`published_ns`               is now
`received_ns`, `timestamp`   are shifted, `timestamp` in whole ms
`datetime`                   is `timestamp` as text
`open_time`, `next_funding`  identify the subject of a message: a new value is shifted, and the same
                             value always to the same result
`session`                    is shifted by the time from the recording's begin to the replay's
                             start, the same for all messages, so that it stays one session

Everything else, including unknown keys, stays unchanged and in order. In a status, durations
(`uptime_s`, `age_ms`), `next_seq`, and the ids and texts of a gap stay as recorded.
"""

from __future__ import annotations

from typing import Any

import msgspec

from feedd.clock import NS_PER_MS, iso8601
from feedd.codec import UNREADABLE, decode

PASS_MS = 10**12  # added to sessions in each pass: 31 years, longer than any recording

_encode = msgspec.msgpack.Encoder().encode
_SUBJECTS = ("open_time", "next_funding")


def with_raised_session(payload: bytes, passes: int) -> bytes:
    """Return a payload with the session of a further pass, and its recorded timestamps."""
    try:
        message = decode(payload)
    except UNREADABLE:
        return payload
    _raise_session(message, passes * PASS_MS)
    return _encode(message)


class TimeShift:
    """Shifts messages to now; `shift_ms` is from the recording's begin to the replay's start."""

    def __init__(self, shift_ms: int) -> None:
        self._shift_ms = shift_ms
        self._subjects: dict[tuple[bytes, str], tuple[tuple[int, int], int]] = {}

    def shifted(self, topic: bytes, payload: bytes, passes: int, now_ns: int) -> bytes:
        """Return a payload as if published at `now_ns`, in the pass after `passes` others."""
        try:
            message = decode(payload)
        except UNREADABLE:
            return payload
        published_ns = message.get("published_ns")
        if not isinstance(published_ns, int):
            return payload
        by_ns = now_ns - published_ns
        by_ms = by_ns // NS_PER_MS
        message["published_ns"] = now_ns
        _shift(message, "received_ns", by_ns)
        _shift(message, "timestamp", by_ms)
        if isinstance(message.get("datetime"), str) and isinstance(message.get("timestamp"), int):
            message["datetime"] = iso8601(message["timestamp"])
        for key in _SUBJECTS:
            if isinstance(message.get(key), int):
                message[key] = self._subject((topic, key), (message[key], passes), by_ms)
        _raise_session(message, self._shift_ms + passes * PASS_MS)
        return _encode(message)

    def _subject(self, of: tuple[bytes, str], value: tuple[int, int], by_ms: int) -> int:
        """Return the shifted value, as it was shifted when it came first.

        It remembers only the last value of a topic, which has one at a time.
        """
        before = self._subjects.get(of)
        if before is None or before[0] != value:
            before = self._subjects[of] = (value, value[0] + by_ms)
        return before[1]


def _shift(message: dict[str, Any], key: str, by: int) -> None:
    if isinstance(message.get(key), int):
        message[key] += by


def _raise_session(message: dict[str, Any], by_ms: int) -> None:
    _shift(message, "session", by_ms)
