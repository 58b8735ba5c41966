"""Follow all logs at once, ordered by time, across rotations."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import time
from typing import TYPE_CHECKING

from feedd.errors import ConfigError
from feedd.runtime.logs import lines as log_lines
from feedd.runtime.logs.setup import LOG_SUFFIX
from feedd.supervision.render import EXCHANGE, GATEWAY, RECORDER, WATCHDOG
from feedd.topics import file_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from feedd.config.settings import Config
    from feedd.runtime.logs.lines import LogLine

STDERR_SUFFIX = ".stderr"
SUPERVISORD = "supervisord"
CHUNK_BYTES = 256 * 1024  # of a file in one poll
BLOCK_BYTES = 64 * 1024
TAIL_BYTES = 16 * 1024 * 1024  # of a file at the start, however many lines are asked for


def selected_processes(
    wanted: Iterable[str], folders: Iterable[Path], config: Config | None
) -> frozenset[str] | None:
    """Return the processes that names and symbols select; None without any: all.

    A process with a log needs no configuration; without a configuration, neither does a symbol.
    Raises ConfigError for an unknown name.
    """
    known = _logged(folders)
    names: set[str] = set()
    for name in wanted:
        if name in known:
            found = {name}
        elif config is not None:
            found = {feed.name for feed in config.select(name)}
        else:
            symbol = re.compile(rf"feed-[a-z0-9]+-{file_name(name)}(-.*)?")
            found = {process for process in known if symbol.fullmatch(process)}
        if not found:
            raise ConfigError(f"no log of {name}; there are {', '.join(sorted(known))}")
        names |= found
    return frozenset(names) or None


def former_processes(
    folders: Iterable[Path], config: Config, running: Iterable[str]
) -> frozenset[str]:
    """Return the processes that have logs, and are neither configured nor running."""
    present = {WATCHDOG, SUPERVISORD, *config.proxy_programs(), *(f.name for f in config.feeds())}
    present |= set(running)
    present |= {RECORDER} if config.recorder is not None else set()
    present |= {GATEWAY} if config.gateway_settings is not None else set()
    present |= {EXCHANGE} if config.embedded_exchange is not None else set()
    return frozenset(_logged(folders) - present)


def _logged(folders: Iterable[Path]) -> set[str]:
    return {path.stem for folder in folders for path in folder.glob(f"*{LOG_SUFFIX}")}


class LogFollower:
    """The logs of some folders. `names` are the processes to show; None: all but `former`.

    Call `last` first, then `poll` for newer lines. `behind` means that more can be read at once.
    """

    def __init__(
        self,
        folders: Iterable[Path],
        names: frozenset[str] | None = None,
        former: frozenset[str] = frozenset(),
    ) -> None:
        self._folders = list(dict.fromkeys(folder.resolve() for folder in folders))
        self._names = names
        self._former = former
        self._files: dict[Path, _Log] = {}
        self.behind = False

    def last(self, count: int) -> list[LogLine]:
        """Return the last lines of all files together."""
        newest: list[LogLine] = []
        for log in self._new_files():
            newest += self._shown(log.last(count))
            newest = sorted(newest, key=_at)[-count:] if count else []
        return newest

    def poll(self) -> list[LogLine]:
        """Return the new lines, and all lines of new files."""
        self._new_files()
        lines = []
        for log in self._files.values():
            lines += self._shown(log.read())
        self.behind = any(log.behind for log in self._files.values())
        return sorted(lines, key=_at)

    @property
    def empty(self) -> bool:
        """Whether there is no log at all."""
        return not self._files

    def _new_files(self) -> list[_Log]:
        """Return the logs found for the first time."""
        new = []
        for folder in self._folders:
            for path in sorted([*folder.glob(f"*{LOG_SUFFIX}"), *folder.glob(f"*{STDERR_SUFFIX}")]):
                if path not in self._files and self._wanted(path.stem):
                    self._files[path] = _Log(path)
                    new.append(self._files[path])
        return new

    def _wanted(self, name: str) -> bool:
        if self._names is None:
            return name not in self._former
        return name == SUPERVISORD or name in self._names

    def _shown(self, lines: list[LogLine]) -> list[LogLine]:
        """Omit supervisord's lines on other processes."""
        if self._names is None or SUPERVISORD in self._names:
            return lines
        return [
            line
            for line in lines
            if line.process != SUPERVISORD
            or not self._names.isdisjoint(re.findall(r"[\w-]+", line.event))
        ]


class _Log:
    """One file, read line by line, and through its backups where it is rotated in between."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._process = path.stem
        self._parse: Callable[[bytes, str, float], LogLine] = log_lines.of_json
        if path.suffix == STDERR_SUFFIX:
            self._parse = log_lines.of_text
        elif self._process == SUPERVISORD:
            self._parse = log_lines.of_supervisord
        self._file: int | None = None
        self._position = 0  # behind the last whole line
        self._at_s = 0.0  # of the last line: a bare text has no time of its own
        self.behind = False

    def last(self, count: int) -> list[LogLine]:
        """Return the last lines, with those of the backup before where the file has too few."""
        self._file = file = self._open_filled()
        if file is None:
            return []
        texts, self._position = _tail(file, count)
        if len(texts) < count:
            with contextlib.suppress(FileNotFoundError), self._backup(1).open("rb") as backup:
                texts = _tail(backup.fileno(), count - len(texts))[0] + texts
        self._at_s = os.fstat(file).st_mtime
        return self._lines(texts)

    def read(self) -> list[LogLine]:
        """Return what is new, but no more at once than memory should hold."""
        if self._file is None:
            self._file = self._open_filled()
        if self._file is None:
            return []
        file = self._file
        # Looked up first: once a file has been moved away, nothing is added to it any more.
        moved = self._moved(file)
        if os.fstat(file).st_size < self._position:
            self._position = 0
        data = os.pread(file, CHUNK_BYTES, self._position)
        self.behind = len(data) == CHUNK_BYTES
        whole = data.rfind(b"\n") + 1
        if moved if not self.behind else not whole:
            whole = len(data)  # a line that has no end, or none within what is read at once
        self._position += whole
        if moved and not self.behind:
            self.behind = self._go_on_after(file)
        if self._parse is log_lines.of_text:
            self._at_s = time.time()
        return self._lines(data[:whole].split(b"\n"))

    def _lines(self, texts: list[bytes]) -> list[LogLine]:
        lines = []
        for text in filter(None, texts):
            line = self._parse(text, self._process, self._at_s or time.time())
            self._at_s = line.at_s
            lines.append(line)
        return lines

    def _open_filled(self) -> int | None:
        """Open the file unless it is empty: most processes never print plain text."""
        try:
            return os.open(self._path, os.O_RDONLY) if self._path.stat().st_size else None
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigError(f"{self._path}: can't be read: {error.strerror}") from None

    def _moved(self, file: int) -> bool:
        try:
            return not os.path.samestat(os.fstat(file), self._path.stat())
        except FileNotFoundError:
            return True

    def _go_on_after(self, file: int) -> bool:
        """Open the file that follows one that was moved away; return whether there is one yet."""
        number = self._number(file)
        following = self._backup(number - 1) if number > 1 else self._path
        try:
            opened = os.open(following, os.O_RDONLY)
        except FileNotFoundError:
            return False
        if self._number(file) != number:  # rotated again meanwhile: it may be the one after
            os.close(opened)
            return True
        os.close(file)
        self._file = opened
        self._position = 0
        return True

    def _number(self, file: int) -> int:
        """Return which backup a file is by now; 0 for none."""
        sought = os.fstat(file)
        for number in itertools.count(1):
            try:
                if os.path.samestat(sought, self._backup(number).stat()):
                    return number
            except FileNotFoundError:
                break
        return 0

    def _backup(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


def _tail(file: int, count: int) -> tuple[list[bytes], int]:
    """Return the last lines of a file, read from its end, and where they end."""
    start = os.fstat(file).st_size
    data, found = b"", 0
    while start > 0 and found <= count and len(data) < TAIL_BYTES:
        step = min(BLOCK_BYTES, start)
        start -= step
        block = os.pread(file, step, start)
        found += block.count(b"\n")
        data = block + data
    end = data.rfind(b"\n") + 1
    texts = data[:end].split(b"\n")[:-1]
    if start > 0:
        texts = texts[1:]  # the rest of a line
    return (texts[-count:] if count else []), start + end


def _at(line: LogLine) -> float:
    return line.at_s
