"""The wheel: its contents, and a project folder that runs from it without a checkout."""

import re
import shutil
import subprocess
import sys
import urllib.request
import zipfile
from email.parser import Parser
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import REPOSITORY, clean_environment, free_ports, skip_outside_ci

import feedd

pytestmark = pytest.mark.process

PAGE = REPOSITORY / "feedd" / "gateway" / "page"
LIBRARY = "feedd/gateway/page/vendor/lightweight-charts.mjs"
NOTICES = "feedd/gateway/page/vendor/THIRD-PARTY.txt"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build with the installed backend: no index is needed."""
    if not (REPOSITORY / NOTICES).exists():
        skip_outside_ci("the page's chart library is missing: make chart-library")
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=REPOSITORY, check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    (built,) = folder.glob("*.whl")
    return built


def metadata(wheel: Path) -> Any:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return Parser().parsestr(archive.read(name).decode())


def test_a_subscriber_needs_three_packages(wheel: Path) -> None:
    required = metadata(wheel).get_all("Requires-Dist")
    always = {re.split(r"[<>=;\s]", line)[0] for line in required if "extra ==" not in line}
    assert always == {"msgspec", "pyzmq", "zstandard"}


def test_its_version_is_the_packages(wheel: Path) -> None:
    assert metadata(wheel)["Version"] == feedd.__version__


def test_it_has_the_files_of_the_checkout_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    tracked = [
        path
        for folder in ("feedd", "workers", "config")
        for path in Path(REPOSITORY, folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
    relative = {str(path.relative_to(REPOSITORY)) for path in tracked} | {"supervisord.conf"}
    assert names == {
        name if name.startswith("feedd/") else f"feedd/_project/{name}" for name in relative
    }


def test_the_licences_of_bundled_code_are_in_its_metadata(wheel: Path) -> None:
    assert metadata(wheel)["License-Expression"] == "MIT AND Apache-2.0"
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(f"licenses/{NOTICES}")]
        assert archive.read(name) == (REPOSITORY / NOTICES).read_bytes()


def test_without_the_chart_library_the_build_ends_with_one_line(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, tmp_path)
    shutil.copytree(REPOSITORY / "scripts/chart_library", tmp_path / "scripts/chart_library")
    (tmp_path / "feedd").mkdir()
    shutil.copy(REPOSITORY / "feedd/__init__.py", tmp_path / "feedd")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel"],
        cwd=tmp_path, check=False, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == f"{LIBRARY} is missing; fetch it first: make chart-library\n"
    assert not list(tmp_path.glob("dist/*.whl"))


def test_a_project_made_by_init_runs_from_the_wheel_alone(wheel: Path, tmp_path: Path) -> None:
    installed, project = tmp_path / "installed", tmp_path / "project"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)

    def run(*words: str, cwd: Path = project) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *words], cwd=cwd, check=False, text=True, timeout=150,
            capture_output=True, env={**clean_environment(), "PYTHONPATH": str(installed)},
        )  # fmt: skip

    made = run("feedd", "init", str(project), cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    exchange, subscribers, gateway, base, *_ = free_ports(9)
    config = project / "config" / "feedd.yaml"
    config.write_text(yaml.safe_dump({
        "symbols": ["BTC/USDT"], "base_port": base, "embedded_exchange": {"port": exchange},
        "proxy": {"subscribers": f"tcp://127.0.0.1:{subscribers}",
                  "history": "ipc://run/history.sock"},
        "gateway": {"port": gateway},
    }))  # fmt: skip
    started = run("feedd", "start")
    try:
        assert started.returncode == 0, started.stderr
        rendered = Path(project, "run/supervisor.d/feedd.conf").read_text()
        scripts = re.findall(r"\S+/workers/\w+\.py", rendered)
        assert scripts
        assert {Path(script).parent for script in scripts} == {
            installed / "feedd" / "_project" / "workers"
        }
        assert run("supervisor.supervisorctl", "status").stdout.count("RUNNING") == 5
        assert run("feedd", "status").returncode == 0
        served = [path for path in PAGE.rglob("*") if path.is_file()]
        served.remove(PAGE / "package.json")  # for Node, which runs the modules' tests
        for path in served:
            url = f"http://127.0.0.1:{gateway}/page/{path.relative_to(PAGE)}"
            with urllib.request.urlopen(url, timeout=20) as answer:
                assert answer.read() == path.read_bytes(), url
                if path.suffix in {".js", ".mjs"}:  # browsers run no module of another type
                    assert answer.headers.get_content_subtype() == "javascript", url
        with urllib.request.urlopen(f"http://127.0.0.1:{gateway}/", timeout=20) as answer:
            assert answer.read() == (PAGE / "index.html").read_bytes()
    finally:
        stopped = run("feedd", "stop")
    assert stopped.returncode == 0, stopped.stderr
    assert not Path(project, "run/supervisord.pid").exists()
