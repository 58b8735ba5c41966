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

ROOT = Path(__file__).resolve().parent.parent
VENV = Path(".venv")
LEAST = (3, 11)
# A script's first lines: they find the environment's Python beside the script, in a folder with any
# name, also once it has been renamed. pip writes the folder's path there.
PYTHON_BESIDE = """\
#!/bin/sh
'''exec' "$(dirname -- "$(realpath -- "$0")")"/python "$0" "$@"
' '''
"""
# For the site module, whose `sitedir` is the folder of packages; real, since .venv may be a link.
CHECKOUT_ABOVE = (
    "import os, sys; "
    "sys.path.append(os.path.realpath(os.path.join(os.path.realpath(sitedir), '../../../..')))\n"
)


def main(lock: Path, stamp: Path) -> int:
    """Create the environment if it is missing; install the locked packages and feedd itself."""
    if sys.version_info < LEAST:
        return fail("feedd needs Python 3.11 or newer; choose one: make PYTHON=python3.12 demo")
    if unusable := unusable_folder():
        return fail(unusable)
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
    make_relocatable(VENV)
    fetch_chart_library(began)
    stamp.touch()
    show("set up\n", began)
    return 0


def fetch_chart_library(began: float) -> None:
    """Fetch the page's chart library if it is missing; report a failure: all else works."""
    sys.path.insert(0, str(ROOT))
    from scripts.chart_library import fetch  # noqa: PLC0415  needs a new Python

    if fetch.is_current():
        return
    try:
        fetch.fetch(lambda step: show(step, began))
    except fetch.FetchError as error:
        ended = "\n" if sys.stdout.isatty() else ""
        print(
            f"{ended}feedd: the web page will lack its charts, all else works: {error}; "
            f"to try again, {fetch.AGAIN}",
            file=sys.stderr,
        )


def unusable_folder() -> str:
    """Return the error of a folder whose path Python or supervisord can't use, else an empty text.

    It comes before a set-up that takes minutes.
    """
    sys.path.insert(0, str(ROOT))
    from feedd.errors import ConfigError  # noqa: PLC0415  needs a new Python
    from feedd.runtime.terminal import printable  # noqa: PLC0415
    from feedd.supervision.project_paths import check_root  # noqa: PLC0415

    if os.pathsep in str(Path.cwd()):
        return (
            f"{printable(Path.cwd())}: Python can't make an environment in a folder with "
            f"{os.pathsep} in its path; rename the folder"
        )
    try:
        check_root(Path.cwd())
    except ConfigError as error:
        return str(error)
    return ""


def make_relocatable(environment: Path) -> None:
    """Have the scripts and the packages of an environment find each other wherever it is."""
    for script in Path(environment, "bin").iterdir():
        if script.is_symlink() or not script.is_file():
            continue
        content = script.read_bytes()
        _, found, rest = content.partition(b"\n' '''\n")
        if not (content.startswith(b"#!/bin/sh\n'''exec'") and found):
            shebang, _, rest = content.partition(b"\n")
            if not (shebang.startswith(b"#!") and b"python" in shebang):
                continue
        script.write_bytes(PYTHON_BESIDE.encode() + rest)
    for packages in environment.glob("lib/python*/site-packages"):
        link = packages / "_feedd.pth"
        if link.exists():
            link.write_text(CHECKOUT_ABOVE)


def package_name(line: str) -> str:
    """Return the name of the package that a line of pip's output is about, or an empty text."""
    match = re.match(r"Collecting ([A-Za-z0-9][\w.-]*)", line) or re.match(
        r"Processing (?:.*/)?([A-Za-z0-9][\w.-]*?)-\d", line
    )
    return match[1] if match else ""


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
            if name := package_name(line):
                found += 1
                show(f"{found}/{wanted} {name}", began)
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
    except (OSError, ValueError) as error:  # e.g. a folder that is read-only
        reason = getattr(error, "strerror", None) or error
        sys.exit(fail(f"{getattr(error, 'filename', None) or ROOT}: can't set up: {reason}"))
    except KeyboardInterrupt:
        sys.exit(fail("interrupted; run the same command to continue"))
