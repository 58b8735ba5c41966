"""Check before a start that no other project uses the run directory.

Two projects with one run directory have one deployment id and one heartbeat of the watchdog, so the
health of one would be judged by the processes of the other.
"""

from __future__ import annotations

from pathlib import Path

import psutil

from feedd.errors import ConfigError
from feedd.runtime.address_holders import describe
from feedd.supervision import restarts
from feedd.supervision.folder_processes import pid_runs


def refuse_shared_run_dir(run_dir: str, own: int | None) -> None:
    """Raise ConfigError if a supervisord other than `own`, a pid, uses the run directory."""
    last = restarts.read_last_counts(Path(run_dir, restarts.FILE))
    if last is None or last.daemon == own or not pid_runs(last.daemon):
        return
    try:
        began_s = psutil.Process(last.daemon).create_time()
    except psutil.NoSuchProcess:
        return
    if abs(began_s - last.since_s) < restarts.SAME_START_S:  # else the pid is another process' now
        raise ConfigError(
            f"run_dir: {run_dir} is used by another project: {describe(last.daemon).text}; give "
            "each project a run_dir of its own"
        )
