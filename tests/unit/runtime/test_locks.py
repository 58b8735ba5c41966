"""Locks between processes: one at a time, the holder named, gone with the holder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from feedd.errors import ConfigError
from feedd.runtime.locks import BusyError, command_lock, file_lock

HOLD = """
import sys
from pathlib import Path
from feedd.runtime.locks import command_lock
with command_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.process
def test_a_lock_that_is_held_names_the_holder_and_is_free_once_it_is_killed(
    tmp_path: Path,
) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(BusyError, match=rf"\(pid {holder.pid}\) has held .*command\.lock"):
            with command_lock(tmp_path, timeout_s=0.1):
                pytest.fail("two hold the lock")
        holder.kill()
    with command_lock(tmp_path, timeout_s=45):
        assert (tmp_path / "run" / "command.lock").read_text() == str(os.getpid())
    assert (tmp_path / "run" / "command.lock").read_text() == ""


def test_a_lock_is_free_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        with file_lock(tmp_path / "lock"):
            _ = 1 / 0
    with file_lock(tmp_path / "lock", timeout_s=0):
        pass


def test_a_lock_that_cannot_be_created_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    with pytest.raises(ConfigError, match="can't be opened"):
        with file_lock(tmp_path / "lock"):
            pytest.fail("a folder is no lock")
