"""The deployment: an id made once per run directory, by which processes recognise their own.

Two projects on the same ports receive each other's messages. A port that answers is therefore no
evidence: each status has the deployment of its worker.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from feedd.errors import ConfigError
from feedd.runtime.files import make_run_dir
from feedd.runtime.locks import file_lock

FILE = "deployment"  # below run_dir
LOCK = "deployment.lock"
ID_BYTES = 8


def deployment_id(run_dir: str | Path) -> str:
    """Return the id of a run directory, and make it at the first call.

    Raises ConfigError if it can't be written.
    """
    path = Path(run_dir, FILE)
    found = read_deployment(run_dir)
    if found is not None:
        return found
    with file_lock(Path(run_dir, LOCK)):
        found = read_deployment(run_dir)  # another process may have made it meanwhile
        return _make(path) if found is None else found


def read_deployment(run_dir: str | Path) -> str | None:
    """Return the id of a run directory; None if it has none yet.

    The file has its own inode number in it. In a copy of the directory the numbers differ: a copy
    has no id yet. A directory that was renamed keeps its id.
    """
    try:
        with Path(run_dir, FILE).open() as file:
            found, inode = file.read().split()
            return found if int(inode) == os.fstat(file.fileno()).st_ino else None
    except (OSError, ValueError):
        return None


def _make(path: Path) -> str:
    """Write a new id. The caller holds the lock."""
    make_run_dir(path.parent)
    made = secrets.token_hex(ID_BYTES)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        with draft.open("w") as file:
            file.write(f"{made} {os.fstat(file.fileno()).st_ino}\n")
        draft.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise ConfigError(f"{path}: can't be written: {error.strerror}") from None
    return made
