"""Which port is whose: a symbol without one takes the next free one, and keeps it for good.

What was given stands in `<run_dir>/ports.json`, per configuration file, so that a symbol that is
removed and added again, or moved within the file, comes back to where its subscribers expect it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from feedd.errors import ConfigError
from feedd.files import write_atomically

if TYPE_CHECKING:
    from feedd.config import Config

FILE = "ports.json"


def assign(config: Config, config_path: Path, *, remember: bool = True) -> dict[str, int]:
    """Return the port of every feed by its name, and remember those that are new.

    Without `remember` it only looks: the answer may be another one later. Raises ConfigError
    where no port is left or the file of given ports can't be read.
    """
    book = Path(config.run_dir, FILE)
    key = f"{config_path.resolve()} from {config.base_port}"
    given_before = _read(book)
    kept = dict(given_before.get(key, {}))
    feeds = config.feeds()
    wanted = {feed.name: feed.port for feed in feeds if feed.port is not None}
    taken = set(wanted.values()) | set(config.reserved_ports())
    ports: dict[str, int] = {}
    for feed in feeds:
        port = feed.port or kept.get(feed.name)
        if port is None or (feed.port is None and port in taken):
            held = taken | set(kept.values()) | set(ports.values())
            port = next((p for p in range(config.base_port, 65536) if p not in held), None)
            if port is None:
                raise ConfigError(f"no port is left for {feed.name}; choose a lower base_port")
        ports[feed.name] = kept[feed.name] = port
        taken.add(port)
    if remember and given_before.get(key) != kept:
        write_atomically(book, json.dumps({**given_before, key: kept}, indent=1))
    return ports


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
