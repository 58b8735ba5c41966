"""Projects, configurations and make variables with any character that a path can contain."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from importlib import util
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from conftest import HARD_NAMES, PYTHON, REPOSITORY, Project, clean_environment, eventually

from feedd.cli.top import CLEAR_SCREEN

pytestmark = pytest.mark.process

FEED = "feed-binanceusdm-BTC-USDT-USDT"
# Every character that has a meaning to a shell, make, YAML, supervisord, shlex or a format string.
ALL = "it's\"ü,b;c ;d #$x%(x)s %d%%\\{e}`f`=-\tt~&|<>!()@ "


@pytest.fixture
def project() -> Iterator[Project]:
    # The path of a socket has 107 bytes at most, and tmp_path takes most of them.
    with TemporaryDirectory() as short:
        root = Path(short, ALL)
        root.mkdir()
        made = Project(
            root, run_dir="ru n'$x", log_dir="lo g'$x%d", recorder={"dir": "re c'$x #%d"},
            embedded_exchange={"truth_log": "tr u'th $x #%.jsonl"},
        )  # fmt: skip
        yield made
        made.close()


def make(folder: Path, *arguments: str) -> Any:
    return subprocess.run(
        ["make", "--no-print-directory", *arguments], cwd=folder, capture_output=True, text=True,
        timeout=150, check=False, env=clean_environment(),
    )  # fmt: skip


def on_terminal(project: Project) -> None:
    """Run `feedd top --plain` on a terminal that is made narrower meanwhile."""
    terminal, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {**clean_environment(), "TERM": "xterm"}
    for name in ("COLUMNS", "LINES"):
        environment.pop(name, None)
    top = subprocess.Popen(
        [PYTHON, "-m", "feedd", "top", "--plain"],
        cwd=project.root, stdin=its, stdout=its, stderr=its, env=environment,
    )  # fmt: skip
    try:
        for lines, columns in ((24, 80), (12, 40)):
            fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
            written = b""
            while written.count(CLEAR_SCREEN.encode()) < 3:
                written += os.read(terminal, 65536)
            # The first two may have been begun before, and the last is not whole.
            for frame in written.decode().split(CLEAR_SCREEN)[2:-1]:
                rows = re.sub(r"\x1b\[\d+m", "", frame).splitlines()
                assert len(rows) <= lines
                assert max(map(len, rows)) <= columns
                assert "feedd is" in frame
    finally:
        top.send_signal(signal.SIGINT)
        top.wait()
        os.close(terminal)
        os.close(its)


def test_a_project_with_every_character_in_its_paths_starts_reports_and_stops(
    project: Project,
) -> None:
    config = project.root / "my $x 'co#nf.yaml"
    shutil.move(project.config_path, config)
    started = project.feedd("--config", config.name, "start")
    assert started.returncode == 0, started.stdout + started.stderr
    assert "all is healthy" in started.stdout
    shown = project.feedd("status")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    ascii_only = project.feedd("status", PYTHONIOENCODING="ascii", COLUMNS="60")
    assert ascii_only.returncode == 0, ascii_only.stderr
    assert "P99 us" in ascii_only.stdout
    assert max(map(len, ascii_only.stdout.splitlines())) <= 60
    closed = project.run("sh", "-c", f"{shlex.quote(PYTHON)} -m feedd status >&- 2>&-")
    assert closed.returncode == 0
    on_terminal(project)
    listed = project.supervisorctl("status")
    assert f"{FEED} " in listed.stdout
    restarted = project.supervisorctl("restart", FEED)
    assert restarted.stdout == f"{FEED}: stopped\n{FEED}: started\n"
    logged = project.feedd("logs", "--no-follow", "--lines", "200")
    assert "state=live" in logged.stdout
    eventually(lambda: "live" in project.feedd("status").stdout)
    stopped = project.feedd("stop")
    assert stopped.returncode == 0, stopped.stderr
    assert (project.root / "lo g'$x%d" / f"{FEED}.log").is_file()
    assert (project.root / "tr u'th $x #%.jsonl").is_file()
    assert list((project.root / "re c'$x #%d").rglob("*.feedd"))
    assert not (project.root / "recordings").exists()


def test_a_project_that_is_renamed_while_it_runs_reports_it_and_stops(project: Project) -> None:
    assert project.feedd("start").returncode == 0
    before, project.root = project.root, project.root.with_name("new name")
    before.rename(project.root)
    try:
        shown = project.feedd("status", "--wide")
        assert shown.returncode == 0
        assert f"this folder was {before}" in shown.stdout.replace("\\t", "\t")
        for command in (["start"], ["restart"], ["add", "ETH/USDT"]):
            refused = project.feedd(*command)
            assert refused.returncode == 1, refused.stdout
            assert "run feedd stop, then feedd start" in refused.stderr
            assert refused.stderr.count("\n") == 1
        stopped = project.feedd("stop")
        assert (stopped.returncode, stopped.stdout) == (0, "stopped\n")
        again = project.feedd("start")
        assert again.returncode == 0, again.stderr
        shutil.rmtree(project.root / "run")  # its socket and its pid file
        down = project.feedd("status")
        assert down.returncode == 2
        assert "run/supervisor.sock is gone" in " ".join(down.stdout.split())
        assert project.feedd("stop").stdout == "stopped\n"
        assert project.feedd("stop").stdout == "feedd is not running here\n"
    finally:
        project.daemon.root = project.root


def test_an_include_that_supervisord_does_not_read_is_reported(project: Project) -> None:
    conf = project.root / "supervisord.conf"
    conf.write_text(conf.read_text().replace("files=run/", "files=elsewhere/"))
    started = project.feedd("start")
    assert started.returncode == 1
    assert "read no program" in started.stderr
    assert project.daemon.pid is None


@pytest.fixture
def makefile(tmp_path: Path) -> Path:
    """Return a folder with the Makefile, whose `feedd` prints its arguments as JSON."""
    folder = tmp_path / ALL
    (folder / ".venv/bin").mkdir(parents=True)
    for name in ("requirements.lock", "scripts/setup.py", "pyproject.toml",
                 "scripts/chart_library/package-lock.json", ".venv/.feedd"):  # fmt: skip
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    shutil.copy(REPOSITORY / "Makefile", folder)
    command = folder / ".venv/bin/feedd"
    command.write_text(f"#!{PYTHON}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n")
    command.chmod(0o755)
    return folder


@pytest.mark.parametrize("name", [name for name in HARD_NAMES if name[0] != " "])  # make strips
def test_make_passes_a_configuration_on_as_it_is(makefile: Path, name: str) -> None:
    done = make(makefile, "status", f"CONFIG={name}")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [f"--config={name}", "status"]


def test_make_passes_symbols_on_as_they_are(makefile: Path) -> None:
    assert json.loads(make(makefile, "restart").stdout) == ["restart", "--"]
    both = make(makefile, "restart", "SYMBOL=BTC/USDT $WIF'/USDT").stdout
    assert json.loads(both) == ["restart", "--", "BTC/USDT", "$WIF'/USDT"]


def set_up() -> Any:
    spec = util.spec_from_file_location("set_up", REPOSITORY / "scripts/setup.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("kind", ["short", "long"])
def test_an_environments_scripts_work_under_any_name_and_after_a_rename(
    tmp_path: Path, kind: str
) -> None:
    environment = tmp_path / ALL / ".venv"
    (environment / "bin").mkdir(parents=True)
    packages = environment / f"lib/python3.{sys.version_info.minor}/site-packages"
    packages.mkdir(parents=True)
    (packages / "_feedd.pth").write_text(str(environment.parent))
    (environment / "pyvenv.cfg").write_text(f"home = {Path(sys.executable).resolve().parent}\n")
    (environment / "bin/python").symlink_to(Path(sys.executable).resolve())
    (environment.parent / "of_the_checkout.py").touch()
    first = f"#!{environment}/bin/python"
    if kind == "long":
        first = f"#!/bin/sh\n'''exec' \"{environment}/bin/python\" \"$0\" \"$@\"\n' '''"
    script = environment / "bin/feedd"
    script.write_text(
        f"{first}\nimport sys, of_the_checkout as f\nprint(ascii([f.__file__, *sys.argv[1:]]))\n"
    )
    script.chmod(0o755)
    (environment / "bin/activate").write_text("# for a shell\n")
    module = set_up()
    module.make_relocatable(environment)
    once = script.read_bytes()
    module.make_relocatable(environment)
    assert script.read_bytes() == once
    assert (environment / "bin/activate").read_text() == "# for a shell\n"
    moved = tmp_path / f"moved{ALL}"
    environment.parent.rename(moved)
    (tmp_path / "linked").symlink_to(moved / ".venv/bin/feedd")
    (tmp_path / ".venv").symlink_to(moved / ".venv")
    commands = (moved / ".venv/bin/feedd", tmp_path / "linked", tmp_path / ".venv/bin/feedd")
    for command in commands:
        done = subprocess.run(
            [command, "a b", "$c"], capture_output=True, text=True, check=True, cwd=tmp_path,
            env=clean_environment(),
        )  # fmt: skip
        assert done.stdout.strip() == ascii([str(moved / "of_the_checkout.py"), "a b", "$c"])


def test_the_set_up_refuses_a_folder_that_it_cannot_work_in(tmp_path: Path) -> None:
    for name, reason in (("a:b", "can't make an environment in a folder with :"),
                         ("a\nb", "contains a line break"), ("a[b]", "as a pattern")):  # fmt: skip
        folder = tmp_path / name
        folder.mkdir()
        done = subprocess.run(
            [PYTHON, REPOSITORY / "scripts/setup.py", "requirements.lock", ".venv/.feedd"],
            cwd=folder, capture_output=True, text=True, check=False, env=clean_environment(),
        )  # fmt: skip
        assert done.returncode == 1
        assert reason in done.stderr
        assert done.stderr.count("\n") == 1
        assert list(folder.iterdir()) == []


def test_the_set_up_shows_whole_package_names() -> None:
    name = set_up().package_name
    assert name("Collecting charset-normalizer<4,>=2 (from requests)\n") == "charset-normalizer"
    assert name("Collecting ccxt==4.5.90 (from -r requirements.lock (line 1))\n") == "ccxt"
    assert name("Processing ./x-1/flit_core-3.12.0-py3-none-any.whl\n") == "flit_core"
    assert name("  Downloading python-socks-2.tar.gz\n") == ""
