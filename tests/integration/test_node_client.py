"""The client in JavaScript passes the conformance run (examples/node)."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import PYTHON, REPOSITORY, clean_environment, skip_outside_ci

pytestmark = pytest.mark.process

EXAMPLE = REPOSITORY / "examples" / "node"
OLDEST = 18  # of Node, which Debian 12 has


@pytest.fixture
def client(tmp_path: Path) -> Path:
    """Return a copy of the client with its two packages, from the registry of npm."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        skip_outside_ci("node and npm are missing: install nodejs and npm")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.lstrip("v").partition(".")[0]) < OLDEST:
        skip_outside_ci(f"node is {version.strip()}; the example needs {OLDEST} or newer")
    for name in ("client.mjs", "package.json", "package-lock.json"):
        shutil.copy(EXAMPLE / name, tmp_path / name)
    install = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(install, cwd=tmp_path, capture_output=True, text=True, check=False)
    if done.returncode:
        skip_outside_ci(f"npm can't install the example's packages: {done.stderr.strip()[-300:]}")
    return tmp_path / "client.mjs"


def test_the_client_in_javascript_passes_every_case(client: Path) -> None:
    run = subprocess.run(
        [PYTHON, "-m", "feedd", "conformance", "--wait-s", "20", "--", "node", str(client)],
        cwd=REPOSITORY, env=clean_environment(), capture_output=True, text=True, timeout=150,
        check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_examples_packages_are_pinned_by_version_and_hash() -> None:
    package = json.loads((EXAMPLE / "package.json").read_text())
    lock = json.loads((EXAMPLE / "package-lock.json").read_text())["packages"]
    for name, version in package["dependencies"].items():
        assert lock[f"node_modules/{name}"]["version"] == version
    assert all("integrity" in entry for name, entry in lock.items() if name)
