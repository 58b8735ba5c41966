"""Stop everything that runs in a project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.runtime import locks
from feedd.supervision.daemon import Daemon

if TYPE_CHECKING:
    from pathlib import Path


def stop(root: Path) -> bool:
    """Stop the daemon and its processes; return whether it was running."""
    daemon = Daemon(root)
    if daemon.pid is None:
        return daemon.end_unreachable()
    with locks.command_lock(root):
        daemon.shutdown()
    return True
