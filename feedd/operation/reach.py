"""Where subscribers reach a project: the endpoints to type, and who can reach the histories."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

from feedd.transport.endpoints import connectable

if TYPE_CHECKING:
    from feedd.config.settings import Config

_EVERYWHERE = re.compile(r"tcp://(\*|0\.0\.0\.0|\[::\]):(\d+)")
_LOOPBACK = re.compile(r"tcp://(127\.[\d.]+|localhost|\[::1\]):\d+|(ipc|inproc)://.*")


def subscribe_text(config: Config) -> str:
    """Return the endpoints that a subscriber types; `*` is only for a publisher."""
    return " and ".join(_endpoint_text(endpoint) for endpoint in config.fan_outs().values())


def reach_lines(config: Config) -> list[str]:
    """Return a line for each history that fewer machines reach than its proxy's subscribers."""
    return [
        f"subscribers on other machines can't reach the history at {history}, and get neither "
        f"snapshots nor repairs; {name.replace('-', '_')}.history sets it"
        for name, (fan_out, history) in zip(
            config.proxy_programs(), config.history_endpoints().items(), strict=True
        )
        if not _LOOPBACK.fullmatch(fan_out) and _LOOPBACK.fullmatch(history)
    ]


def _endpoint_text(endpoint: str) -> str:
    everywhere = _EVERYWHERE.fullmatch(endpoint)
    if everywhere is None:
        return endpoint
    here = connectable(endpoint).replace("[::]", "[::1]")
    return f"{here} (from other machines tcp://{socket.gethostname()}:{everywhere[2]})"
