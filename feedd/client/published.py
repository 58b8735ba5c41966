"""Stream of messages as published, byte for byte, with the notices. The recorder uses it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from feedd.client.protocol import Protocol
from feedd.client.stream import MAX_QUEUED, Stream, addresses

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from feedd.client.decoding import PublishedMessage
    from feedd.client.events import Notice


def subscribe_published(
    endpoints: str | Iterable[str],
    topics: str | Iterable[str],
    history: str | Iterable[str] | None,
    ends: Mapping[str, tuple[int, int]],
    *,
    most_queued: int = MAX_QUEUED,
    lossless: bool = False,
    deployment: str | None = None,
) -> Stream[PublishedMessage | Notice]:
    """Return a stream like that of `subscribe`, with published messages instead of ticks.

    It always contains the statuses. `ends` maps each topic to where an earlier stream ended:
    its session and next seq. The new stream resumes there: it requests from the history what was
    published since, and reports as a Gap what the history no longer has. A new session of a feed
    is reported. With a `deployment`, only its messages are passed on.
    """
    connect_to, prefixes, histories = addresses(endpoints, topics, history)
    protocol = Protocol(
        prefixes, len(histories), time.monotonic(), since_ns=time.time_ns(), published=True,
        ends=ends, deployment=deployment,
    )  # fmt: skip
    return Stream(connect_to, histories, protocol, most_queued, only_ticks=False, lossless=lossless)
