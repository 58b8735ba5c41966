"""Why a subscriber may receive nothing: an endpoint without a publisher, a wrong prefix."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from feedd.client.events import StateChange, Status
from feedd.client.stream import subscribe
from feedd.recordings.format.unmatched_prefixes import unmatched_lines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WITHIN_S = 3.0  # a stream reports an endpoint without a publisher within 2.5 s


def silent_lines(
    endpoints: Mapping[str, str], prefixes: Sequence[str], within_s: float = WITHIN_S
) -> list[str]:
    """Return the endpoints without a publisher, or the prefixes that nothing is published with.

    `endpoints` maps where subscribers connect to where the history answers.
    """
    topics: set[str] = set()
    until_s = time.monotonic() + within_s
    with subscribe(list(endpoints), "status.", history=list(endpoints.values())) as stream:
        while (left_s := until_s - time.monotonic()) > 0:
            event = stream.receive(left_s)
            if isinstance(event, StateChange) and event.state == "no_endpoint":
                return [str(event.reason)]
            if isinstance(event, Status):
                topics |= {f"status.{event.exchange}.{event.symbol}.", *event.next_seq}
    if not topics:
        return ["nothing is published so far"]
    return unmatched_lines(prefixes, topics, "published")
