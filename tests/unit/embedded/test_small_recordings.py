"""The small raw recordings in tests/recordings, and the script that makes them."""

from __future__ import annotations

import gzip
import subprocess
from pathlib import Path

import pytest
from conftest import PYTHON, REPOSITORY
from raw_recordings import SMALL


def content(path: Path) -> bytes:
    """Return a file's content; zlib's releases compress differently."""
    read = path.read_bytes()
    return gzip.decompress(read) if path.suffix == ".gz" else read


@pytest.mark.process
def test_the_script_writes_the_committed_recordings(tmp_path: Path) -> None:
    """Simulated time and a fixed seed: the files are the same on every machine."""
    script = SMALL / "make.py"
    subprocess.run([PYTHON, str(script), str(tmp_path)], cwd=REPOSITORY, check=True)
    committed = {path.name for path in SMALL.iterdir() if path.suffix in {".gz", ".txt"}}
    assert {path.name for path in tmp_path.iterdir()} == committed
    for name in committed:
        assert content(tmp_path / name) == content(SMALL / name), f"{name}: run {script}"


def test_the_committed_recordings_are_small() -> None:
    assert sum(path.stat().st_size for path in SMALL.iterdir() if path.is_file()) < 400_000
