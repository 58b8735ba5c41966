"""Runs a demo as a user does: waits for ticks, presses Ctrl-C, looks for what is left.

Standard library only.
"""

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

TICK = re.compile(r"\[\d+\] (\S+) Price: ")
SYMBOLS = 3
GONE_WITHIN_S = 10


class DemoError(Exception):
    """The demo printed too few ticks, or left something behind."""


def run_demo(
    command: list, folder: Path, within_s: float, meanwhile: Callable[[], None] = lambda: None,
    **environment: str,
) -> tuple[float, list]:  # fmt: skip
    """Return the seconds until ticks of three symbols were printed, and the symbols.

    `meanwhile` is called while the demo runs. Raises DemoError where the ticks came too late.
    """
    began = time.monotonic()
    # A script in the background of a shell ignores SIGINT, and so would all that it starts.
    process = subprocess.Popen(
        ["env", "--default-signal=INT", *command], cwd=folder, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, **environment},
    )  # fmt: skip
    # A demo that prints nothing would block the reading below.
    timer = threading.Timer(2 * within_s, os.killpg, (process.pid, signal.SIGINT))
    timer.start()
    symbols = set()
    took = None
    for line in process.stdout:
        if took is None:
            print("  |", line, end="", flush=True)
        match = TICK.match(line)
        if match:
            symbols.add(match[1])
        if len(symbols) == SYMBOLS and took is None:
            took = time.monotonic() - began
            try:
                meanwhile()
            finally:
                os.killpg(process.pid, signal.SIGINT)
    code = process.wait()
    timer.cancel()
    if took is None or took > within_s:
        raise DemoError(f"ticks of {SYMBOLS} symbols took {took} s; the limit is {within_s} s")
    if code not in {0, -signal.SIGINT}:  # make, too, receives the Ctrl-C, and ends by it
        raise DemoError(f"the demo ended with exit code {code}")
    return took, sorted(symbols)


def check_gone(name: str) -> None:
    """Raise DemoError where processes with this text in their command line do not end."""
    until = time.monotonic() + GONE_WITHIN_S
    while left := [pid for pid, words in command_lines() if name in words]:
        if time.monotonic() > until:
            raise DemoError(f"left behind: processes {left}")
        time.sleep(0.1)


def command_lines() -> list:
    """Return the pid and command line of every process."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = Path(folder, "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue  # it ended meanwhile
            found.append((int(folder.name), words))
    return found
