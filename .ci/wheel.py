"""Builds the wheel and the sdist and uses them as somebody without a checkout would.

1. `pip install feedd` into an empty environment brings three packages; a server command names the
   extra that it lacks.
2. `pip install 'feedd[server]'`: `feedd demo` runs in an empty folder, the first environment
   subscribes to it, and Ctrl-C leaves no process and no file behind.
3. `feedd init` writes a project in which `feedd` and `supervisorctl` work, and whose gateway serves
   the page and its chart library.

Run it after `make test` or `make build`: .venv builds. Standard library only.
"""

import re
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
from pathlib import Path

from demo import DemoError, check_gone, run_demo

WITHIN_S = 90
PAGE = "http://127.0.0.1:8080"
CHARTS = f"{PAGE}/page/vendor/lightweight-charts.mjs"
CLIENT = {"feedd", "msgspec", "pyzmq", "zstandard"}
OF_PYTHON = {"pip", "setuptools"}  # venv brings setuptools up to Python 3.11
SUBSCRIBER = """
import feedd, itertools, sys
assert feedd.open_recording
with feedd.subscribe(topics=["quote."]) as stream:
    for tick in itertools.islice(stream, 100):
        pass
print("the client alone received", type(tick).__name__, tick.symbol)
loaded = {name.partition(".")[0] for name in sys.modules}
assert not loaded & {"aiohttp", "ccxt", "orjson", "psutil", "structlog", "yaml"}, loaded
"""


def main() -> int:
    """Run it; return the exit code."""
    with tempfile.TemporaryDirectory(prefix="feedd-wheel-") as name:
        try:
            check_wheel(Path(name).resolve())
        except (DemoError, subprocess.CalledProcessError) as error:
            print(f"wheel: {error}", file=sys.stderr)
            return 1
    return 0


def check_wheel(folder: Path) -> None:
    """Build and check in a folder of its own; raise DemoError or CalledProcessError."""
    call([".venv/bin/python", "-m", "hatchling", "build", "-d", folder / "dist"])
    (sdist,) = Path(folder, "dist").glob("*.tar.gz")
    call(["tar", "-xf", sdist, "-C", folder])
    unpacked = folder / sdist.name.removesuffix(".tar.gz")
    # From the sdist, whose wheel must be the checkout's.
    builder = Path(".venv/bin/python").absolute()
    call([builder, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=unpacked)
    (wheel,) = folder.glob("*.whl")
    if wheel.read_bytes() != Path(folder, "dist", wheel.name).read_bytes():
        raise DemoError("the wheel from the sdist differs from the checkout's")

    constraints = folder / "constraints.txt"
    constraints.write_text(locked())
    client = environment(folder / "client", str(wheel), constraints)
    names = packages(client)
    print("pip install feedd:", ", ".join(names), f"({megabytes(client)} MB)")
    if set(names) - OF_PYTHON != CLIENT:
        raise DemoError(f"it should bring {', '.join(sorted(CLIENT))}")
    refused = subprocess.run(
        [client / "bin" / "feedd", "status"], cwd=folder, text=True, check=False,
        capture_output=True,
    )  # fmt: skip
    if "pip install 'feedd[server]'" not in refused.stderr or refused.stderr.count("\n") != 1:
        raise DemoError(f"without the extra, status printed: {refused.stderr}")

    server = environment(folder / "server", f"{wheel}[server]", constraints)
    names = packages(server)
    print("pip install 'feedd[server]':", ", ".join(names), f"({megabytes(server)} MB)")
    check_demo(folder, client, server)
    check_project(folder, server)


def check_demo(folder: Path, client: Path, server: Path) -> None:
    """Run the demo in an empty folder, and subscribe to it with the client alone."""
    empty, temporary = folder / "empty", folder / "tmp"
    empty.mkdir()
    temporary.mkdir()

    def subscribe() -> None:
        print(call([client / "bin" / "python", "-c", SUBSCRIBER], cwd=empty), end="")

    took, symbols = run_demo(
        [server / "bin" / "feedd", "demo"], empty, WITHIN_S, subscribe, TMPDIR=str(temporary)
    )
    check_gone(str(folder))
    if left := [*empty.iterdir(), *temporary.iterdir()]:
        raise DemoError(f"left behind: {left}")
    print(f"wheel: ticks of {', '.join(symbols)} after {took:.0f} s; nothing left")


def check_project(folder: Path, server: Path) -> None:
    """Make a project folder, and start, ask and stop it."""
    project = folder / "project"
    feedd = server / "bin" / "feedd"
    call([feedd, "init", project], cwd=folder)
    call([feedd, "--config", "config/demo.yaml", "start"], cwd=project)
    try:
        time.sleep(1)
        call([feedd, "status"], cwd=project)
        running = call([server / "bin" / "supervisorctl", "status"], cwd=project)
        if b"<!doctype html>" not in fetched(PAGE).lower() or b"TradingView" not in fetched(CHARTS):
            raise DemoError("the wheel's gateway does not serve the page with its charts")
    finally:
        call([feedd, "stop"], cwd=project)
    check_gone(str(folder))
    print(f"project: {running.count('RUNNING')} programs were RUNNING; stopped")


def fetched(url: str) -> bytes:
    """Return what a page of the gateway has; raise DemoError where there is none."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.read()
    except OSError as error:
        raise DemoError(f"{url}: {error}") from error


def environment(folder: Path, requirement: str, constraints: Path) -> Path:
    """Make a virtual environment with a requirement, and return it."""
    venv.create(folder, with_pip=True)
    call([
        folder / "bin" / "pip", "install", "-q", "--disable-pip-version-check",
        "-c", constraints, requirement,
    ])  # fmt: skip
    return folder


def packages(folder: Path) -> list:
    """Return the names that `pip list` prints."""
    listed = call([folder / "bin" / "pip", "list", "--format=freeze"])
    return sorted(line.partition("==")[0].lower() for line in listed.splitlines())


def megabytes(folder: Path) -> int:
    """Return the size of an environment's packages, pip and setuptools included."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return round(sum(path.stat().st_size for path in files) / 1e6)


def locked() -> str:
    """Return the locked versions without hashes: pip accepts no hashes beside a local wheel."""
    lines = Path("requirements.lock").read_text().splitlines()
    pins = [line.removesuffix("\\").strip() for line in lines if re.match(r"[A-Za-z0-9]", line)]
    return "\n".join([*pins, ""])


def call(command: list, cwd: Path | None = None) -> str:
    """Run a command and return its output; raise CalledProcessError where it fails."""
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, check=False, text=True,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    if done.returncode:
        print(done.stdout, end="", file=sys.stderr)
        done.check_returncode()
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
