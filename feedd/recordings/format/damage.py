"""Damage of a recording: a range of time that can't be read."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  msgspec reads the annotations

from msgspec import Struct


class Damage(Struct, frozen=True):
    """A range that can't be read, `from_ns` to `to_ns` by the recording's clock, in ns.

    `from_ns` is None if nothing before it is readable, `to_ns` if the file ends: whether anything
    followed is unknown. `records` is the number of lost records, None if it is unknown.
    `being_written`: the file is whole as far as it goes, and its writer holds it open.
    """

    path: Path
    from_ns: int | None
    to_ns: int | None
    records: int | None
    why: str
    being_written: bool = False
