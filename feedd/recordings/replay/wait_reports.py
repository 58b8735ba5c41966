"""What a supervised replay waits for: its proxies, and its slowest subscriber; and that it says so.

A wait is told when it has lasted TELL_AFTER_S, and its end.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from feedd.recordings.replay.player import Player
    from feedd.transport.replay_publisher import ReplayPublisher

PROXY_WAIT_S = 5.0
LOOK_EVERY_S = 0.5
TELL_AFTER_S = 2.0

_log = structlog.get_logger()


async def connect_to_proxies(
    publisher: ReplayPublisher, proxies: Sequence[str], *, lossless: bool
) -> None:
    """Connect to the proxies, and wait for them; for ever where nothing may be dropped.

    What is published to a proxy that has not subscribed yet goes nowhere.
    """
    connecting = asyncio.ensure_future(publisher.connect(proxies, float("inf")))
    try:
        await asyncio.wait({connecting}, timeout=PROXY_WAIT_S)
        if not connecting.done():
            then = "it is waited for" if lossless else "going on without"
            _log.warning(f"not every proxy is there; {then}", proxies=proxies)
            if not lossless:
                return
        await connecting
    finally:
        connecting.cancel()


async def report_waits(player: Player) -> None:
    """Tell of a subscriber that holds the player up; for ever."""
    told = False
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        since_s = player.blocked_s
        waits = since_s is not None and time.monotonic() - since_s > TELL_AFTER_S
        if waits and not told:
            _log.warning(
                "waiting: nobody has subscribed yet, or a subscriber takes nothing",
                sent=player.sent,
            )
        elif told and not waits:
            _log.info("going on", sent=player.sent)
        told = waits


def reporting_wait(
    over: Callable[[float], bool], tell: Callable[[], object]
) -> Callable[[float], bool]:
    """Return `over`, which waits and says whether to end, but telling once of a long wait."""
    began_s = time.monotonic()
    told = False

    def told_over(seconds: float) -> bool:
        nonlocal told
        if not told and time.monotonic() - began_s > TELL_AFTER_S:
            told = True
            tell()
        return over(seconds)

    return told_over
