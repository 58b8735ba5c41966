"""supervisord reads every path as it is, or an error names what it can't read."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest
import yaml
from conftest import HARD_NAMES, REPOSITORY
from supervisor.options import ServerOptions

from feedd.config.load import load_config
from feedd.errors import ConfigError
from feedd.supervision import render
from feedd.supervision.project import create_project
from feedd.supervision.project_paths import check_root, command_text, log_file_text

FEED = "feed-binanceusdm-BTC-USDT-USDT"


def as_supervisord_reads(root: Path, monkeypatch: pytest.MonkeyPatch) -> ServerOptions:
    """Return the options of a real supervisord for a folder's supervisord.conf."""
    monkeypatch.setattr("sys.argv", ["supervisord"])
    options = ServerOptions()
    options.realize(["-n", "-c", str(root / "supervisord.conf")])
    return options


def render_into(root: Path, config: Path, **settings: str) -> None:
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(yaml.safe_dump({"symbols": ["BTC/USDT"], **settings}))
    loaded = load_config(config)
    render.write(loaded, config, root, {feed.name: 5555 for feed in loaded.feeds()})


@pytest.mark.parametrize("name", HARD_NAMES)
def test_supervisord_reads_every_path_of_a_folder_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    root = tmp_path / name
    create_project(root)
    config = root / name / "my.yaml"
    log_dir = f"{name}/logs"
    render_into(root, config, log_dir=log_dir)
    options = as_supervisord_reads(root, monkeypatch)
    assert options.serverurl == f"unix://{root}/run/supervisor.sock"
    (server,) = options.server_configs
    assert server["file"] == str(root / "run/supervisor.sock")
    assert options.directory == str(root)
    assert options.logfile == str(root / "logs/supervisord.log")
    assert options.childlogdir == str(root / "logs")
    programs = {group.name: group.process_configs[0] for group in options.process_group_configs}
    assert set(programs) == {"watchdog", "proxy", "gateway", FEED}
    assert programs[FEED].directory == str(root)
    assert programs[FEED].stdout_logfile == str(root / log_dir / f"{FEED}.stderr")
    assert programs["watchdog"].stderr_logfile == str(root / log_dir / "watchdog.stderr")
    words = shlex.split(programs[FEED].command)
    options = ["--config", str(config), "--applied", "--log-dir", str(root / log_dir)]
    assert words[2:] == [FEED, *options]
    assert render.rendered_from(root) == config


@pytest.mark.parametrize("name", HARD_NAMES)
def test_a_log_folder_elsewhere_is_read_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    root, log_dir = tmp_path / "project", tmp_path / name
    create_project(root)
    render_into(root, root / "config/feedd.yaml", log_dir=str(log_dir))
    (feed,) = (
        group.process_configs[0]
        for group in as_supervisord_reads(root, monkeypatch).process_group_configs
        if group.name == FEED
    )
    assert feed.stdout_logfile == str(log_dir / f"{FEED}.stderr")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("line\nbreak", r"line\\nbreak: the folder's path contains a line break; rename"),
        ("car\rriage", "contains a carriage return; rename the folder"),
        (os.fsdecode(b"caf\xe9"), r"caf\\udce9: the folder's path is not valid UTF-8; rename"),
        ("a[b]", r"reads the \[ in the folder's path as a pattern"),
        ("a*", r"reads the \* in the folder's path as a pattern"),
        ("why?", r"reads the \? in the folder's path as a pattern"),
        ("d" * 100, "longer than 99 bytes.*shorter path"),
        ("ü" * 50, "longer than 99 bytes.*shorter path"),
    ],
)
def test_a_folder_that_supervisord_cannot_run_in_is_refused_on_one_line(
    tmp_path: Path, name: str, reason: str
) -> None:
    with pytest.raises(ConfigError, match=reason) as refused:
        check_root(tmp_path / name)
    assert "\n" not in str(refused.value)
    with pytest.raises(ConfigError, match=reason):
        create_project(tmp_path / name)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("name", ["a ;b", "a #b", "a\t#b", "%(here)s", "a\nb"])
def test_a_log_folder_that_supervisord_cannot_read_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"log_dir.*choose another folder") as refused:
        log_file_text(tmp_path, tmp_path / "x" / name, "feed.stderr")
    assert "\n" not in str(refused.value)


def test_a_command_is_read_back_word_by_word() -> None:
    words = ["", "a b", "it's", 'quo"te', "$x", "#c", " ;d", "\\", "\t", "ünï", "{}", "`", "-", "~"]
    assert shlex.split(command_text(words)) == words


def test_the_shipped_configuration_names_the_folder_only_in_the_safe_form() -> None:
    lines = (REPOSITORY / "supervisord.conf").read_text().splitlines()
    assert not [line for line in lines if "%(here)s" in line and not line.startswith(";")]
