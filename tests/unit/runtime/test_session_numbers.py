"""Session numbers grow, whatever happens to the clock and to their file."""

import errno
from pathlib import Path

import pytest

from feedd.errors import ConfigError
from feedd.runtime.files import next_session


def test_a_session_grows_even_when_the_clock_was_set_back(tmp_path: Path) -> None:
    path = tmp_path / "sessions" / "feed"
    first = next_session(path, 1000)
    second = next_session(path, 400)
    third = next_session(path, 5000)
    assert first < second < third == 5000


def test_a_torn_session_file_does_not_stop_a_worker(tmp_path: Path) -> None:
    path = tmp_path / "feed"
    path.write_text("12x")
    assert next_session(path, 7) == 7


def test_a_full_disk_stops_no_session_and_leaves_no_draft_and_a_lack_of_permission_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "feed"
    number = next_session(path, 1000)
    code = errno.ENOSPC

    def refuse(draft: Path, _data: bytes) -> int:
        draft.touch()
        raise OSError(code, "refused")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    assert next_session(path, 2000) == 2000
    assert path.read_text() == str(number)
    assert list(tmp_path.iterdir()) == [path]
    code = errno.EACCES
    with pytest.raises(ConfigError, match="refused"):
        next_session(path, 3000)
