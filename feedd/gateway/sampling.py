"""Task that samples the trends in equal steps."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from feedd.clock import NS_PER_MS
from feedd.gateway.trends import STEP_S

if TYPE_CHECKING:
    from feedd.gateway.market import Market
    from feedd.gateway.trends import Trends


async def sample_trends(trends: Trends, market: Market) -> None:
    """Sample every STEP_S until cancelled; a step that was missed is not made up for."""
    loop = asyncio.get_running_loop()
    due_s = loop.time()
    while True:
        due_s = max(due_s + STEP_S, loop.time())
        await asyncio.sleep(due_s - loop.time())
        trends.sample(market, time.monotonic(), time.time_ns() // NS_PER_MS)
