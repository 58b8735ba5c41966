"""Selection of the configuration that a command works on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from feedd.config.environment import config_path, read_environment
from feedd.config.load import load_config, place_of_feed
from feedd.config.settings import Config, ProxySettings
from feedd.errors import ConfigError
from feedd.sources.exchange_names import check_exchange_name
from feedd.supervision import render
from feedd.supervision.daemon import Daemon

if TYPE_CHECKING:
    from os import PathLike

SUPERVISORD_ANSWER_S = 1.0  # a command that only reads must not take long
LAST_PORT = 65_534  # the history has the next one; libzmq takes 70,000 for 4,464


def active_config(given: str | None, root: Path) -> tuple[Config, Path]:
    """Return the running configuration, else the given one, else the default, and its path.

    Raises ConfigError where a configuration other than the given one runs.
    """
    given = given or read_environment().get("FEEDD_CONFIG")
    rendered = render.rendered_from(root)
    if rendered is not None and Daemon(root, SUPERVISORD_ANSWER_S).runs:
        if given is not None and Path(given).resolve() != rendered:
            raise ConfigError(f"feedd runs here on {rendered}; stop it first: feedd stop")
        given = str(rendered)
    return given_config(given)


def given_config(given: str | PathLike[str] | None) -> tuple[Config, Path]:
    """Return the given configuration, else FEEDD_CONFIG's, else the default, and its path."""
    path = config_path(None if given is None else str(given), read_environment())
    settings = load_config(path)
    _check_exchanges(settings, path)
    return settings, path


def endpoint_config(endpoint: str) -> Config:
    """Return the configuration of a subscriber that knows one fan-out endpoint and nothing else.

    The history is at the next port. Raises ConfigError for an endpoint without a port.
    """
    found = re.fullmatch(r"(tcp://.+:)(\d+)", endpoint)
    if found is None or not 1 <= int(found[2]) <= LAST_PORT:
        raise ConfigError(f"--endpoint {endpoint}: is not an endpoint like tcp://127.0.0.1:5500")
    history = f"{found[1]}{int(found[2]) + 1}"
    return Config(symbols=(), proxy=ProxySettings(subscribers=endpoint, history=history))


def _check_exchanges(settings: Config, path: Path) -> None:
    """Raise ConfigError for a live feed whose exchange ccxt.pro lacks."""
    for index, feed in enumerate(settings.feeds()):
        if feed.source != "replay":
            try:
                check_exchange_name(feed.exchange)
            except ConfigError as error:
                raise ConfigError(f"{place_of_feed(path, index, 'exchange')}: {error}") from None
