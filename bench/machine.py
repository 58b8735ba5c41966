"""What the figures were measured on."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import psutil
import zmq

from bench.processes import environment
from bench.recording import ROOT

OURS = ("ccxt", "msgpack", "msgspec", "orjson", "picows", "pyzmq", "uvloop")
PEERS = ("cryptofeed", "msgpack", "msgspec", "orjson", "picows", "protobuf", "pyzmq", "uvloop",
         "websockets")  # fmt: skip
BUSY = 0.5  # load of the minute before: other work that disturbs what is measured
_ASK = (
    "import importlib.metadata, json, sys;"
    "print(json.dumps({name: importlib.metadata.version(name) for name in sys.argv[1:]}))"
)


def describe(peers: Path | None) -> dict[str, Any]:
    """Return cores, memory, kernel, Python, versions and what else was running.

    `peers` is the Python of the other handlers, where they take part.
    """
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],  # noqa: S607  whichever git there is
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "libzmq": zmq.zmq_version(),
        "feedd": commit.stdout.strip() or "unknown",
        "versions": {name: version for name in OURS if (version := _version(name))},
        "peers": {} if peers is None else _peers(peers),
        "load_before": round(os.getloadavg()[0], 2),
    }


def _peers(python: Path) -> dict[str, str]:
    asked = subprocess.run(
        [python, "-c", _ASK, *PEERS], env=environment(), capture_output=True, text=True, check=True
    )
    found: dict[str, str] = json.loads(asked.stdout)
    return found


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
