"""The applied configuration: a resolved copy of what runs, in the project's folder.

The file that a person edits may be changed, broken or deleted while its processes run. They, and
the commands that act on them, use this copy: it changes when a change is applied, and only then.
It stays after a stop, so that the next start continues with the same configuration.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from feedd.config.environment import config_path
from feedd.config.load import load_config
from feedd.config.settings import Config, SymbolEntry
from feedd.errors import ConfigError
from feedd.runtime.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = Path("run/applied")
LINES = 4  # the file's path, the digest of the third line, the configuration as JSON, nothing


class Applied(NamedTuple):
    """A configuration with every symbol's own settings and port, and the file that it is from."""

    config: Config
    path: Path

    @property
    def ports(self) -> dict[str, int]:
        """Return the port of each feed by its name."""
        return {feed.name: feed.port for feed in self.config.feeds() if feed.port is not None}


def resolved(config: Config, ports: Mapping[str, int]) -> Config:
    """Return a configuration in which every symbol has all settings of its own, and its port."""
    entries = tuple(
        SymbolEntry(feed.symbol, feed.exchange, feed.source, ports[feed.name], feed.channels)
        for feed in config.feeds()
    )
    return msgspec.structs.replace(config, symbols=entries)


def write_applied(config: Config, path: Path, root: Path) -> None:
    """Write the copy; raise ConfigError if it can't be written.

    A file inside the project is named by its path from there: the folder may be moved.
    """
    text = msgspec.json.encode(config)
    named, inside = path.resolve(), root.resolve()
    if named.is_relative_to(inside):
        named = named.relative_to(inside)
    lines = (os.fsencode(named), hashlib.sha256(text).hexdigest().encode(), text)
    write_atomically(Path(root, FILE), b"\n".join(lines) + b"\n")


def read_applied(root: Path) -> Applied | None:
    """Return the applied configuration; None if there is none.

    Raises ConfigError for a copy that is damaged or was edited.
    """
    path = Path(root, FILE)
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"{path}: can't be read: {error.strerror}") from None
    whole = len(lines) == LINES and not lines[3]
    if not whole or hashlib.sha256(lines[2]).hexdigest().encode() != lines[1]:
        raise ConfigError(f"{path}: is damaged, or was edited; feedd start writes it again")
    try:
        config = msgspec.json.decode(lines[2], type=Config)
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{path}: is of another version ({error}); run feedd start") from None
    return Applied(config, Path(root.resolve(), os.fsdecode(lines[0])))


def applied_at(root: Path) -> int | None:
    """Return when a configuration was applied last, in ns; None if none was."""
    try:
        return Path(root, FILE).stat().st_mtime_ns
    except OSError:
        return None


def worker_config(
    given: str | None, environment: dict[str, str], *, applied: bool
) -> tuple[Config, Path]:
    """Return the configuration of a worker and its file; `applied`: supervisord started it."""
    if applied:
        found = read_applied(Path())
        if found is None:
            raise ConfigError(f"{FILE}: no such file; feedd start writes it")
        return found
    path = config_path(given, environment)
    return load_config(path), path
