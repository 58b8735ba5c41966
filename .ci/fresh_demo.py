"""Clones the project into an empty folder and runs `make demo` there as a new user would.

Fails unless live ticks of three symbols are printed within 90 s of the call, set-up included,
and unless Ctrl-C leaves no process behind. Standard library only.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

WITHIN_S = 90
GONE_WITHIN_S = 10
TICK = re.compile(r"\[\d+\] (\S+) Price: ")


def main() -> int:
    """Run it; return the exit code."""
    with tempfile.TemporaryDirectory(prefix="feedd-fresh-") as name:
        fresh = Path(name, "feedd")
        subprocess.run(["git", "clone", "-q", ".", str(fresh)], check=True)
        began = time.monotonic()
        process = subprocess.Popen(
            ["make", "demo"], cwd=fresh, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        # Reading must not wait for ever: the whole is ended when its time is over.
        timer = threading.Timer(2 * WITHIN_S, os.killpg, (process.pid, signal.SIGINT))
        timer.start()
        symbols = set()
        took = None
        for line in process.stdout:
            if took is None:
                print("  |", line, end="", flush=True)
            match = TICK.match(line)
            if match:
                symbols.add(match[1])
            if len(symbols) == 3 and took is None:
                took = time.monotonic() - began
                os.killpg(process.pid, signal.SIGINT)
        process.wait()
        timer.cancel()
        left = left_behind(name)
    if took is None or took > WITHIN_S:
        return fail(f"three symbols' ticks took {took} s; the limit is {WITHIN_S} s")
    if left:
        return fail(f"left behind: {left}")
    print(f"fresh clone: ticks of {', '.join(sorted(symbols))} after {took:.0f} s; nothing left")
    return 0


def left_behind(name: str) -> list:
    """Return the processes that work in a folder, once those are gone that are just ending."""
    until = time.monotonic() + GONE_WITHIN_S
    while left := [pid for pid, words in command_lines() if name in words]:
        if time.monotonic() > until:
            break
        time.sleep(0.1)
    return left


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


def fail(why: str) -> int:
    """Say why, and return the exit code."""
    print(f"fresh clone: {why}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
