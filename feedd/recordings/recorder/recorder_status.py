"""Recorder status: written once a second to a small file, which `feedd status` reads."""

from __future__ import annotations

from msgspec import Struct

FILE = "recorder.json"  # below run_dir


class RecorderStatus(Struct, frozen=True, kw_only=True):
    """Status of a recorder; times are since the epoch, in ns.

    `messages` and `bytes` were written since its start, `lost` records could not be written.
    `failing` is what can't be written now, and why. `lag_s` is the age, since `published_ns`, that
    the oldest message had when the recorder took it, within the last second; None if no message
    came, and in a replay, whose messages are of another time. `disk_free_bytes` is what is left to
    this user in the file system of `dir`.
    """

    pid: int
    at_ns: int
    since_ns: int
    dir: str
    messages: int
    messages_per_s: float
    bytes: int
    lost: int
    failing: str | None
    lag_s: float | None = None
    disk_free_bytes: int | None = None
    disk_total_bytes: int | None = None
