"""The demo: everything on the embedded exchange; nothing remains after it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from feedd.config.applied import FILE
from feedd.config.credentials import credential_names
from feedd.config.load import load_config
from feedd.errors import ConfigError
from feedd.health.market_notice import market_notice
from feedd.operation import show
from feedd.operation.demo_config import demo_config, moved_line
from feedd.operation.demo_faults import check_faults, play_faults
from feedd.operation.startup import start
from feedd.runtime.end_signals import END_SIGNALS
from feedd.runtime.files import write_atomically
from feedd.runtime.process import PR_SET_PDEATHSIG
from feedd.supervision.daemon import Daemon
from feedd.supervision.project import create_project, find_project_root
from feedd.supervision.render import INCLUDE
from feedd.transport.subscriber import Subscriber

if TYPE_CHECKING:
    import subprocess
    from types import FrameType

    from feedd.config.settings import Config

CONFIG = Path("config/demo.yaml")
NOTICE_EVERY = 20  # ticks: fewer than a screen has lines


def run_demo(config_path: Path | None, *, faults: bool = False) -> int:
    """Run the demo in this project, or in a temporary one if there is none.

    With `faults` it plays faults in turn instead of printing all ticks.

    A folder with a supervisord.conf but no config/demo.yaml, e.g. another program's, counts as a
    project only if a configuration is given.
    """
    for number in END_SIGNALS:  # SIGINT too: it is ignored in the background of a shell
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, _interrupt)
    root = find_project_root()
    if root is None or (config_path is None and not Path(root, CONFIG).is_file()):
        with tempfile.TemporaryDirectory(prefix="feedd-demo-") as name:
            root = Path(name, "project").resolve()
            create_project(root)
            os.chdir(root)
            try:
                return _run(config_path or CONFIG, root, faults=faults)
            finally:
                os.chdir("/")
    os.chdir(root)
    return _run(config_path or CONFIG, root, faults=faults)


def _run(config_path: Path, root: Path, *, faults: bool = False) -> int:
    """Start, print tickers or play faults until Ctrl-C, stop; return the exit code."""
    given = load_config(config_path)
    if faults:
        check_faults(given)
    daemon = Daemon(root)
    if daemon.pid is not None:
        raise ConfigError(f"feedd runs here already (pid {daemon.pid}); stop it first: feedd stop")
    start_path = demo_config(config_path, root)
    settings = load_config(start_path)
    _drop_keys(settings)
    notice = market_notice(settings)
    if notice is not None:
        _print(f"This is a demo with {notice}.")
    if (moved := moved_line(given, settings)) is not None:
        _print(moved)
    last = _LastConfiguration(root)
    try:
        child = start(start_path, root, _print, preexec=_end_with_parent)
        _print("Ctrl-C ends the demo.")
        if faults:
            play_faults(settings, daemon, lambda: _has_ended(child), _print)
        else:
            _print_ticks(settings.proxy.subscribers, child, notice)
    except KeyboardInterrupt:
        _print("\nstopping")
    finally:
        # A second Ctrl-C must not leave some processes running.
        for number in END_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        if start_path != config_path:
            start_path.unlink(missing_ok=True)
        if _is_ours(daemon):
            daemon.shutdown()
            last.restore()
            with contextlib.suppress(BrokenPipeError):
                _print("stopped; nothing was left behind")
    return 0


def _print_ticks(
    endpoint: str, supervisord: subprocess.Popen[bytes] | None, notice: str | None
) -> None:
    """Print tickers until interrupted, or until supervisord ends; the notice stays in sight."""
    number = 0
    with Subscriber(endpoint, ["ticker."]) as subscriber:
        while True:
            message = subscriber.receive(1.0)
            if message is not None:
                number += 1
                if notice is not None and number % NOTICE_EVERY == 1:
                    _print(f"({notice})")
                _print(show.tick_line(number, message[1]))
            elif _has_ended(supervisord):
                _print("the demo was stopped from elsewhere")
                return


def _drop_keys(settings: Config) -> None:
    """Drop keys of the environment and of .env: the embedded exchange needs no real ones."""
    for feed in settings.feeds():
        os.environ.update(dict.fromkeys(credential_names(feed.exchange), ""))


def _has_ended(supervisord: subprocess.Popen[bytes] | None) -> bool:
    return supervisord is not None and supervisord.poll() is not None


class _LastConfiguration:
    """The files of the configuration that ran here last: after a demo, a start continues with it.

    A demo that is killed leaves its own: then `feedd start` continues with that, and prints this.
    """

    def __init__(self, root: Path) -> None:
        self._before = {Path(root, file): _content(Path(root, file)) for file in (INCLUDE, FILE)}

    def restore(self) -> None:
        """Write the files as they were; remove those that were not there."""
        for path, content in self._before.items():
            if content is None:
                path.unlink(missing_ok=True)
            else:
                write_atomically(path, content)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _is_ours(daemon: Daemon) -> bool:
    """Whether the running supervisord is a child of this process."""
    pid = daemon.pid
    return pid is not None and psutil.Process(pid).ppid() == os.getpid()


def _print(text: str) -> None:
    print(text, flush=True)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _end_with_parent() -> None:
    """Have supervisord, and with it everything, end when the demo is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
