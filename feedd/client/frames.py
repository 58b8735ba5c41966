"""The stream as frames: what was published, byte for byte, and the notices; for who keeps it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from feedd.client.protocol import Protocol
from feedd.client.stream import MOST_QUEUED, Stream, addresses

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from feedd.client.decoding import Frame
    from feedd.client.events import Notice


def subscribe_frames(
    endpoints: str | Iterable[str],
    topics: str | Iterable[str],
    history: str | Iterable[str] | None,
    ends: Mapping[str, tuple[int, int]],
    *,
    most_queued: int = MOST_QUEUED,
    lossless: bool = False,
) -> Stream[Frame | Notice]:
    """Return a stream like that of `subscribe`, of frames in the place of ticks.

    Statuses are among them in any case. `ends` says where an earlier stream ended, by topic: its
    session, and the seq that is next. This one begins there: what was published since is asked of
    the history, and what that has not got any more is a Gap. A feed's new session is told.
    """
    found, prefixes, histories = addresses(endpoints, topics, history)
    protocol = Protocol(prefixes, len(histories), time.monotonic(), frames=True, ends=ends)
    return Stream(found, histories, protocol, most_queued, only_ticks=False, lossless=lossless)
