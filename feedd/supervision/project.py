"""The project folder: its root, its files, and the scripts that its programs run.

A checkout is a project. Elsewhere `feedd init` makes one from the copies of the same files that the
wheel carries; its programs run the wheel's own scripts.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from feedd.errors import ConfigError
from feedd.supervision.project_paths import check_root

CONF = "supervisord.conf"
CONFIG_DIR = "config"
WORKERS_DIR = "workers"
MONITORING = ("grafana", "prometheus")  # folders below CONFIG_DIR, of other programs
IGNORED = ("/run/", "/logs/", "/recordings/", ".env")  # by git: state, recordings, secrets


def find_project_root() -> Path | None:
    """Return the nearest folder, from here upwards, with a supervisord.conf, if there is one."""
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if Path(folder, CONF).is_file()), None)


def project_root() -> Path:
    """Return the nearest folder, from here upwards, with a supervisord.conf.

    Raises ConfigError if there is none.
    """
    root = find_project_root()
    if root is None:
        raise ConfigError(
            f"{Path.cwd()}: no {CONF} here or above; run feedd in its project folder, or make one: "
            "feedd init DIR"
        )
    return root


def create_project(folder: Path) -> None:
    """Write supervisord.conf, the example configurations and a .gitignore into a new folder.

    Rules for Prometheus and a dashboard for Grafana are among the configurations. The folder may
    exist if it is empty. Raises ConfigError otherwise, where it can't be written, and where
    supervisord can't use its path.
    """
    check_root(folder.resolve())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise ConfigError(f"{folder}: not empty; name a new or an empty folder")
        shipped = _shipped()
        shutil.copyfile(shipped / CONF, folder / CONF)
        Path(folder, CONFIG_DIR).mkdir()
        for path in sorted(Path(shipped, CONFIG_DIR).glob("*.yaml")):
            shutil.copyfile(path, folder / CONFIG_DIR / path.name)
        for name in MONITORING:
            shutil.copytree(shipped / CONFIG_DIR / name, folder / CONFIG_DIR / name)
        Path(folder, ".gitignore").write_text("\n".join((*IGNORED, "")))
    except OSError as error:
        raise ConfigError(f"{folder}: can't write a project here: {error.strerror}") from None


def worker_script(root: Path, name: str) -> str:
    """Return a worker's script, e.g. of "feed", as a program of this project names it.

    It is relative where the project has scripts of its own, as a checkout does.
    """
    relative = Path(WORKERS_DIR, f"{name}.py")
    if Path(root, relative).is_file():
        return str(relative)
    return str(_shipped() / relative)


def _shipped() -> Path:
    """Return the folder of the files above: in the wheel, or the checkout itself."""
    package = Path(__file__).resolve().parents[1]
    in_wheel = package / "_project"
    return in_wheel if in_wheel.is_dir() else package.parent
