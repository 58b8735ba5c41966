"""Selection of the configuration that a command works on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from feedd.config import ports
from feedd.config.applied import Applied, read_applied, resolved
from feedd.config.environment import config_path, read_environment
from feedd.config.load import DEFAULT_PATH, load_config, place_of_feed
from feedd.config.settings import Config, ProxySettings
from feedd.endpoint_form import endpoint_fault
from feedd.errors import ConfigError
from feedd.operation.config_choice import choose
from feedd.sources.exchange_names import check_exchange_name
from feedd.supervision import render
from feedd.supervision.daemon import Daemon

if TYPE_CHECKING:
    from os import PathLike

SUPERVISORD_ANSWER_S = 1.0  # a command that only reads must not take long
LAST_PORT = 65_534  # the history has the next one; libzmq takes 70,000 for 4,464


class ActiveConfig(NamedTuple):
    """A configuration, its file, and whether it is what runs; `line` is for the user."""

    settings: Config
    path: Path
    runs: bool = False
    line: str | None = None


def active_config(given: str | None, root: Path) -> ActiveConfig:
    """Return what runs, whatever became of its file; else the file that a start would take.

    Raises ConfigError where a configuration other than the given one runs.
    """
    runs = Daemon(root, SUPERVISORD_ANSWER_S).runs
    try:
        choice = choose(_given(given), last_config(root), DEFAULT_PATH, runs=runs)
    except ConfigError:
        # Nothing runs, and the file that ran last is missing: its copy has its folders and ports.
        if runs or _given(given) is not None or (applied := _applied(root)) is None:
            raise
        return ActiveConfig(applied.config, applied.path)
    applied = _applied(root) if runs else None
    if applied is not None:
        return ActiveConfig(applied.config, applied.path, runs=True)
    settings, path = given_config(choice.path)
    return ActiveConfig(settings, path, runs, choice.line)


def config_to_start(given: str | None, root: Path) -> ActiveConfig:
    """Return the file that a start takes, read now: the one that runs, was given, or ran last.

    Raises ConfigError where a configuration other than the given one runs, and where the one that
    ran last is missing.
    """
    runs = Daemon(root, SUPERVISORD_ANSWER_S).runs
    choice = choose(_given(given), last_config(root), DEFAULT_PATH, runs=runs)
    settings, path = given_config(choice.path)
    return ActiveConfig(settings, path, runs, choice.line)


def last_config(root: Path) -> Path | None:
    """Return the file of the configuration that runs, or ran last."""
    applied = _applied(root)
    return render.rendered_from(root) if applied is None else applied.path


def refuse_another(path: Path, daemon: Daemon) -> None:
    """Raise ConfigError if another configuration is running; call it under the lock."""
    daemon.refuse_moved()
    if daemon.pid is not None:
        choose(path, last_config(daemon.root), DEFAULT_PATH, runs=True)


def unapplied_change(active: ActiveConfig) -> str | None:
    """Return how the file of what runs differs from it now; None where it does not."""
    try:
        settings = load_config(active.path)
        file = resolved(settings, ports.assign(settings, active.path, remember=False))
    except ConfigError as error:
        return f"{error} (what runs is not affected)"
    if _comparable(file) == _comparable(active.settings):
        return None
    return f"{active.path}: changed, and not applied yet; feedd start applies it"


def _comparable(config: Config) -> Config:
    """Return a configuration in which the order of the symbols makes no difference."""
    return msgspec.structs.replace(config, symbols=tuple(sorted(config.symbols, key=repr)))


def _given(given: str | None) -> Path | None:
    named = given or read_environment().get("FEEDD_CONFIG")
    return Path(named) if named else None


def _applied(root: Path) -> Applied | None:
    """Return the applied configuration; None also for a copy that can't be used."""
    try:
        return read_applied(root)
    except ConfigError:
        return None


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
    fault = endpoint_fault(endpoint)
    found = re.fullmatch(r"(tcp://.+:)(\d+)", endpoint)
    if fault is None and (found is None or int(found[2]) > LAST_PORT):
        fault = "the history has the next port"
    if fault is not None or found is None:
        raise ConfigError(
            f"--endpoint {endpoint}: is not an endpoint like tcp://127.0.0.1:5500: {fault}"
        )
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
