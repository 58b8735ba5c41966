"""Clones the project into an empty folder and runs `make demo` there as a new user would.

Fails unless live ticks of three symbols are printed within 90 s of the call, set-up included,
and unless Ctrl-C leaves no process behind. Standard library only.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from demo import DemoError, check_gone, run_demo

WITHIN_S = 90


def main() -> int:
    """Run it; return the exit code."""
    with tempfile.TemporaryDirectory(prefix="feedd-fresh-") as name:
        fresh = Path(name, "it's my feedd")  # as folders are named
        subprocess.run(["git", "clone", "-q", ".", str(fresh)], check=True)
        try:
            took, symbols = run_demo(["make", "demo"], fresh, WITHIN_S)
            check_gone(name)
        except DemoError as error:
            print(f"fresh clone: {error}", file=sys.stderr)
            return 1
    print(f"fresh clone: ticks of {', '.join(symbols)} after {took:.0f} s; nothing left")
    return 0


if __name__ == "__main__":
    sys.exit(main())
