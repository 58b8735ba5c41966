"""Which port is whose: a symbol without one takes the next free one, and keeps it for good.

What was given stands in `<run_dir>/ports.json`, per configuration file, so that a symbol that is
removed and added again, or moved within the file, comes back to where its subscribers expect it.
Where two would have one port, that is an error: neither is moved.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from feedd.errors import ConfigError
from feedd.runtime.files import write_atomically
from feedd.runtime.locks import file_lock

if TYPE_CHECKING:
    from feedd.config.settings import Config

FILE = "ports.json"
LOCK = "ports.lock"


def assign(config: Config, config_path: Path, *, remember: bool = True) -> dict[str, int]:
    """Return the port of every feed by its name, and remember those that are new.

    Without `remember` it only looks: the answer may be another one later. Raises ConfigError
    where no port is left, where two would have the same one, or where the file of given ports
    can't be read.
    """
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
    """Return the ports remembered for a configuration, also those of symbols that are gone."""
    return _read(_book(config)).get(_key(config, config_path), {})


def forget(config: Config, config_path: Path, name: str) -> None:
    """Give a feed's port free again: it never ran."""
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
                f"port {port} is both {owners[port]}'s and {feed.name}'s, and a feed keeps its "
                "port for good; give one of them another with `port:`"
            )
        if port in config.reserved_ports():
            raise ConfigError(
                f"port {port} is {feed.name}'s, and now the proxy's or the embedded exchange's "
                "too; give one of them another"
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
    return f"{config_path.resolve()} from {config.base_port}"


def _write(config: Config, config_path: Path, ports: dict[str, int]) -> None:
    """Write the ports of one configuration; whoever calls holds the lock."""
    book = _book(config)
    write_atomically(book, json.dumps({**_read(book), _key(config, config_path): ports}, indent=1))


def _read(book: Path) -> dict[str, dict[str, int]]:
    try:
        content: dict[str, dict[str, int]] = json.loads(book.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{book}: the ports given so far can't be read ({error}); "
            "mend it, or remove it to give all ports anew"
        ) from None
    return content
