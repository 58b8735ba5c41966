"""Waits of a supervised replay, for its proxies and for its slowest subscriber, and their log.

A wait of more than REPORT_AFTER_S is logged, and so is its end.
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
CHECK_EVERY_S = 0.5
REPORT_AFTER_S = 2.0

_log = structlog.get_logger()


async def connect_to_proxies(
    publisher: ReplayPublisher, proxies: Sequence[str], *, lossless: bool
) -> None:
    """Connect to the proxies, and wait for them; without a limit if `lossless`.

    A proxy that has not subscribed yet does not receive messages.
    """
    connecting = asyncio.ensure_future(publisher.connect(proxies, float("inf")))
    try:
        await asyncio.wait({connecting}, timeout=PROXY_WAIT_S)
        if not connecting.done():
            then = "waiting for it" if lossless else "continuing without it"
            _log.warning(f"a proxy is not connected; {then}", proxies=proxies)
            if not lossless:
                return
        await connecting
    finally:
        connecting.cancel()


async def report_waits(player: Player) -> None:
    """Log when a subscriber blocks the player, and when it no longer does; runs forever."""
    reported = False
    while True:
        await asyncio.sleep(CHECK_EVERY_S)
        since_s = player.blocked_s
        waits = since_s is not None and time.monotonic() - since_s > REPORT_AFTER_S
        if waits and not reported:
            _log.warning(
                "waiting: no client has subscribed yet, or a subscriber does not receive",
                sent=player.sent,
            )
        elif reported and not waits:
            _log.info("continuing", sent=player.sent)
        reported = waits


def reporting_wait(
    over: Callable[[float], bool], report: Callable[[], object]
) -> Callable[[float], bool]:
    """Wrap `over`, which waits and returns whether to end, to report a long wait once."""
    began_s = time.monotonic()
    reported = False

    def reporting_over(seconds: float) -> bool:
        nonlocal reported
        if not reported and time.monotonic() - began_s > REPORT_AFTER_S:
            reported = True
            report()
        return over(seconds)

    return reporting_over
