"""What of a payload is moved when it is not played as recorded: here, and nowhere else. Pure.

`recorded`: in the first pass of a loop nothing; in each further one `session`, so that it is newer
than all before. A client drops what it has seen already, and what is of an older session.

`now`: each message is moved by as much time as lies between its recorded `published_ns` and now,
so that its latencies are those of that day:

`published_ns`               is now
`received_ns`, `timestamp`   are moved by as much, `timestamp` in whole ms
`datetime`                   is `timestamp` once more
`open_time`, `next_funding`  name what a message is about: they are moved by as much when a value
                             is first met, and the same value then always to the same one
`session`                    is moved by what lies between the recording's beginning and the
                             replay's start, by the same for all, so that it stays one session

All else, and all keys that are unknown here, stay as they are and in their order; in a status too:
spans (`uptime_s`, `age_ms`), `next_seq`, a gap's ids and texts are of that day.
"""

from __future__ import annotations

from typing import Any

import msgspec

from feedd.clock import NS_PER_MS, iso8601
from feedd.codec import UNREADABLE, decode

PASS_MS = 10**12  # added to the sessions of each pass: 31 years, more than any recording spans

_encode = msgspec.msgpack.Encoder().encode
_SUBJECTS = ("open_time", "next_funding")


def with_raised_session(payload: bytes, passes: int) -> bytes:
    """Return a payload as the pass after so many others sends it, its timestamps as recorded."""
    try:
        message = decode(payload)
    except UNREADABLE:
        return payload
    _raise(message, passes * PASS_MS)
    return _encode(message)


class TimeShift:
    """Moves messages to now; `shift_ms` is from the recording's beginning to the replay's start."""

    def __init__(self, shift_ms: int) -> None:
        self._shift_ms = shift_ms
        self._subjects: dict[tuple[bytes, str], tuple[tuple[int, int], int]] = {}

    def shifted(self, topic: bytes, payload: bytes, passes: int, now_ns: int) -> bytes:
        """Return a payload as if it were published at `now_ns`, after so many whole passes."""
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
        _move(message, "received_ns", by_ns)
        _move(message, "timestamp", by_ms)
        if isinstance(message.get("datetime"), str) and isinstance(message.get("timestamp"), int):
            message["datetime"] = iso8601(message["timestamp"])
        for key in _SUBJECTS:
            if isinstance(message.get(key), int):
                message[key] = self._subject((topic, key), (message[key], passes), by_ms)
        _raise(message, self._shift_ms + passes * PASS_MS)
        return _encode(message)

    def _subject(self, of: tuple[bytes, str], value: tuple[int, int], by_ms: int) -> int:
        """Return where a value of a pass was moved to when it came first.

        Only the last value of a topic is remembered: it has one at a time.
        """
        before = self._subjects.get(of)
        if before is None or before[0] != value:
            before = self._subjects[of] = (value, value[0] + by_ms)
        return before[1]


def _move(message: dict[str, Any], key: str, by: int) -> None:
    if isinstance(message.get(key), int):
        message[key] += by


def _raise(message: dict[str, Any], by_ms: int) -> None:
    _move(message, "session", by_ms)
