"""The table of commands, and how a command line is parsed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from conftest import PYTHON, clean_environment, skip_outside_ci

import feedd
from feedd.cli.command import Command
from feedd.cli.commands import COMMANDS
from feedd.cli.main import parse

NOT_COMMANDS = {"__init__", "arguments", "command", "commands", "main", "monitor", "output"}
HEAVY = ("zmq", "ccxt", "yaml", "msgspec", "psutil", "supervisor", "shtab", "structlog", "textual",
         "rich")  # fmt: skip


def feedd_in(folder: Path, *arguments: str, **environment: str) -> Any:
    return subprocess.run(
        [PYTHON, "-m", "feedd", *arguments], cwd=folder, capture_output=True, text=True, timeout=60,
        check=False, env={**clean_environment(), **environment},
    )  # fmt: skip


def test_every_module_of_a_command_is_in_the_table_once() -> None:
    folder = Path(feedd.__file__).parent / "cli"
    modules = {path.stem for path in folder.glob("*.py")} - NOT_COMMANDS
    assert sorted(row.module for row in COMMANDS) == sorted(modules)


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.name)
def test_every_command_is_defined_and_helps(row: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert isinstance(import_module(f"feedd.cli.{row.module}").COMMAND, Command)
    with pytest.raises(SystemExit) as ended:
        parse([row.name, "--help"])
    assert ended.value.code == 0
    assert f"usage: feedd {row.name}" in capsys.readouterr().out


@pytest.mark.process
def test_the_version_is_the_packages(tmp_path: Path) -> None:
    shown = feedd_in(tmp_path, "--version")
    assert shown.stdout == f"feedd {feedd.__version__}\n"
    assert shown.returncode == 0


@pytest.mark.process
@pytest.mark.parametrize("words", [["help", "start"], ["start", "--help"]])
def test_the_help_of_a_command_is_printed_both_ways(tmp_path: Path, words: list[str]) -> None:
    shown = feedd_in(tmp_path, *words, PYTHONIOENCODING="ascii")
    assert shown.returncode == 0
    assert "usage: feedd start" in shown.stdout


@pytest.mark.process
def test_help_alone_lists_the_commands(tmp_path: Path) -> None:
    shown = feedd_in(tmp_path, "help")
    assert shown.stdout == feedd_in(tmp_path, "--help").stdout
    assert shown.returncode == 0


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.name)
def test_every_command_takes_the_configuration_before_and_after_it(
    row: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = {
        "init": ["d"], "add": ["BTC/USDT"], "remove": ["BTC/USDT"], "replay": ["r"],
        "inspect": ["r"], "export": ["r", "--format", "csv", "--out", "o"],
        "import": ["r", "--out", "o"], "audit": ["t", "r"], "conformance": ["c"],
        "config": ["check"], "completion": ["bash"], "help": ["start"], "record": ["--dir", "r"],
    }.get(row.name, [])  # fmt: skip
    wanted = str(tmp_path / "mine.yaml")
    for line in (
        ["--config", "mine.yaml", row.name, *words],
        [row.name, "--config=mine.yaml", *words],
        [row.name, "--config", wanted, *words],
        ["--config", "mine.yaml", row.name, "--config", wanted, *words],
    ):
        assert parse(line).config == wanted
    assert parse([row.name, *words]).config is None


@pytest.mark.parametrize(
    "words",
    [
        ["status", "--config", "a", "--config", "b"],
        ["--config", "a", "--config", "b", "status"],
        ["--config", "a", "status", "--config", "b"],
        ["status", "--endpoint", "tcp://a:1", "--endpoint", "tcp://b:1"],
        ["logs", "--lines", "1", "--lines", "2"],
    ],
)
def test_an_option_given_twice_with_different_values_is_refused(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(words)
    assert ended.value.code == 2
    assert "given twice, as " in capsys.readouterr().err


def test_an_option_given_twice_with_the_same_value_is_taken_once() -> None:
    assert parse(["logs", "--lines", "1", "--lines", "1"]).lines == 1


@pytest.mark.process
def test_help_imports_no_library(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom feedd.cli.main import main\nsys.argv = ['feedd', '--help']\n"
        "try:\n    main()\nfinally:\n"
        f"    print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [PYTHON, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False,
        env=clean_environment(),
    )  # fmt: skip
    assert "COMMAND" in done.stdout
    assert done.stderr == "[]\n"


@pytest.mark.process
def test_an_error_is_one_line_whatever_a_path_contains(tmp_path: Path) -> None:
    done = feedd_in(tmp_path, "inspect", "a\nb\x1b[2J\udce9")
    assert done.returncode == 78
    assert done.stderr.count("\n") == 1
    assert "a\\nb\\x1b[2J\\udce9: can't be read" in done.stderr


@pytest.mark.process
def test_a_working_folder_that_was_deleted_is_an_error_on_one_line(tmp_path: Path) -> None:
    script = 'cd "$1" && rmdir "$1" && exec "$2" -m feedd status'
    folder = tmp_path / "gone"
    folder.mkdir()
    done = subprocess.run(
        ["sh", "-c", script, "sh", str(folder), PYTHON], capture_output=True, text=True,
        timeout=60, check=False, env=clean_environment(),
    )  # fmt: skip
    assert done.returncode == 78
    assert done.stderr.startswith("feedd: the working folder is gone")
    assert done.stderr.count("\n") == 1


@pytest.mark.process
def test_an_unknown_command_is_rejected(tmp_path: Path) -> None:
    done = feedd_in(tmp_path, "strat")
    assert done.returncode == 2
    assert "invalid choice: 'strat'" in done.stderr


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["stattus"], "feedd: COMMAND: invalid choice: 'stattus'; is it status?"),
        (["add"], "feedd add: SYMBOL is missing"),
        (["add", "A/B", "--port", "abc"], "--port: 'abc' is not a port: ports are from 1 to 65535"),
        (["add", "A/B", "--port", "99999"], "--port: '99999' is not a port"),
        (["add", "A/B", "--port", "-5"], "--port: '-5' is not a port"),
        (["status", "--jsn"], "feedd status: unknown argument --jsn; is it --json?"),
        (["tail", "--endpoint"], "--endpoint: its value is missing"),
        (["export", "r", "--format", "cvs", "--out", "o"], "invalid choice: 'cvs'; is it csv?"),
        (["export", "r", "--format", "xls", "--out", "o"], "there is parquet, csv, jsonl"),
        (["conformance", "--seed", "x", "c"], "--seed: 'x' is no whole number"),
        (["config", "chekc"], "is it check?"),
        (["replay", "r", "--pace", "-1"], "--pace: '-1' is not a pace: 1 is the original"),
        (["logs", "--lines", "-1"], "--lines: '-1' is not a number of lines; 0 is the least"),
    ],
)
def test_a_wrong_argument_is_one_line_with_the_nearest_right_one(
    words: list[str], error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(words)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert error in said
    assert said.count("\n") == 1
    assert "--help shows the arguments" in said


@pytest.mark.process
def test_a_command_that_needs_a_project_names_what_is_missing(tmp_path: Path) -> None:
    done = feedd_in(tmp_path, "status")
    assert done.returncode == 78
    assert "supervisord.conf" in done.stderr


def test_a_relative_configuration_is_found_from_the_folder_it_was_given_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse(["--config", "mine.yaml", "status"]).config == str(tmp_path / "mine.yaml")


@pytest.mark.process
@pytest.mark.parametrize(
    ("shell", "files"),
    [
        ("bash", ["config_COMPGEN=_shtab_compgen_files", "_pos_0_COMPGEN=_shtab_compgen_files"]),
        ("zsh", ["feedd.yaml]:FILE:_files", ":recordings\\: files, or folders of them:_files"]),
    ],
)
def test_the_completion_script_is_valid_and_completes_commands_and_files(
    tmp_path: Path, shell: str, files: list[str]
) -> None:
    done = feedd_in(tmp_path, "completion", shell)
    assert done.returncode == 0, done.stderr
    for word in ("start", "replay", "--pace", "--config", *files):
        assert word in done.stdout
    if shutil.which(shell):
        script = tmp_path / "script"
        script.write_text(done.stdout)
        subprocess.run([shell, "-n", str(script)], check=True)


@pytest.mark.process
def test_bash_completes_a_command(tmp_path: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        skip_outside_ci("there is no bash to complete a command")
    script = tmp_path / "script"
    script.write_text(feedd_in(tmp_path, "completion", "bash").stdout)
    asked = (
        f"source {script}\nCOMP_WORDS=(feedd rep)\nCOMP_CWORD=1\n_shtab_feedd\n"
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run([bash, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["replay"]


@pytest.mark.process
def test_without_shtab_completion_names_the_package(tmp_path: Path) -> None:
    (tmp_path / "shtab.py").write_text("raise ImportError")
    path = os.pathsep.join([str(tmp_path), *sys.path])
    done = feedd_in(tmp_path, "completion", "bash", PYTHONPATH=path)
    assert done.returncode == 78
    assert "pip install 'feedd[server]'" in done.stderr
