"""The client library imports only pyzmq, msgspec and zstandard."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Any other package fails to import, as in an environment without it.
ONLY_ALLOWED = """
import sys
allowed = {allowed!r}

class Refuse:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names and top not in allowed:
            raise ImportError(f"{{top}} is not a dependency of the client")

before = set(sys.modules)
sys.meta_path.insert(0, Refuse())
import feedd
{use}
loaded = {{name.partition(".")[0] for name in set(sys.modules) - before if "cython" not in name}}
print(*sorted(loaded - set(sys.stdlib_module_names)))
"""


def third_party(use: str, *allowed: str) -> set[str]:
    """Return the packages that a use of feedd loads; fail if it needs another one."""
    program = ONLY_ALLOWED.format(allowed={"feedd", *allowed}, use=use)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split()) - {"feedd"}


@pytest.mark.process
def test_subscribe_needs_pyzmq_and_msgspec() -> None:
    use = "feedd.subscribe('tcp://127.0.0.1:1', history=None).close()"
    assert third_party(use, "zmq", "msgspec") == {"zmq", "msgspec"}


@pytest.mark.process
def test_open_recording_needs_msgspec_and_zstandard() -> None:
    use = "feedd.open_recording, feedd.RecordedStream"
    assert third_party(use, "msgspec", "zstandard") == {"msgspec", "zstandard"}


@pytest.mark.process
def test_every_public_name_needs_these_three_packages() -> None:
    use = "[getattr(feedd, name) for name in feedd.__all__]"
    assert third_party(use, "zmq", "msgspec", "zstandard") == {"zmq", "msgspec", "zstandard"}
