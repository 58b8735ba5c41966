"""Parts of the gateway that its HTTP handlers share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from feedd.gateway.health_poll import HealthPoll
    from feedd.gateway.intake import Intake
    from feedd.gateway.stream.hub import StreamHub


@dataclass(frozen=True, slots=True)
class Parts:
    """What the handlers read; none of them changes anything."""

    intake: Intake
    health: HealthPoll
    stream: StreamHub
    started_ms: int  # since the epoch


PARTS = web.AppKey("parts", Parts)
