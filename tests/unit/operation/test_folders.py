"""Folders and recordings of a configuration are checked without leaving anything behind."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import pytest

from feedd.config.load import load_config
from feedd.errors import ConfigError
from feedd.operation.folders import check_folders


def check(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.chdir(folder)
    path = Path("feedd.yaml")
    path.write_text(f"symbols: [BTC/USDT]\n{text}\n")
    check_folders(load_config(path), path)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("run_dir: /proc/feedd", "2: run_dir: /proc/feedd can't be made: No such file or"),
        ("log_dir: /sys/logs", "2: log_dir: /sys/logs can't be made:"),
        ("log_dir: feedd.yaml", "2: log_dir: feedd.yaml is not a folder"),
        ("run_dir: feedd.yaml/run", "2: run_dir: feedd.yaml/run can't be made: feedd.yaml is not"),
        ("recorder:\n  dir: /proc/x", "3: recorder.dir: /proc/x can't be made"),
        ("embedded_exchange: {truth_log: /proc/x/truth}",
         "2: embedded_exchange.truth_log: /proc/x can't be made"),
        ("embedded_exchange:\n  recording: none.txt",
         "3: embedded_exchange.recording: none.txt: no such file or folder"),
        ("embedded_exchange:\n  recording:\n    BTC/USDT:USDT: none.txt",
         "4: embedded_exchange.recording.BTC/USDT:USDT: none.txt: no such file or folder"),
        ("proxy:\n  workers: ipc:///proc/x/w.sock", "3: proxy.workers: /proc/x can't be made"),
        ("proxy: {history: ipc://" + "ü" * 60 + "}", f"2: proxy.history: {'ü' * 60} is longer"),
        ("log_dir: ~/logs", "2: log_dir: ~/logs: the ~ is not replaced; write the whole path"),
        ("recorder: {dir: ~me/x}", "2: recorder.dir: ~me/x: the ~ is not replaced"),
        ("replay:\n  recordings:\n    - none", "4: replay.recordings[0]: none: no such file or"),
    ],
)  # fmt: skip
def test_a_folder_or_file_that_can_not_be_used_is_named_with_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, error: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        check(tmp_path, monkeypatch, text)
    assert str(caught.value).startswith(f"feedd.yaml:{error}")


def test_a_check_makes_no_folder_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "logs").mkdir()
    check(tmp_path, monkeypatch, "run_dir: a/b/c\nrecorder: {dir: d/e}")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["feedd.yaml", "logs"]


@pytest.mark.skipif(os.geteuid() == 0, reason="no folder is read-only for the superuser")
def test_a_folder_of_somebody_else_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "logs").mkdir(mode=0o500)
    with pytest.raises(ConfigError, match="log_dir: logs can't be written: Permission denied"):
        check(tmp_path, monkeypatch, "")


def test_a_folder_of_another_user_is_named_with_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_options: str) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    (tmp_path / "run").mkdir()
    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(ConfigError, match="run can't be written: Permission denied: it belongs to"):
        check(tmp_path, monkeypatch, "run_dir: run")
