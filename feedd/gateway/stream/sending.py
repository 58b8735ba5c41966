"""Sending to one client: in batches, at its own pace, until it leaves or stalls."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from feedd.gateway.stream.hub import Client, StreamHub

BATCH_BYTES = 64 << 10  # what waits beyond it stays in the client's queue
BATCH_EVERY_S = 0.005  # messages of this time share a write
STALLED_S = 300.0  # a client that takes nothing for so long is disconnected
HEARTBEAT_EVERY_S = 1.0


class ClientStalledError(Exception):
    """A client took nothing for STALLED_S."""


async def send_all(
    client: Client,
    woken: asyncio.Event,
    send: Callable[[list[bytes]], Awaitable[None]],
    every_s: float,
) -> None:
    """Send what waits for a client, until cancelled; messages of `every_s` go together.

    Raises ClientStalledError, and what `send` raises.
    """
    loop = asyncio.get_running_loop()
    while True:
        await woken.wait()
        began_s = loop.time()
        while texts := client.take(BATCH_BYTES):
            try:
                async with asyncio.timeout(STALLED_S):
                    await send(texts)
            except TimeoutError:
                raise ClientStalledError from None
        woken.clear()
        await asyncio.sleep(max(0.0, began_s + every_s - loop.time()))


async def send_heartbeats(hub: StreamHub) -> None:
    """Give all clients a heartbeat each second, until cancelled."""
    while True:
        await asyncio.sleep(HEARTBEAT_EVERY_S)
        hub.beat(time.monotonic(), time.time_ns())
