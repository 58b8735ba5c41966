"""Life cycle of a process: its loop, its signals, its exit code for supervisord."""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
import uvloop

from feedd.errors import ConfigError, FinalError
from feedd.runtime.logs import libraries as library_logs
from feedd.runtime.logs import stderr
from feedd.runtime.logs.setup import configure

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

SUPERVISED = "SUPERVISOR_ENABLED"  # supervisord sets it for its children
ATTACHED = "FEEDD_DIE_WITH_PARENT"  # pid of a parent that the process must not outlive
DAEMON_PID_FILE = "FEEDD_DAEMON_PID_FILE"  # supervisord's pid file, from its folder
START_SECS = 1.0  # `startsecs` of the rendered programs
PR_SET_PDEATHSIG = 1  # linux/prctl.h
PARENT_CHECK_S = 1.0
RESTART = 75  # EX_TEMPFAIL of sysexits.h: unexpected to supervisord, which restarts the process

_log = structlog.get_logger()


def run(
    main: Callable[[asyncio.Event], Coroutine[Any, Any, None]], name: str, log_dir: Path | None
) -> int:
    """Run `main` until it returns, or until SIGTERM, SIGINT or SIGHUP sets its event.

    Returns the exit code; after SIGHUP, the one that makes supervisord restart the process. A
    FinalError is one line in the log and on standard error, and sets its own code; any other
    exception is a fault in feedd: it is logged and raised again.
    """
    started_s = time.monotonic()
    if SUPERVISED in os.environ:
        stderr.set_nonblocking()
    sys.excepthook = stderr.report_exception
    try:
        configure(log_dir, name)
    except OSError as error:
        stderr.write_line(f"{name}: can't write its log: {error}")
        _outlive_start_secs(started_s)
        return ConfigError.exit_code
    library_logs.capture()
    try:
        if _is_attached():
            _die_with_parent()
        return uvloop.run(_until_signal(main))
    except FinalError as error:
        _log.error(str(error), exit_code=error.exit_code)
        stderr.write_line(f"{name}: {error}")
        _outlive_start_secs(started_s)
        return error.exit_code
    except Exception:
        _log.exception("a fault in feedd")
        raise


def worker_arguments(description: str | None) -> argparse.ArgumentParser:
    """Return the parser of the arguments that supervisord passes to every worker."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--config", help="default: FEEDD_CONFIG, else config/feedd.yaml")
    parser.add_argument(
        "--applied", action="store_true", help="use the applied copy of the configuration"
    )
    parser.add_argument("--log-dir", type=Path, help="default: standard error")
    return parser


def raise_open_files() -> None:
    """Raise the limit on open files and connections to the system's maximum."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def usage_meter() -> Callable[[], tuple[float, float]]:
    """Return a function of the CPU in percent since its last call, and the resident memory in MB.

    On Linux it reads proc_pid_statm(5): psutil would cost each worker a MB.
    """
    resident_bytes = _resident_bytes()
    cpu_s, at_s = time.process_time(), time.monotonic()

    def usage() -> tuple[float, float]:
        nonlocal cpu_s, at_s
        before_cpu_s, before_s = cpu_s, at_s
        cpu_s, at_s = time.process_time(), time.monotonic()
        percent = 100 * (cpu_s - before_cpu_s) / max(at_s - before_s, 1e-3)
        return round(percent, 1), round(resident_bytes() / 1e6, 1)

    return usage


def _resident_bytes() -> Callable[[], int]:
    statm = Path("/proc/self/statm")
    if statm.exists():
        page_bytes = os.sysconf("SC_PAGE_SIZE")
        return lambda: int(statm.read_bytes().split()[1]) * page_bytes
    import psutil  # noqa: PLC0415  elsewhere, e.g. macOS

    process = psutil.Process()
    return lambda: int(process.memory_info().rss)


async def _until_signal(main: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> int:
    stop = asyncio.Event()
    code = 0

    def restart() -> None:
        nonlocal code
        code = RESTART
        stop.set()

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_log_loop_error)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, restart)
    parent = asyncio.ensure_future(_watch_parent(stop)) if _is_attached() else None
    try:
        await main(stop)
    finally:
        if parent is not None:
            parent.cancel()
    return code


def _is_attached() -> bool:
    """Whether this process must not outlive its parent."""
    return SUPERVISED in os.environ or ATTACHED in os.environ


async def _watch_parent(stop: asyncio.Event) -> None:
    """Stop when the parent has ended: for systems without prctl, and if its signal was lost."""
    parent = os.getppid()
    while os.getppid() == parent:  # noqa: ASYNC110  there is no event for it
        await asyncio.sleep(PARENT_CHECK_S)
    _log.warning("the parent has ended; stopping", parent=parent)
    stop.set()


def _log_loop_error(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log an error that a library left unhandled on the loop."""
    error = context.get("exception")
    _log.warning("unhandled on the loop", message=context.get("message"), error=repr(error))


def _die_with_parent() -> None:
    """Ask the kernel for SIGTERM when the parent dies: an orphan would hold its port.

    See prctl(2), PR_SET_PDEATHSIG. The kernel sends nothing for a parent that is dead already: so
    the parent is compared with supervisord's pid file, or with the pid in ATTACHED. On systems
    without this call (macOS), orphans stay possible.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    attached = os.environ.get(ATTACHED, "")
    if attached.isdecimal() and SUPERVISED not in os.environ:
        if os.getppid() != int(attached):
            raise FinalError(f"the parent (pid {attached}) has ended; stopping with it")
        return
    try:
        daemon = int(Path(os.environ.get(DAEMON_PID_FILE, "")).read_text())
    except (OSError, ValueError):
        return
    if os.getppid() != daemon:
        raise FinalError(f"supervisord (pid {daemon}) has ended; stopping with it")


def _outlive_start_secs(started_s: float) -> None:
    """Wait until supervisord counts this process as started.

    supervisord retries an exit before `startsecs` whatever its code; after that, the codes in
    `exitcodes` are final (http://supervisord.org/subprocess.html).
    """
    if SUPERVISED in os.environ:
        time.sleep(max(0.0, START_SECS + 0.3 - (time.monotonic() - started_s)))
