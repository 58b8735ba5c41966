"""Create .venv from a lock file and show the progress. Standard library only.

Usage: python3 scripts/setup.py LOCK STAMP. The stamp is written when everything is installed.
"""

import os
import re
import subprocess
import sys
import time
import venv
from pathlib import Path

VENV = Path(".venv")
LEAST = (3, 11)


def main(lock: Path, stamp: Path) -> int:
    """Create the environment if it is missing; install the locked packages and feedd itself."""
    if sys.version_info < LEAST:
        return fail("feedd needs Python 3.11 or newer; choose one: make PYTHON=python3.12 demo")
    began = time.monotonic()
    if not Path(VENV, "bin", "pip").exists():
        print(f"setting up {VENV} with Python {sys.version.split()[0]}, once", flush=True)
        try:
            venv.create(VENV, with_pip=True, clear=True)
        except subprocess.CalledProcessError:
            return fail("this Python has no ensurepip; on Debian: apt-get install python3-venv")
    wanted = len(re.findall(r"^[A-Za-z0-9_.-]+==", lock.read_text(), re.MULTILINE))
    pip = [str(Path(VENV, "bin", "python")), "-m", "pip", "--disable-pip-version-check", "install"]
    code = run([*pip, "--require-hashes", "-r", str(lock)], wanted, began)
    # The build backend is in the lock, so that this step needs no index.
    code = code or run(
        [*pip, "--no-deps", "--no-build-isolation", "--no-index", "-e", "."], 0, began
    )
    if code:
        return code
    stamp.touch()
    show("set up\n", began)
    return 0


def run(command: list, wanted: int, began: float) -> int:
    """Run pip and show its progress in one line; on failure print its whole output."""
    output = []
    found = 0
    # Compile byte code now, even with PYTHONDONTWRITEBYTECODE: otherwise the first start of every
    # worker would do it.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as process:
        for line in process.stdout:
            output.append(line)
            match = re.match(r"(?:Collecting |Processing .*/)([A-Za-z0-9_.]+)", line)
            if match:
                found += 1
                show(f"{found}/{wanted} {match[1]}", began)
            elif line.startswith("Installing collected"):
                show("unpacking and compiling", began)
    if process.returncode:
        print("\n" + "".join(output), file=sys.stderr)
        return fail("pip could not install the packages that feedd needs; see its output above")
    return 0


def show(step: str, began: float) -> None:
    """Overwrite the line on a terminal; otherwise print one."""
    line = f"  {time.monotonic() - began:3.0f} s  {step:<48}"
    print(
        f"\r{line}" if sys.stdout.isatty() else line.rstrip(),
        flush=True,
        end="" if sys.stdout.isatty() else "\n",
    )


def fail(why: str) -> int:
    """Print the reason and return the exit code."""
    print(f"feedd: {why}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
    except KeyboardInterrupt:
        sys.exit(fail("interrupted; run the same command to continue"))
