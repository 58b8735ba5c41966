"""The peers' environment: bench/.venv-peers, made at first use from a lock file with hashes."""

from __future__ import annotations

import subprocess
import venv
from typing import TYPE_CHECKING

from bench.errors import BenchError
from bench.processes import environment
from bench.recording import ROOT

if TYPE_CHECKING:
    from pathlib import Path

VENV = ROOT / "bench" / ".venv-peers"
LOCK = ROOT / "bench" / "peers" / "requirements.lock"


def python() -> Path:
    """Return the interpreter that has the peers, installed if need be."""
    stamp = VENV / ".lock"
    interpreter = VENV / "bin" / "python"
    if stamp.exists() and stamp.read_text() == LOCK.read_text():
        return interpreter
    print(f"installing the peers into {VENV.relative_to(ROOT)}, once", flush=True)
    venv.create(VENV, with_pip=True, clear=True)
    done = subprocess.run(
        [interpreter, "-m", "pip", "--disable-pip-version-check", "install", "-q",
         "--require-hashes", "-r", LOCK],
        env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise BenchError(f"pip could not install the peers: {lines[-1] if lines else ''}")
    stamp.write_text(LOCK.read_text())
    return interpreter
