"""Packages of npm in a test's folder, from a lock file of the repository."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from conftest import skip_outside_ci

OLDEST_NODE = 18  # Debian 12's


def install_npm_packages(locked: Path, folder: Path) -> Path:
    """Install one folder's locked packages in another; return `node_modules`, or skip the test."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        skip_outside_ci("node and npm are missing: install nodejs and npm")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.lstrip("v").partition(".")[0]) < OLDEST_NODE:
        skip_outside_ci(f"node is {version.strip()}; {OLDEST_NODE} or newer is needed")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(locked / name, folder / name)
    install = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(install, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        skip_outside_ci(f"npm can't install the packages of {locked}: {done.stderr.strip()[-300:]}")
    return folder / "node_modules"


def check_npm_lock(folder: Path) -> None:
    """Check that each package is pinned by version and hash, and that no registry is named."""
    package = json.loads((folder / "package.json").read_text())
    lock = json.loads((folder / "package-lock.json").read_text())["packages"]
    for name, version in package["dependencies"].items():
        assert lock[f"node_modules/{name}"]["version"] == version
    for name, entry in lock.items():
        assert "resolved" not in entry
        assert not name or "integrity" in entry
