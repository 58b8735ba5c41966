"""A run directory has one id for good; a copy of it has another."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from feedd.errors import ConfigError
from feedd.runtime.deployment import FILE, deployment_id, read_deployment


def test_the_id_is_made_once_and_stays_also_after_a_rename(tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert read_deployment(run) is None
    made = deployment_id(run)
    assert len(made) == 16
    assert deployment_id(run) == read_deployment(run) == made
    renamed = run.rename(tmp_path / "moved")
    assert deployment_id(renamed) == made


def test_a_copied_run_directory_is_another_deployment(tmp_path: Path) -> None:
    made = deployment_id(tmp_path / "run")
    shutil.copytree(tmp_path / "run", tmp_path / "copy")
    assert read_deployment(tmp_path / "copy") is None
    assert deployment_id(tmp_path / "copy") != made
    assert deployment_id(tmp_path / "run") == made


@pytest.mark.parametrize("text", ["", "abc", "abc def ghi", "\xff"])
def test_a_damaged_file_is_replaced(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text, encoding="latin-1")
    assert len(deployment_id(tmp_path)) == 16


def test_processes_that_start_together_get_one_id(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(deployment_id, [tmp_path] * 32))) == 1


def test_a_run_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(ConfigError, match="run: the folder can't be made"):
        deployment_id(tmp_path / "run")
