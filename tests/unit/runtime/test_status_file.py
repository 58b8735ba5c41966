"""Status files of processes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from msgspec import Struct

from feedd.errors import ConfigError
from feedd.runtime.status_file import MAX_BYTES, read_status, write_status


class Said(Struct, frozen=True):
    """A status."""

    pid: int
    why: str = ""
    added: int | None = None


class SaidBefore(Struct, frozen=True):
    """A status of an earlier version."""

    pid: int


def test_a_status_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "recorder.json"
    assert read_status(path, Said) is None
    for one in (Said(7, "x" * 100), Said(8)):
        write_status(one, path)
        assert read_status(path, Said) == one


def test_a_folder_that_was_renamed_is_not_made_again(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be written: No such file"):
        write_status(Said(7), tmp_path / "run" / "recorder.json")
    assert list(tmp_path.iterdir()) == []


def test_a_status_of_another_version_is_read(tmp_path: Path) -> None:
    path = tmp_path / "recorder.json"
    write_status(SaidBefore(7), path)
    assert read_status(path, Said) == Said(7)
    write_status(Said(7, "why", 5), path)
    assert read_status(path, SaidBefore) == SaidBefore(7)


def test_on_a_full_disk_a_status_overwrites_the_last_one(tmp_path: Path) -> None:
    path = tmp_path / "recorder.json"
    write_status(Said(7, "x" * 100), path)
    before = path.stat()
    (tmp_path / f"recorder.json.{os.getpid()}").mkdir()  # a draft can't be written there
    write_status(Said(7), path)
    assert read_status(path, Said) == Said(7)
    assert (path.stat().st_ino, path.stat().st_size) == (before.st_ino, before.st_size)
    with pytest.raises(ConfigError, match="can't be written"):
        write_status(Said(7, "x" * MAX_BYTES), path)
    assert read_status(path, Said) == Said(7)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"pid": "x"}', b"\xff\xfe", b'{"pid":1,"why":"' + b"x" * 10_000 + b'"}'],
)
def test_a_damaged_file_is_no_status(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "recorder.json"
    path.write_bytes(content)
    assert read_status(path, Said) is None
    path.unlink()
    path.mkdir()
    assert read_status(path, Said) is None
