"""The client in JavaScript passes the conformance run (examples/node)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import PYTHON, REPOSITORY, clean_environment
from npm_packages import check_npm_lock, install_npm_packages

pytestmark = pytest.mark.process

EXAMPLE = REPOSITORY / "examples" / "node"


@pytest.fixture
def client(tmp_path: Path) -> Path:
    """Return a copy of the client with its two packages, from the registry of npm."""
    install_npm_packages(EXAMPLE, tmp_path)
    return shutil.copy(EXAMPLE / "client.mjs", tmp_path)


def test_the_client_in_javascript_passes_every_case(client: Path) -> None:
    run = subprocess.run(
        [PYTHON, "-m", "feedd", "conformance", "--wait-s", "20", "--", "node", str(client)],
        cwd=REPOSITORY, env=clean_environment(), capture_output=True, text=True, timeout=150,
        check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_examples_packages_are_pinned_by_version_and_hash() -> None:
    check_npm_lock(EXAMPLE)
