"""Retry of a bind while the address is in use: the previous process may still hold it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from feedd.errors import EndpointInUseError

if TYPE_CHECKING:
    from collections.abc import Callable

TRIES = 20
PAUSE_S = 0.5

_log = structlog.get_logger()


async def bind_with_retry(bind: Callable[[], None]) -> None:
    """Bind, and retry while the address is in use; raise EndpointInUseError after the last try."""
    for left in reversed(range(TRIES)):
        try:
            bind()
        except EndpointInUseError as error:
            if not left:
                raise
            if left == TRIES - 1:
                _log.warning("waiting for the port", up_to_s=TRIES * PAUSE_S, why=str(error))
            await asyncio.sleep(PAUSE_S)
        else:
            return
