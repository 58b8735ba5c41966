"""The file of a log: full disks, torn lines, rotation."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from feedd.runtime.logs.file import LogFile


class Disk:
    """A disk that takes a number of bytes and is then full."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, free: int) -> None:
        self.free = free
        self._write = os.write
        monkeypatch.setattr("feedd.runtime.logs.file.os.write", self.write)

    def write(self, file: int, data: bytes) -> int:
        if self.free <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = self._write(file, data[: self.free])
        self.free -= written
        return written


def numbered(path: Path) -> list[int]:
    return [int(line) for line in path.read_text().splitlines()]


def test_lines_are_in_the_file_as_soon_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "made" / "for it" / "x.log"
    file = LogFile(path)
    file.append(b"1\n")
    assert path.read_bytes() == b"1\n"
    LogFile(path).append(b"2\n")
    assert numbered(path) == [1, 2]


def test_a_line_that_does_not_fit_on_the_disk_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.log"
    file = LogFile(path)
    file.append(b"111\n")
    disk = Disk(monkeypatch, free=2)
    for _ in range(2):
        with pytest.raises(OSError, match="No space"):
            file.append(b"222\n")
    assert path.read_bytes() == b"111\n"
    disk.free = 100
    file.append(b"333\n")
    assert numbered(path) == [111, 333]


def test_where_a_torn_line_can_not_be_cut_off_the_next_begins_on_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    path = tmp_path / "x.log"
    file = LogFile(path)
    disk = Disk(monkeypatch, free=2)
    monkeypatch.setattr("feedd.runtime.logs.file.os.ftruncate", refuse)
    with pytest.raises(OSError, match="No space"):
        file.append(b"222\n")
    disk.free = 100
    file.append(b"333\n")
    file.append(b"444\n")
    assert path.read_bytes() == b"22\n333\n444\n"


def test_a_line_that_an_earlier_process_left_torn_is_not_continued(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_bytes(b"11")
    LogFile(path).append(b"22\n")
    assert path.read_bytes() == b"11\n22\n"


def test_a_full_disk_does_not_keep_a_log_from_starting_and_no_permission_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = OSError(errno.ENOSPC, "No space left on device")

    def failing(*_args: object, **_kw: object) -> int:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr("feedd.runtime.logs.file.os.open", failing)
        file = LogFile(tmp_path / "x.log")
        with pytest.raises(OSError, match="No space"):
            file.append(b"1\n")
        error = PermissionError(errno.EACCES, "Permission denied")
        with pytest.raises(PermissionError):
            LogFile(tmp_path / "x.log")
    file.append(b"2\n")
    assert numbered(tmp_path / "x.log") == [2]


def test_a_file_that_would_grow_too_long_is_rotated_and_the_oldest_backup_goes(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x.log"
    file = LogFile(path, max_bytes=8, backups=2)
    for number in range(10, 18):
        file.append(b"%d\n" % number)
    assert numbered(path) == [16, 17]
    assert numbered(tmp_path / "x.log.1") == [14, 15]
    assert numbered(tmp_path / "x.log.2") == [12, 13]
    assert len(list(tmp_path.iterdir())) == 3


def test_a_line_longer_than_the_file_limit_gets_its_own_file(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    file = LogFile(path, max_bytes=8)
    for line in (b"1\n", b"2222222222222\n", b"3\n"):
        file.append(line)
    assert numbered(path) == [3]
    assert numbered(tmp_path / "x.log.1") == [2222222222222]
    assert numbered(tmp_path / "x.log.2") == [1]


@pytest.mark.parametrize("away", [Path.unlink, lambda path: path.rename(f"{path}.old")])
def test_a_removed_or_moved_file_is_recreated(
    tmp_path: Path, away: Callable[[Path], object]
) -> None:
    path = tmp_path / "x.log"
    file = LogFile(path)
    file.append(b"1\n")
    away(path)
    file.append(b"2\n")
    assert numbered(path) == [2]


def test_a_file_that_can_not_be_rotated_does_not_grow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    path = tmp_path / "x.log"
    file = LogFile(path, max_bytes=4)
    file.append(b"10\n")
    monkeypatch.setattr(Path, "replace", refuse)
    for _ in range(3):
        with pytest.raises(PermissionError):
            file.append(b"20\n")
    assert numbered(path) == [10]
