"""Shared by all tests: recordings, free ports, and projects under supervisord."""

from __future__ import annotations

import _posixsubprocess
import atexit
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

import msgpack
import psutil
import pytest
import yaml
import zmq
from hypothesis import HealthCheck, settings
from raw_recordings import HOLDS_BTCUSDT, HOLDS_FOUR_SYMBOLS, SMALL, answers_beside

from feedd.supervision.daemon import Daemon

REPOSITORY = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("FEEDD_DATA", REPOSITORY.parent / "shared" / "data"))
PYTHON = sys.executable
NAME_CHARACTERS = 12  # of a test, in the names of its folders
BLOCK = 16  # ports that are given away together
RESERVED_AT_MOST = 40  # blocks of one process, of 750; no test takes as many
# Fixtures that start processes; a test that uses one is marked `process`.
PROCESS_FIXTURES = {"make_project", "make_pipeline", "whole_recording", "imported"}
# What subprocess, asyncio and multiprocessing start a process with.
STARTS_PROCESSES = {
    os: ("fork", "forkpty", "posix_spawn", "posix_spawnp", "system"),
    subprocess: ("_fork_exec",),
    _posixsubprocess: ("fork_exec",),
}
# Names of folders and files with characters that shells, make, YAML and supervisord read otherwise.
HARD_NAMES = (
    "a space", "it's", 'quo"te', "ünï", "a,b", "a;b", "dollar$x", "percent%(x)s", "%d", "%",
    "%%", "#hash", "back\\slash", "trailing\\", "a\ttab", "-dash", "--config", " leading",
    "trailing ", "{brace}", "`tick`", "$(", "equals=1", "a&b", "a|b", "(a)", "<a>", "!a", "~",
    "a]", "@a", "\u2028line", "a\x0bb", "a\x85b", "\x1besc", "😀", "\u202ertl",
)  # fmt: skip
FIRST_PORT, LAST_PORT = 20_000, 32_000  # below those that outgoing connections take

# The same code has the same outcome on every machine, however slow it is.
# `pytest --hypothesis-profile=explore` tries other examples each time.
settings.register_profile(
    "same", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("explore", settings.get_profile("same"), derandomize=False)
settings.load_profile("same")

# A process started in the background ignores Ctrl-C, and so would every process the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_reserved: deque[socket.socket] = deque()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as `process` every test that uses a fixture that starts processes."""
    for item in items:
        if PROCESS_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.process)


@contextmanager
def _no_process_without_marker(item: pytest.Item) -> Iterator[None]:
    if item.get_closest_marker("process"):
        yield
        return

    def refuse(*arguments: Any, **_options: Any) -> None:
        command = arguments[0] if arguments else "a fork"
        pytest.fail(f"a test that starts a process is marked @pytest.mark.process: {command}")

    with pytest.MonkeyPatch.context() as patch:
        for module, names in STARTS_PROCESSES.items():
            for name in names:
                patch.setattr(module, name, refuse)
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, Any, Any]:
    """Fail a test whose fixture starts a process without the marker."""
    with _no_process_without_marker(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Fail a test that starts a process without the marker."""
    with _no_process_without_marker(item):
        return (yield)


def skip_outside_ci(reason: str) -> NoReturn:
    """Skip a test for what this machine lacks; fail in CI, which has it."""
    if os.environ.get("CI"):
        pytest.fail(f"CI has what this test takes, but: {reason}")
    pytest.skip(reason)


def real_recording(name: str) -> Path:
    """Return a recording of a real exchange; where it is missing, skip, and fail in CI."""
    path = DATA / name
    if not path.exists():
        skip_outside_ci(f"{path} is missing; set FEEDD_DATA to the folder of recordings")
    return path


def _recording(names: dict[str, str], size: str) -> Path:
    return SMALL / names[size] if size == "small" else real_recording(names[size])


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of the test's own with a short path: that of a socket has 99 bytes at most.

    pytest's has 30 characters of the test's name.
    """
    return tmp_path_factory.mktemp(re.sub(r"\W", "_", request.node.name)[:NAME_CHARACTERS])


@pytest.fixture(scope="session", params=["small", "real"])
def btcusdt(request: pytest.FixtureRequest) -> Path:
    """Return a recording of BTCUSDT: the embedded exchange's, and a real one where it is there."""
    return _recording(HOLDS_BTCUSDT, request.param)


@pytest.fixture(scope="session")
def real_btcusdt() -> Path:
    """Return the real recording of BTCUSDT, for a test that needs its size."""
    return _recording(HOLDS_BTCUSDT, "real")


@pytest.fixture(scope="session", params=["small", "real"])
def four_symbols(request: pytest.FixtureRequest) -> Path:
    """Return the frames of four symbols; their depth answers are in a file beside it."""
    path = _recording(HOLDS_FOUR_SYMBOLS, request.param)
    if request.param == "real":
        real_recording(answers_beside(path).name)
    return path


@atexit.register
def _give_back() -> None:
    while _reserved:
        _reserved.pop().close()


def free_ports(count: int) -> list[int]:
    """Return consecutive free ports that no other test on this machine gets at the same time.

    Until they are bound, another test could take them too. Therefore a block is reserved by binding
    the UDP port of its first number, which does not conflict with a TCP port. Each process keeps
    its newest reservations.
    """
    blocks = -(-count // BLOCK)
    while True:
        first = random.randrange(FIRST_PORT, LAST_PORT - blocks * BLOCK, BLOCK)
        reservations = [socket.socket(type=socket.SOCK_DGRAM) for _ in range(blocks)]
        sockets = [socket.socket() for _ in range(blocks * BLOCK)]
        try:
            for number, one in enumerate(reservations):
                one.bind(("127.0.0.1", first + number * BLOCK))
            for number, one in enumerate(sockets):
                one.bind(("127.0.0.1", first + number))
        except OSError:
            for one in reservations:
                one.close()
            continue
        finally:
            for one in sockets:
                one.close()
        _reserved.extend(reservations)
        while len(_reserved) > RESERVED_AT_MOST:
            _reserved.popleft().close()
        return list(range(first, first + count))


def eventually(condition: Callable[[], Any], timeout_s: float = 60.0, what: str = "") -> Any:
    """Return the first true value of a condition, or fail."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            pytest.fail(f"not within {timeout_s} s: {what or condition}")
        time.sleep(0.05)


class PlainSubscriber:
    """pyzmq and msgpack, nothing of feedd's: what a user writes in any language."""

    def __init__(self, endpoint: str, prefix: str = "") -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._socket.linger = 0
        self._socket.connect(endpoint)
        self._socket.subscribe(prefix)

    def receive(self, timeout_s: float = 30.0) -> tuple[str, dict[str, Any]] | None:
        if not self._socket.poll(int(timeout_s * 1000)):
            return None
        topic, payload = self._socket.recv_multipart()
        return topic.decode(), msgpack.unpackb(payload)

    def until(
        self, condition: Callable[[str, dict[str, Any]], Any], timeout_s: float = 45.0
    ) -> list[tuple[str, dict[str, Any]]]:
        """Return the messages up to the one for which the condition holds, or fail."""
        messages = []
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            message = self.receive(0.2)
            if message is not None:
                messages.append(message)
                if condition(*message):
                    return messages
        pytest.fail(f"not within {timeout_s} s; the last of {len(messages)}: {messages[-3:]}")

    def close(self) -> None:
        self._context.destroy()


class Project:
    """A folder with supervisord.conf, workers and a configuration, on free ports."""

    def __init__(self, root: Path, **settings: Any) -> None:
        self.root = root
        shutil.copy(REPOSITORY / "supervisord.conf", root)
        (root / "workers").symlink_to(REPOSITORY / "workers")
        (root / "config").mkdir()
        self.config_path = root / "config" / "feedd.yaml"
        exchange, proxy, self.base_port, *_ = free_ports(BLOCK)  # feeds' ports go up from there
        self.endpoint = f"tcp://127.0.0.1:{proxy}"
        self.settings: dict[str, Any] = {
            "symbols": ["BTC/USDT:USDT"],
            "channels": ["ticker", "quote", "trade"],
            "proxy": {"subscribers": self.endpoint, "history": "ipc://run/history.sock"},
            "base_port": self.base_port,
            "embedded_exchange": {"port": exchange},
            "gateway": False,  # but in tests of it: its port is one for all projects by default
        }
        self.configure(**settings)
        self.daemon = Daemon(root)
        self.subscribers: list[PlainSubscriber] = []

    def configure(self, **settings: Any) -> None:
        """Change settings; those of the embedded exchange are added to."""
        exchange = {**self.settings.get("embedded_exchange", {}),
                    **(settings.pop("embedded_exchange", None) or {})}  # fmt: skip
        self.settings.update(settings, embedded_exchange=exchange)
        self.config_path.write_text(yaml.safe_dump(self.settings))

    def run(self, *command: str, timeout_s: float = 150, **environment: str) -> Any:
        """Run a command in the folder; return the completed process."""
        return subprocess.run(
            command, cwd=self.root, capture_output=True, text=True, timeout=timeout_s, check=False,
            env={**clean_environment(), **environment},
        )  # fmt: skip

    def feedd(self, *arguments: str, **options: Any) -> Any:
        return self.run(PYTHON, "-m", "feedd", *arguments, **options)

    def supervisorctl(self, *arguments: str) -> Any:
        return self.run(PYTHON, "-m", "supervisor.supervisorctl", *arguments)

    def subscribe(self, prefix: str = "") -> PlainSubscriber:
        subscriber = PlainSubscriber(self.endpoint, prefix)
        self.subscribers.append(subscriber)
        return subscriber

    def pids(self) -> dict[str, int]:
        return {name: info["pid"] for name, info in self.daemon.processes().items()}

    def log(self, process: str) -> str:
        path = self.root / "logs" / f"{process}.log"
        return path.read_text() if path.exists() else ""

    def left_behind(self) -> list[psutil.Process]:
        """Return processes that work for this folder."""
        found = []
        for process in psutil.process_iter(["cmdline"]):
            words = process.info["cmdline"] or []
            if any(str(self.root) in word for word in words):
                found.append(process)
        return found

    def close(self) -> None:
        for subscriber in self.subscribers:
            subscriber.close()
        try:
            self.daemon.shutdown()
        finally:
            # A process that is about to exit is not left behind.
            _, left = psutil.wait_procs(self.left_behind(), timeout=5)
            for process in left:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        assert not left, f"left behind: {left}"


def clean_environment() -> dict[str, str]:
    """Return the environment without the variables that change feedd's behaviour."""
    unwanted = ("BINANCE_", "FEEDD_CONFIG", "ZMQ_FEED_HANDLER_URL", "SUPERVISOR_", "SSL_CERT_")
    return {
        k: v for k, v in os.environ.items()
        if not k.startswith(unwanted) and not k.upper().endswith("_PROXY")
    }  # fmt: skip


@pytest.fixture
def make_project(tmp_path: Path) -> Iterator[Callable[..., Project]]:
    count = 0
    with ExitStack() as made:  # the end of one that fails keeps no other from ending

        def make(**settings: Any) -> Project:
            nonlocal count
            root = tmp_path / f"p{count}"
            root.mkdir()
            count += 1
            project = Project(root, **settings)
            made.callback(project.close)
            return project

        yield make
