"""The small C programs of the bench: compiled at first use, and libzmq taken from pyzmq's wheel."""

from __future__ import annotations

import ctypes.util
import shutil
import subprocess
from pathlib import Path

import zmq

from bench.errors import BenchError

NO_COMPILER = "there is no C compiler (cc): on Debian, apt-get install gcc libc6-dev"
SOURCES = Path(__file__).resolve().parent / "c"


def libzmq() -> str:
    """Return the path of a libzmq; raise BenchError where there is none."""
    beside = Path(zmq.__file__).resolve().parent.parent
    found = sorted(beside.glob("pyzmq.libs/libzmq*")) or sorted(beside.glob("zmq/.dylibs/libzmq*"))
    name = str(found[0]) if found else ctypes.util.find_library("zmq")
    if name is None:
        raise BenchError("no libzmq was found, neither in pyzmq's wheel nor on the system")
    return name


def compiler() -> str | None:
    """Return the C compiler, where there is one."""
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def compiled(name: str, folder: Path) -> Path:
    """Return the program of a source file; raise BenchError without a C compiler."""
    by = compiler()
    if by is None:
        raise BenchError(NO_COMPILER)
    source, program = SOURCES / f"{name}.c", folder / name
    if not program.exists():
        done = subprocess.run(
            [by, "-O2", "-o", str(program), str(source), "-ldl"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise BenchError(f"{by} could not compile {source}: {done.stderr.strip()}")
    return program
