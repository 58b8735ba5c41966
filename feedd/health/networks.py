"""How the feeds of a configuration reach their exchanges, for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.config.environment import read_environment
from feedd.config.network import described, network_of
from feedd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from feedd.config.settings import Config
    from feedd.supervision.daemon import Daemon


def network_lines(config: Config, environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the proxies and certificates in force; none where nothing is set.

    Raises ConfigError for a variable that names no usable proxy.
    """
    lines: dict[str, None] = {}
    for feed in config.feeds():
        if feed.source != "replay":
            network = network_of(config, environment, feed.exchange, feed.symbol)
            endpoint = config.endpoint_of(feed.exchange, feed.symbol)
            lines |= dict.fromkeys(described(network, endpoint))
    return tuple(lines)


def running_network_lines(config: Config, daemon: Daemon, pid: int) -> tuple[str, ...] | None:
    """Return what is in force for the workers of a running supervisord: its variables are theirs.

    None where they can't be read, or name no usable proxy.
    """
    environment = daemon.environment(pid)
    if environment is None:
        return None
    try:
        return network_lines(config, read_environment(environment))
    except ConfigError:  # the workers' logs have it
        return None
