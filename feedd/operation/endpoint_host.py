"""Checks of the host that `endpoint:` names, and of the addresses to publish at.

A name that does not exist is an error of the file. A resolver that does not answer is an error of
the network, which may pass, and so is either one for an exchange's own host.
"""

from __future__ import annotations

import difflib
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from feedd.config.load import place_of
from feedd.config.network import network_of
from feedd.errors import ConfigError
from feedd.transport.endpoints import address_of
from feedd.venues.addresses import Addresses
from feedd.venues.registry import venue_modules

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from feedd.config.settings import Config

UNKNOWN = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})


def check_endpoint(settings: Config, path: Path, environment: Mapping[str, str]) -> None:
    """Raise ConfigError if the host of `endpoint:` does not exist, with the nearest known one.

    Behind a proxy, names are the proxy's to resolve, and nothing is checked.
    """
    if settings.endpoint is None:
        return
    host = urlsplit(settings.endpoint).hostname or ""
    feed = settings.feeds()[0]
    if network_of(settings, environment, feed.exchange, feed.symbol).proxy_for(settings.endpoint):
        return
    try:
        socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        if isinstance(error, socket.gaierror) and error.errno not in UNKNOWN:
            return
        close = difflib.get_close_matches(host, _known_hosts(), n=1)
        hint = f"; is it {close[0]}?" if close else ""
        raise ConfigError(
            f"{place_of(path, 'endpoint')}: the host {host} is unknown{hint}"
        ) from None


def check_own_addresses(settings: Config, path: Path) -> None:
    """Raise ConfigError for an address to publish at that this machine does not have."""
    for name, proxy in settings.proxy_programs().items():
        for key in ("subscribers", "workers", "history"):
            endpoint = getattr(proxy, key)
            if not endpoint.startswith("tcp://"):
                continue
            place = place_of(path, name.replace("-", "_"), key)
            try:
                family, address = address_of(endpoint)
            except ConfigError as error:
                raise ConfigError(f"{place}: {error}") from None
            with socket.socket(family) as probe:
                try:
                    probe.bind((address[0], 0))
                except OSError as error:
                    raise ConfigError(
                        f"{place}: {endpoint}: this machine can't publish at {address[0]}: "
                        f"{error.strerror}"
                    ) from None


def _known_hosts() -> list[str]:
    """Return the REST hosts of all venues, and this machine's name for itself."""
    addresses = [
        value
        for module in venue_modules("addresses")
        for value in vars(module).values()
        if isinstance(value, Addresses)
    ]
    return ["localhost", *(urlsplit(one.rest).hostname or "" for one in addresses)]
