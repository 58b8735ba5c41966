"""Port assignment: a symbol without a port takes the next free one, and keeps it permanently.

`<run_dir>/ports.json` holds the assigned ports of each configuration file, so that a symbol that is
removed and added again, or moved within the file, keeps the port that its subscribers use. Two
symbols on one port are an error: neither is moved.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from feedd.errors import ConfigError
from feedd.runtime.files import write_atomically
from feedd.runtime.locks import file_lock
from feedd.runtime.owners import why_refused

if TYPE_CHECKING:
    from feedd.config.settings import Config

FILE = "ports.json"
LOCK = "ports.lock"


def assign(config: Config, config_path: Path, *, remember: bool = True) -> dict[str, int]:
    """Return the port of every feed by its name, and remember those that are new.

    Without `remember` nothing is written, and a later call may return other ports. Raises
    ConfigError if no port is left, if two feeds have the same one, or if the file of assigned
    ports can't be read.
    """
    if not remember and all(feed.port is not None for feed in config.feeds()):
        return _ports(config, {})  # also where the file of assigned ports can't be read
    kept = given(config, config_path)
    ports = _ports(config, kept)
    if not remember or ports.items() <= kept.items():
        return ports
    with file_lock(Path(config.run_dir, LOCK)):
        kept = given(config, config_path)
        ports = _ports(config, kept)
        _write(config, config_path, {**kept, **ports})
    return ports


def given(config: Config, config_path: Path) -> dict[str, int]:
    """Return the ports assigned in a configuration, including those of removed symbols."""
    book = _read(_book(config))
    absolute = f"{config_path.resolve()} from {config.base_port}"  # as earlier versions wrote it
    return book.get(_key(config, config_path), book.get(absolute, {}))


def forget(config: Config, config_path: Path, name: str) -> None:
    """Release the port of a feed that never ran."""
    with file_lock(Path(config.run_dir, LOCK)):
        kept = given(config, config_path)
        if kept.pop(name, None) is not None:
            _write(config, config_path, kept)


def _ports(config: Config, kept: dict[str, int]) -> dict[str, int]:
    feeds = config.feeds()
    ports: dict[str, int] = {}
    owners: dict[int, str] = {}
    for feed in feeds:
        port = feed.port or kept.get(feed.name)
        if port is None:
            continue
        if port in owners:
            raise ConfigError(
                f"port {port} is both {owners[port]}'s and {feed.name}'s; a feed keeps the port "
                "that it was assigned. Give one of them another with `port:`"
            )
        if port in config.reserved_ports():
            raise ConfigError(
                f"port {port} is assigned to {feed.name}, and the proxy or the embedded exchange "
                "now uses it, too; configure another for one of them"
            )
        ports[feed.name] = port
        owners[port] = feed.name
    held_ports = {*owners, *kept.values(), *config.reserved_ports()}
    free = (port for port in range(config.base_port, 65536) if port not in held_ports)
    for feed in feeds:
        if feed.name not in ports:
            port = next(free, None)
            if port is None:
                raise ConfigError(f"no port is left for {feed.name}; choose a lower base_port")
            ports[feed.name] = port
    return {feed.name: ports[feed.name] for feed in feeds}


def _book(config: Config) -> Path:
    return Path(config.run_dir, FILE)


def _key(config: Config, config_path: Path) -> str:
    """Return the name of a configuration in the book, which a rename of the project leaves alone.

    The project's folder is the working folder.
    """
    path = config_path.resolve()
    inside = path.is_relative_to(Path.cwd())
    name = path.relative_to(Path.cwd()) if inside else path
    return f"{name} from {config.base_port}"


def _write(config: Config, config_path: Path, ports: dict[str, int]) -> None:
    """Write the ports of one configuration. The caller holds the lock."""
    book = _book(config)
    write_atomically(book, json.dumps({**_read(book), _key(config, config_path): ports}, indent=1))


def _read(book: Path) -> dict[str, dict[str, int]]:
    try:
        content: dict[str, dict[str, int]] = json.loads(book.read_text())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigError(f"{book}: can't be read: {why_refused(error, book)}") from None
    except ValueError as error:
        raise ConfigError(
            f"{book}: can't read the assigned ports ({error}); "
            "fix it, or delete it to reassign all ports"
        ) from None
    return content
