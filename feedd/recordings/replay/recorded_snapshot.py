"""Snapshot with which a recording begins: a replay's history has it from the start.

So a subscriber that joins before the first message gets what the recorder got when it joined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.clock import NS_PER_S
from feedd.recordings.format.block_records import SNAPSHOT
from feedd.recordings.replay.publishing_order import PublishingOrder
from feedd.recordings.replay.read_ahead import WINDOW_NS
from feedd.recordings.replay.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Callable

    from feedd.recordings.format.recording_reader import RecordingReader

# The recordings of one recorder begin together, one for each exchange.
BEGIN_TOGETHER_NS = NS_PER_S
MAX_MESSAGES = 20_000  # a client follows no more topics


def recorded_snapshot(
    recording: RecordingReader, begin_ns: int, wanted: Callable[[bytes], bool]
) -> list[tuple[bytes, bytes]]:
    """Return the last messages before the recording of each topic, as topics and payloads.

    A feed that another recording already shows live has none.
    """
    found: dict[bytes, bytes] = {}
    live: set[bytes] = set()
    last_ns = begin_ns + BEGIN_TOGETHER_NS
    entries = recording.entries(begin_ns, last_ns + WINDOW_NS)
    selected = Selection(wanted).messages(entries, lambda _: None)
    for one in PublishingOrder(selected).messages():
        if one is None or one.seq <= 0:
            continue
        if one.at_ns > last_ns:
            break
        feed = one.topic.partition(b".")[2]
        if one.kind != SNAPSHOT:
            live.add(feed)
        elif feed not in live and len(found) < MAX_MESSAGES:
            found.setdefault(one.topic, one.payload)
    return list(found.items())
