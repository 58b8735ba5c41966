"""Processes that a project's folder has started, whether or not its supervisord knows them."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psutil

from feedd.runtime.owners import foreign_owner
from feedd.supervision.project import CONF, WORKERS_DIR

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

STARTED_FROM = "FEEDD_STARTED_FROM"  # the folder of a script whose processes work elsewhere
SUPERVISORD, WORKER = "supervisord", "worker"
SCRIPTS_DIR = "scripts"
SCRIPTS = frozenset({"load_test_feed_handler.py", "run_feed_handler.sh"})
ONE_FEED = "feedd.operation.one_feed"  # what run_feed_handler.sh runs
LASTING = frozenset({"demo", "record", "replay", "conformance"})  # what a command leaves to run
MODULES = frozenset({"bench", "chaos"})
_DELETED = " (deleted)"  # after the name of a folder, proc_pid_cwd(5)


class Seen(NamedTuple):
    """A process of the machine; of another user's, `cwd` and `started_from` are unknown."""

    pid: int
    user: str
    words: tuple[str, ...]  # its command line
    cwd: str | None
    started_from: str | None = None


class Found(NamedTuple):
    """A process of the folder; `what` names it for a person."""

    pid: int
    user: str
    what: str

    @property
    def is_worker(self) -> bool:
        """Whether it is a worker: one that another process started."""
        return self.what.startswith(WORKER)


def running_processes() -> Iterator[Seen]:
    """Yield the machine's processes, but this one and those that it is a child of."""
    own = {os.getpid(), *(process.pid for process in psutil.Process().parents())}
    for process in psutil.process_iter():
        if process.pid in own:
            continue
        try:
            words = tuple(process.cmdline())
            user = process.username()
        except (psutil.Error, OSError):
            continue
        cwd: str | None = None
        started_from: str | None = None
        with contextlib.suppress(psutil.Error, OSError):
            cwd = process.cwd()
            started_from = process.environ().get(STARTED_FROM)
        if words:
            yield Seen(process.pid, user, words, cwd, started_from)


def of_folder(processes: Iterable[Seen], root: Path) -> list[Found]:
    """Return the processes that a folder has started."""
    found = []
    for process in processes:
        what = _what(process, root)
        if what is not None:
            found.append(Found(process.pid, process.user, what))
    return found


def pid_runs(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def supervisord_of(root: Path) -> Found | None:
    """Return the supervisord of a project, whether or not its socket is there."""
    found = of_folder(running_processes(), root)
    return next((one for one in found if one.what == SUPERVISORD), None)


def whose(root: Path) -> str:
    """Return a sentence on the user whose project this is, for a command that may not touch it."""
    daemon = supervisord_of(root)
    if daemon is not None and daemon.user != psutil.Process().username():
        return (
            f"feedd runs here as user {daemon.user} (pid {daemon.pid}); run the command as "
            f"{daemon.user}"
        )
    run = Path(root, "run")
    owner = foreign_owner(run)
    if owner is None:
        return f"{run}: permission denied"
    return f"{run} belongs to user {owner}; run the command as {owner}"


def _what(process: Seen, root: Path) -> str | None:
    program, rest = _program(process.words)
    if program is None:
        return None
    name = Path(program).name
    kind = None
    if name in {"supervisor.supervisord", SUPERVISORD}:
        kind = SUPERVISORD
    elif Path(program).parent.name == WORKERS_DIR and name.endswith(".py"):
        own = [word for word in rest[:1] if word[:1] != "-" and f"{word}.py" != name]
        kind = " ".join([f"{WORKER} {name.removesuffix('.py')}", *own])
    elif name == "feedd":
        command = next((word for word in rest if word in LASTING), None)
        kind = None if command is None else f"feedd {command}"
    elif name in SCRIPTS:
        path = os.path.normpath(os.path.join(process.cwd or "/", program))  # noqa: PTH118
        in_scripts = Path(path).parent == root / SCRIPTS_DIR
        return f"{SCRIPTS_DIR}/{name}" if in_scripts or _is_of(process, root) else None
    elif name in MODULES:
        kind = name
    elif name == ONE_FEED:
        kind = " ".join(["scripts/run_feed_handler.sh", *rest[:1]])
    return kind if kind is not None and _is_of(process, root) else None


def _is_of(process: Seen, root: Path) -> bool:
    """Whether a process works in this project, or for a script of this folder.

    Of another user's process only the command line is known; paths in it are absolute.
    """
    if process.started_from is not None:
        return process.started_from == str(root)
    if process.cwd is None:
        return any(Path(word).is_relative_to(root) for word in process.words if word[:1] == "/")
    cwd = Path(process.cwd.removesuffix(_DELETED))
    if not cwd.is_relative_to(root):
        return False
    between = (cwd, *cwd.parents)
    nearest = next((one for one in between if one == root or Path(one, CONF).is_file()), None)
    return nearest == root


def _program(words: tuple[str, ...]) -> tuple[str | None, tuple[str, ...]]:
    """Return the module or script that a command line runs, and the words after it."""
    interpreter = Path(words[0]).name
    if not interpreter.startswith(("python", "bash", "sh")):
        return words[0], words[1:]
    for at, word in enumerate(words[1:], 1):
        if word == "-m":
            return (words[at + 1] if len(words) > at + 1 else None), words[at + 2 :]
        if word == "-c":
            return None, ()
        if not word.startswith("-"):
            return word, words[at + 1 :]
    return None, ()
