"""`make help` lists every target that a person runs."""

from __future__ import annotations

import re
import subprocess

import pytest
from conftest import REPOSITORY, clean_environment

MAKEFILE = (REPOSITORY / "Makefile").read_text()


@pytest.mark.process
def test_help_lists_every_target_on_a_line() -> None:
    done = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=REPOSITORY,
        capture_output=True, text=True, check=True, env=clean_environment(),
    )  # fmt: skip
    lines = done.stdout.splitlines()
    listed = [line.split()[1] for line in lines]
    phony = re.search(r"^\.PHONY: ((?:.*\\\n)*.*)$", MAKEFILE, re.MULTILINE)
    assert phony is not None
    assert sorted(listed) == sorted(phony[1].replace("\\", "").split())
    assert all(len(line) <= 100 for line in lines), lines
