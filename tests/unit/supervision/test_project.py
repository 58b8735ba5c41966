"""The project folder: how it is found, made, and which scripts its programs run."""

from pathlib import Path

import pytest

from feedd.errors import ConfigError
from feedd.supervision import project
from feedd.supervision.project import (
    create_project,
    find_project_root,
    project_root,
    worker_script,
)

REPOSITORY = Path(__file__).resolve().parents[3]


def test_the_root_is_the_nearest_folder_with_a_supervisord_conf(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = tmp_path / "config" / "deep"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert find_project_root() is None
    with pytest.raises(ConfigError, match=r"no supervisord\.conf here or above; .* feedd init DIR"):
        project_root()
    (tmp_path / "supervisord.conf").touch()
    assert find_project_root() == project_root() == tmp_path


def test_a_new_project_has_the_files_of_the_checkout(tmp_path: Path) -> None:
    create_project(tmp_path / "new" / "project")
    made = {
        str(path.relative_to(tmp_path / "new" / "project")): path.read_text()
        for path in tmp_path.rglob("*")
        if path.is_file()
    }
    ignored = made.pop(".gitignore").splitlines()
    assert {"/run/", "/logs/", "/recordings/", ".env"} <= set(ignored)
    config = REPOSITORY / "config"
    shipped = [REPOSITORY / "supervisord.conf", *config.glob("*.yaml")]
    for name in ("grafana", "prometheus"):
        shipped += [path for path in (config / name).rglob("*") if path.is_file()]
    assert {"config/grafana/feedd.json", "config/prometheus/feedd-rules.yml"} <= made.keys()
    assert made == {str(path.relative_to(REPOSITORY)): path.read_text() for path in shipped}


def test_a_project_is_made_in_an_empty_folder_and_not_among_other_files(tmp_path: Path) -> None:
    create_project(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ConfigError, match="not empty"):
        create_project(tmp_path)
    with pytest.raises(ConfigError, match=r"supervisord\.conf: can't write"):
        create_project(tmp_path / "supervisord.conf")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_project_without_scripts_of_its_own_runs_those_of_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert worker_script(tmp_path, "feed") == str(REPOSITORY / "workers" / "feed.py")
    assert worker_script(REPOSITORY, "feed") == "workers/feed.py"
    installed = tmp_path / "site-packages" / "feedd"
    (installed / "_project" / "workers").mkdir(parents=True)
    monkeypatch.setattr(project, "__file__", str(installed / "supervision" / "project.py"))
    assert worker_script(tmp_path, "feed") == str(installed / "_project" / "workers" / "feed.py")
