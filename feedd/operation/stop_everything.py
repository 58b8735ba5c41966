"""Stop everything that a folder has started: also what its supervisord does not know."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import TYPE_CHECKING

import psutil

from feedd.errors import ConfigError, FeeddError
from feedd.operation.shutdown import stop
from feedd.supervision.folder_processes import of_folder, pid_runs, running_processes

if TYPE_CHECKING:
    from pathlib import Path

    from feedd.operation.progress import PrintLine
    from feedd.supervision.folder_processes import Found

END_S = 8.0  # a demo or a load test stops its own processes first
KILL_S = 2.0
POLL_S = 0.02


def stop_everything(root: Path, print_line: PrintLine) -> None:
    """Stop supervisord, then what else runs here; name each process that is ended.

    Raises ConfigError if another user's process of this folder runs.
    """
    ours, foreign = _of_users(root)
    if foreign and not ours:
        raise _not_ours(foreign)
    try:
        stop(root)
    except FeeddError as error:
        print_line(f"{error}; ending it")
    ended = [one for one in ours if not pid_runs(one.pid)]
    for one in ended:
        print_line(f"stopped {one.what} (pid {one.pid})")
    # A demo or a load test ends its workers itself: those that remain are orphans.
    for workers in (False, True):
        ours, foreign = _of_users(root)
        _end([one for one in ours if one.is_worker is workers], print_line)
        ended += ours
    if foreign:
        raise _not_ours(foreign)
    if not ended:
        print_line("nothing of this folder is running")


def _of_users(root: Path) -> tuple[list[Found], list[Found]]:
    """Return this user's processes of the folder, and those of others."""
    name = psutil.Process().username()
    found = of_folder(running_processes(), root)
    return [o for o in found if o.user == name], [o for o in found if o.user != name]


def _not_ours(foreign: list[Found]) -> ConfigError:
    named = ", ".join(f"{one.what} (pid {one.pid}, user {one.user})" for one in foreign)
    return ConfigError(f"of another user, and running: {named}; stop it as that user")


def _end(those: list[Found], print_line: PrintLine) -> None:
    """End processes, and kill those that have not ended after END_S."""
    for sign, timeout_s, how in (
        (signal.SIGTERM, END_S, "stopped"),
        (signal.SIGKILL, KILL_S, "killed"),
    ):
        for one in those:
            with contextlib.suppress(ProcessLookupError):
                os.kill(one.pid, sign)
        deadline = time.monotonic() + timeout_s
        while those and time.monotonic() < deadline:
            time.sleep(POLL_S)
            for one in [one for one in those if not pid_runs(one.pid)]:
                print_line(f"{how} {one.what} (pid {one.pid})")
                those.remove(one)
