"""The client under test, as a process: its output is read, and no process is left."""

from __future__ import annotations

import psutil
import pytest
from conftest import PYTHON, eventually

from feedd.conformance import tested_client as module
from feedd.conformance.tested_client import ClientProcess

pytestmark = pytest.mark.process

PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("CHILD", child.pid, flush=True)
sys.stdin.read()
"""


def words_of(client: ClientProcess, count: int) -> list[tuple[str, ...]]:
    lines: list[tuple[str, ...]] = []

    def came() -> bool:
        lines.extend(line.words for line in client.lines())
        return len(lines) >= count

    eventually(came, 30)
    return lines


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_output_with_invalid_utf_8_is_still_read() -> None:
    says = r"import os; os.write(1, b'# \xff\xfe\nTICK \xe9 1\nDONE\n')"
    client = ClientProcess([PYTHON, "-c", says], "", "")
    try:
        assert words_of(client, 2) == [("TICK", "\ufffd", "1"), ("DONE",)]
    finally:
        client.close()


@pytest.mark.parametrize("ends", [True, False])
def test_processes_started_by_the_client_end_with_it(
    ends: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "END_S", 30.0 if ends else 0.2)
    code = PARENT if ends else PARENT + "import time; time.sleep(600)\n"
    client = ClientProcess([PYTHON, "-c", code], "", "")
    try:
        ((_, pid),) = words_of(client, 1)
    finally:
        client.close()
    eventually(lambda: gone(int(pid)), what="the end of the client's child")
    assert client.ended == (0 if ends else -9)
