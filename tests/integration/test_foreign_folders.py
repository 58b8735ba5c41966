"""Projects of another user, and folders that can't be written."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from conftest import PYTHON, REPOSITORY, Project, clean_environment

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root runs a command as another user"),
]
NOBODY = 65534
COMMANDS = (["status"], ["stop"], ["stop", "--all"], ["start"], ["restart"], ["add", "ETH/USDT"],
            ["remove", "BTC/USDT"], ["tail"], ["top"], ["render"])  # fmt: skip


@pytest.fixture
def project() -> Iterator[Project]:
    with TemporaryDirectory() as folder:  # tmp_path can't be entered by another user
        Path(folder).chmod(0o755)
        root = Path(folder, "p")
        root.mkdir()
        made = Project(root)
        yield made
        made.close()


def as_nobody(project: Project, *arguments: str) -> Any:
    done = subprocess.run(
        [PYTHON, "-m", "feedd", *arguments], cwd=project.root, capture_output=True, text=True,
        timeout=60, check=False, user=NOBODY, group=NOBODY, extra_groups=[],
        env={**clean_environment(), "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    if "Permission denied: " in done.stderr and "site-packages" in done.stderr:
        pytest.skip("another user can't read the environment")
    return done


def test_a_command_in_another_users_running_project_names_that_user(project: Project) -> None:
    started = project.feedd("start")
    assert started.returncode == 0, started.stderr
    before = project.pids()
    root = pwd.getpwuid(0).pw_name
    for command in COMMANDS:
        refused = as_nobody(project, *command)
        assert refused.returncode != 0, command
        assert refused.stderr.count("\n") == 1, (command, refused.stderr)
        assert root in refused.stderr, (command, refused.stderr)
        assert "not running" not in refused.stdout + refused.stderr, command
    assert project.pids() == before
    run, hidden = project.root / "run", project.root / "hidden"
    run.rename(hidden)  # now nothing shows that it runs, but the process itself
    refused = as_nobody(project, "stop")
    assert refused.returncode == 78
    assert f"feedd runs here as user {root}" in refused.stderr
    hidden.rename(run)


def test_a_start_in_another_users_project_is_refused_on_one_line(project: Project) -> None:
    for command in (["start"], ["add", "ETH/USDT"], ["render"]):
        refused = as_nobody(project, *command)
        assert refused.returncode == 78
        assert refused.stderr.count("\n") == 1
        assert "Permission denied" in refused.stderr
    assert not (project.root / "run").exists()


def test_a_set_up_in_another_users_folder_is_refused_on_one_line(project: Project) -> None:
    done = subprocess.run(
        [PYTHON, REPOSITORY / "scripts/setup.py", "requirements.lock", ".venv/.feedd"],
        cwd=project.root, capture_output=True, text=True, timeout=60, check=False, user=NOBODY,
        group=NOBODY, extra_groups=[], env=clean_environment(),
    )  # fmt: skip
    assert done.returncode == 1
    assert "Permission denied" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_log_folder_that_cannot_be_written_is_named(project: Project) -> None:
    os.chown(project.root, NOBODY, NOBODY)
    (project.root / "logs").mkdir()
    refused = as_nobody(project, "start")
    assert refused.returncode == 78
    assert refused.stderr.count("\n") == 1
    assert "logs" in refused.stderr
    (project.root / "logs").chmod(0o777)
    (project.root / "logs" / "proxy.stderr").touch(0o600)
    refused = as_nobody(project, "start")
    assert refused.returncode == 78
    assert "logs/proxy.stderr can't be written" in refused.stderr
